// What linear layers and convolutions have in common. Part of bnn.hpp.
#ifndef BNN_LAYER_HPP
#define BNN_LAYER_HPP

#include "error.hpp"
#include "span.hpp"

namespace bnn {

/// What a layer has besides its weights: a factor and a summand for each output. Empty: factors of
/// 1, summands of 0.
struct Affine {
    Span<const float> scale, bias;
};

/// Where a backward pass writes each gradient, in the shape of what it belongs to. Empty ones are
/// not computed.
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
