// Clamping of the latent weights of a whole network. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_CLAMP_HPP
#define BNN_TORCH_CLAMP_HPP

#include "conv2d.hpp"
#include "linear.hpp"

namespace bnn::torch {

/// Clamps the latent weights of all binary layers in a network to [-1, 1]: call it behind each `optimizer.step()`.
///
/// The gradient of a latent weight passes wherever the weight is, so an optimizer would let it grow beyond what a few steps
/// can turn round.
inline void clamp_weights_(::torch::nn::Module &network) {
    network.apply([](::torch::nn::Module &module) {
        if (auto *linear = module.as<BinaryLinear>()) {
            linear->clamp_weight_();
        } else if (auto *conv = module.as<BinaryConv2d>()) {
            conv->clamp_weight_();
        }
    });
}

} // namespace bnn::torch

#endif
