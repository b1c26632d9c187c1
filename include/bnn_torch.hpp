// bnn for LibTorch: binary layers as modules and autograd functions, forward and backward on packed
// bits.
//
// Header-only, over bnn.hpp; a program links libbnn and LibTorch (1.13 or newer). Guide:
// docs/C_API.md, "LibTorch".
//
//   bnn::torch::SignWeightLinear, SignWeightConv2d     first layers: numbers times signs of weights
//   bnn::torch::BinaryLinear, BinaryConv2d             in place of torch::nn::Linear and Conv2d
//   bnn::torch::BatchNorm1d, BatchNorm2d               LibTorch's, evaluated as model files do
//   bnn::torch::clamp_weights_                         after each optimizer.step()
//   bnn::torch::export_model                           a network as a model file, compared with it
//   bnn::torch::export_graph                           a residual network as one, described by its parts
//   bnn::set_num_threads                               threads of libbnn, apart from LibTorch's
//   bnn::torch::binary_linear, binary_conv2d, BinaryLinearFunction, BinaryConv2dFunction
//   without a module
//
// Signs     sign(x) = +1 where x >= 0, else -1: -0.0 gives +1. (`torch::sign` gives 0 for 0.)
// Gradients Those of the straight-through estimator (Hubara et al. 2016, arXiv 1602.02830): of the
// sign of an input, passed
//           where |x| <= clip; of the sign of a latent weight, passed everywhere, the weights being clamped to [-1, 1]
//           after each step. First order only.
// Memory    A graph of a binary layer keeps two bits per element of its input, and one per weight.
// Tensors   float32 in CPU memory, of any strides; a TORCH_CHECK refuses everything else, and
// weights that are not finite. Threads   Modules may be used by any number of threads at once, as
// long as none changes their parameters at the same time.
//
// Do not write `using namespace bnn` where `torch::` is meant to be LibTorch's.
#ifndef BNN_TORCH_HPP
#define BNN_TORCH_HPP

#include "bnn/info.hpp"
#include "bnn/torch/batch_norm.hpp"
#include "bnn/torch/clamp.hpp"
#include "bnn/torch/conv2d.hpp"
#include "bnn/torch/conv2d_function.hpp"
#include "bnn/torch/export.hpp"
#include "bnn/torch/export_graph.hpp"
#include "bnn/torch/linear.hpp"
#include "bnn/torch/linear_function.hpp"
#include "bnn/torch/sign_weight.hpp"

#endif
