// bnn for LibTorch: binary layers as modules and autograd functions, forward and backward on packed bits.
//
// Header-only, over bnn.hpp; a program links libbnn and LibTorch (1.13 or newer). Guide: docs/C_API.md, "LibTorch".
//
//   bnn::torch::BinaryLinear         in place of torch::nn::Linear
//   bnn::torch::BinaryConv2d         in place of torch::nn::Conv2d
//   bnn::torch::clamp_weights_       behind optimizer.step()
//   bnn::torch::binary_linear, binary_conv2d, BinaryLinearFunction, BinaryConv2dFunction      without a module
//
// Signs     sign(x) = +1 where x >= 0, else -1: -0.0 gives +1 and NaN -1. (`torch::sign` gives 0 for 0.)
// Gradients Those of the straight-through estimator (Hubara et al. 2016, arXiv 1602.02830): of the sign of an input, passed
//           where |x| <= clip; of the sign of a latent weight, passed everywhere, the weights being clamped to [-1, 1]
//           after each step. First order only.
// Memory    A graph keeps two bits per element of an input, and one per weight.
// Tensors   float32 in CPU memory, of any strides; whatever else is refused by a TORCH_CHECK that says so.
// Threads   Modules may be used by any number of threads at once, as long as none changes their parameters meanwhile.
//
// Do not write `using namespace bnn` where `torch::` is meant to be LibTorch's.
#ifndef BNN_TORCH_HPP
#define BNN_TORCH_HPP

#include "bnn/torch/clamp.hpp"
#include "bnn/torch/conv2d.hpp"
#include "bnn/torch/conv2d_function.hpp"
#include "bnn/torch/linear.hpp"
#include "bnn/torch/linear_function.hpp"

#endif
