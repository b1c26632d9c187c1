// Clamping of the latent weights of a whole network. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_CLAMP_HPP
#define BNN_TORCH_CLAMP_HPP

#include "latent.hpp"

namespace bnn::torch {

/// Clamps the latent weights of all layers of this library in a network to [-1, 1]: call it after
/// each `optimizer.step()`.
///
/// The gradient of a latent weight passes wherever the weight is, so an optimizer would let it grow
/// until many steps are needed to change its sign. Forward passes in training warn, once in a
/// program, if they meet such a weight.
inline void clamp_weights_(::torch::nn::Module &network) {
    network.apply([](::torch::nn::Module &module) {
        if (auto *layer = dynamic_cast<detail::LatentParameters *>(&module)) {
            layer->clamp_weight_();
        }
    });
}

} // namespace bnn::torch

#endif
