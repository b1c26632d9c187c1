// What all layers with latent weights have in common: their parameters. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_LATENT_HPP
#define BNN_TORCH_LATENT_HPP

#include <algorithm>
#include <cmath>

#include "tensor.hpp"

namespace bnn::torch::detail {

/// The largest magnitude of latent weights; throws unless all of them are finite.
inline float largest_magnitude(const Tensor &weight) {
    const auto [low, high] = ::at::aminmax(weight.detach());
    const float least = low.item<float>(), most = high.item<float>();
    TORCH_CHECK(std::isfinite(least) && std::isfinite(most),
                "bnn: weight: expected finite numbers, found some from ", least, " to ", most, "; has training diverged?");
    return std::max(-least, most);
}

/// Latent weights, and a factor and a summand per output, which may be undefined.
class LatentParameters {
  public:
    virtual ~LatentParameters() = default;

    /// Sets latent weights to Glorot-uniform numbers, scales to 1 and biases to 0.
    void reset_parameters() {
        const ::at::NoGradGuard no_grad;
        ::torch::nn::init::xavier_uniform_(weight);
        if (scale.defined()) {
            scale.fill_(1.0);
        }
        if (bias.defined()) {
            bias.zero_();
        }
    }

    /// Clamps the latent weights to [-1, 1], in place.
    void clamp_weight_() {
        const ::at::NoGradGuard no_grad;
        weight.clamp_(-1.0, 1.0);
    }

    /// Latent weights; the forward pass sees their signs.
    Tensor weight;
    /// One number per output, or undefined.
    Tensor scale, bias;

  protected:
    /// To be called where training goes over the weights: throws unless they are finite, and warns
    /// once in a program that does not clamp them.
    void check_weight() const {
        if (largest_magnitude(weight) > 1.0f) {
            TORCH_WARN_ONCE("bnn: a latent weight is outside [-1, 1], where it takes many steps to change its sign: call "
                            "bnn::torch::clamp_weights_(*net) after each optimizer.step()");
        }
    }
};

/// A module with latent weights of a shape whose first dimension counts the outputs.
template <class Derived> class LatentLayer : public ::torch::nn::Cloneable<Derived>, public LatentParameters {
  protected:
    void register_latent(::at::IntArrayRef shape, bool has_scale, bool has_bias) {
        const auto per_output = [&](const char *name, bool present) {
            const Tensor t = present ? ::torch::empty({shape[0]}) : Tensor();
            return this->register_parameter(name, t, /*requires_grad=*/present);
        };
        weight = this->register_parameter("weight", ::torch::empty(shape));
        scale = per_output("scale", has_scale);
        bias = per_output("bias", has_bias);
        reset_parameters();
    }
};

} // namespace bnn::torch::detail

#endif
