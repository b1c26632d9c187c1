// What linear layers and convolutions have in common. Part of bnn.hpp.
#ifndef BNN_LAYER_HPP
#define BNN_LAYER_HPP

#include "error.hpp"
#include "span.hpp"

namespace bnn {

/// The parameters of a layer besides its weights: a factor and a summand for each output. An empty
/// span stands for factors of 1, or summands of 0.
struct Affine {
    Span<const float> scale, bias;
};

/// The places to which a backward pass writes the gradients, each in the shape of its tensor. An
/// empty one is not computed.
struct Gradients {
    Span<float> x, w, scale, bias;
};

namespace detail {

inline void expect_affine(const Affine &affine, std::size_t outputs) {
    expect_size_or_none("scale", outputs, affine.scale.size());
    expect_size_or_none("bias", outputs, affine.bias.size());
}

inline void expect_gradients(const Gradients &into, std::size_t x, std::size_t w, std::size_t outputs) {
    expect_size_or_none("grad_x", x, into.x.size());
    expect_size_or_none("grad_w", w, into.w.size());
    expect_size_or_none("grad_scale", outputs, into.scale.size());
    expect_size_or_none("grad_bias", outputs, into.bias.size());
}

} // namespace detail
} // namespace bnn

#endif
