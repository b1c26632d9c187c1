// The binary linear layer as a function. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_LINEAR_FUNCTION_HPP
#define BNN_TORCH_LINEAR_FUNCTION_HPP

#include <memory>
#include <vector>

#include "../linear.hpp"
#include "passes.hpp"

namespace bnn::torch {

/// The signs of `weight`, `[outputs, inputs]`, packed, with a factor and a summand for each output.
inline std::shared_ptr<const Linear> pack_linear(const Tensor &weight, const OptionalTensor &scale,
                                                 const OptionalTensor &bias, double clip = 1.0) {
    detail::check_tensor("weight", weight);
    TORCH_CHECK(weight.dim() == 2 && weight.numel() > 0,
                "bnn: weight: expected shape [outputs, inputs], none of them 0, found ", weight.sizes());
    detail::check_per_output("scale", scale, weight.size(0));
    detail::check_per_output("bias", bias, weight.size(0));
    const ::at::NoGradGuard no_grad;
    const Tensor w = detail::dense(weight);
    const Tensor s = scale.has_value() ? detail::dense(*scale) : Tensor();
    const Tensor b = bias.has_value() ? detail::dense(*bias) : Tensor();
    return detail::checked([&] {
        return std::make_shared<const Linear>(detail::read(w), static_cast<std::size_t>(w.size(0)),
                                              static_cast<std::size_t>(w.size(1)),
                                              Affine{detail::write(s), detail::write(b)}, static_cast<float>(clip));
    });
}

/// `scale * (sign(input) · sign(weight)^T) + bias`. Its gradients are those that the head of
/// bnn_torch.hpp names.
///
/// `apply(input, weight, scale, bias, layer)`: `layer` is what `pack_linear` made of these
/// `weight`, `scale` and `bias`. `binary_linear` does both.
class BinaryLinearFunction : public ::torch::autograd::Function<BinaryLinearFunction> {
  public:
    static Tensor forward(::torch::autograd::AutogradContext *ctx, const Tensor &input, const Tensor &weight,
                          const OptionalTensor &scale, const OptionalTensor &bias,
                          const std::shared_ptr<const Linear> &layer, const detail::Watch &watch = nullptr) {
        const Pass pass(input, *layer);
        ctx->saved_data["input_shape"] = input.sizes().vec();
        ctx->saved_data["weight_shape"] = weight.sizes().vec();
        detail::run_saving(ctx, layer, watch, pass.rows, pass.x, pass.y, scale.has_value(), bias.has_value());
        return pass.y;
    }

    static ::torch::autograd::variable_list backward(::torch::autograd::AutogradContext *ctx,
                                                     ::torch::autograd::variable_list grad_outputs) {
        const auto g = detail::gradients<Linear>(ctx, grad_outputs[0], ctx->saved_data["input_shape"].toIntVector(),
                                         ctx->saved_data["weight_shape"].toIntVector());
        return {g.x, g.w, g.scale, g.bias, Tensor(), Tensor()};
    }

    /// The forward pass alone.
    static Tensor infer(const Tensor &input, const Linear &layer) {
        const Pass pass(input, layer);
        detail::run(layer, pass.rows, pass.x, pass.y);
        return pass.y;
    }

  private:
    /// Input and output of a forward pass: leading dimensions are rows, and are those of the
    /// output.
    struct Pass {
        Pass(const Tensor &input, const Linear &layer) {
            detail::check_tensor("input", input);
            const auto inputs = static_cast<int64_t>(layer.inputs());
            TORCH_CHECK(input.dim() >= 1 && input.size(-1) == inputs, "bnn: input: expected shape [.., ", inputs,
                        "], found ", input.sizes());
            rows = input.numel() / inputs;
            x = detail::dense(input.detach());
            std::vector<int64_t> shape = input.sizes().vec();
            shape.back() = static_cast<int64_t>(layer.outputs());
            y = ::at::empty(shape, x.options());
        }

        int64_t rows;
        Tensor x, y;
    };
};

namespace detail {

inline Tensor apply_linear(const Tensor &input, const Tensor &weight, const OptionalTensor &scale,
                           const OptionalTensor &bias, const std::shared_ptr<const Linear> &layer,
                           const Watch &watch = nullptr) {
    if (needs_graph(input, weight, scale, bias)) {
        return BinaryLinearFunction::apply(input, weight, scale, bias, layer, watch);
    }
    return BinaryLinearFunction::infer(input, *layer);
}

} // namespace detail

/// `scale * (sign(input) · sign(weight)^T) + bias`: input `[.., inputs]`, weight `[outputs,
/// inputs]`, scale and bias `[outputs]`, output `[.., outputs]`. The weights are packed at each
/// call; a `BinaryLinear` in evaluation keeps them.
inline Tensor binary_linear(const Tensor &input, const Tensor &weight, const OptionalTensor &scale = {},
                            const OptionalTensor &bias = {}, double clip = 1.0) {
    return detail::apply_linear(input, weight, scale, bias, pack_linear(weight, scale, bias, clip));
}

} // namespace bnn::torch

#endif
