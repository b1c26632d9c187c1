// The binary convolution as a function. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_CONV2D_FUNCTION_HPP
#define BNN_TORCH_CONV2D_FUNCTION_HPP

#include <memory>
#include <utility>
#include <vector>

#include "../conv2d.hpp"
#include "passes.hpp"

namespace bnn::torch {

/// How the windows of a convolution lie; pairs are `{height, width}`.
struct Windows {
    ::torch::ExpandingArray<2> stride = 1;
    /// Rows above and columns to the left, rows below and columns to the right.
    ::torch::ExpandingArray<2> pad_before = 0, pad_after = 0;
    ::torch::ExpandingArray<2> dilation = 1;
    int64_t groups = 1;
    /// The value of the padding. BNN_PAD_ZERO, LibTorch's, adds nothing to a sum; the others are
    /// signs.
    bnn_pad_value_t pad_value = BNN_PAD_ZERO;
};

namespace detail {

/// A size for the library, which refuses 0 where it must, and names it.
inline std::size_t size(const char *what, int64_t value) {
    TORCH_CHECK(value >= 0, "bnn: ", what, ": expected at least 0, found ", value);
    return static_cast<std::size_t>(value);
}

inline Conv2dOptions conv2d_options(int64_t height, int64_t width, const Tensor &weight, const Windows &windows,
                                    double clip) {
    Conv2dOptions options;
    options.height = size("height", height);
    options.width = size("width", width);
    options.groups = size("groups", windows.groups);
    options.channels = size("channels", weight.size(1)) * options.groups;
    options.outputs = size("outputs", weight.size(0));
    options.kernel_height = size("kernel_size", weight.size(2));
    options.kernel_width = size("kernel_size", weight.size(3));
    options.stride_y = size("stride", windows.stride->at(0));
    options.stride_x = size("stride", windows.stride->at(1));
    options.dilation_y = size("dilation", windows.dilation->at(0));
    options.dilation_x = size("dilation", windows.dilation->at(1));
    options.pad_top = size("padding", windows.pad_before->at(0));
    options.pad_left = size("padding", windows.pad_before->at(1));
    options.pad_bottom = size("padding", windows.pad_after->at(0));
    options.pad_right = size("padding", windows.pad_after->at(1));
    options.pad_value = windows.pad_value;
    options.clip = static_cast<float>(clip);
    return options;
}

/// Views of `[batch, channels, height, width]` with channels last, as the library has them, and
/// back.
inline Tensor channels_last(const Tensor &t) { return t.permute({0, 2, 3, 1}); }
inline Tensor channels_first(const Tensor &t) { return t.permute({0, 3, 1, 2}); }

} // namespace detail

/// The signs of `weight`, `[outputs, channels / groups, kernel height, kernel width]`, packed for
/// images of one size.
inline std::shared_ptr<const Conv2d> pack_conv2d(int64_t height, int64_t width, const Tensor &weight,
                                                 const OptionalTensor &scale, const OptionalTensor &bias,
                                                 const Windows &windows, double clip = 1.0) {
    detail::check_tensor("weight", weight);
    TORCH_CHECK(weight.dim() == 4 && weight.numel() > 0,
                "bnn: weight: expected shape [outputs, channels / groups, kernel height, kernel width], none of them 0, "
                "found ",
                weight.sizes());
    detail::check_per_output("scale", scale, weight.size(0));
    detail::check_per_output("bias", bias, weight.size(0));
    const ::at::NoGradGuard no_grad;
    const Tensor w = detail::dense(detail::channels_last(weight));
    const Tensor s = scale.has_value() ? detail::dense(*scale) : Tensor();
    const Tensor b = bias.has_value() ? detail::dense(*bias) : Tensor();
    return detail::checked([&] {
        return std::make_shared<const Conv2d>(detail::conv2d_options(height, width, weight, windows, clip),
                                              detail::read(w), Affine{detail::write(s), detail::write(b)});
    });
}

/// The convolution of `sign(input)` with `sign(weight)`, times scale, plus bias. Its gradients are
/// those that the head of bnn_torch.hpp names.
///
/// `apply(input, weight, scale, bias, layer)`: `layer` is what `pack_conv2d` made of these
/// `weight`, `scale` and `bias` for images of this size. `binary_conv2d` does both.
class BinaryConv2dFunction : public ::torch::autograd::Function<BinaryConv2dFunction> {
  public:
    static Tensor forward(::torch::autograd::AutogradContext *ctx, const Tensor &input, const Tensor &weight,
                          const OptionalTensor &scale, const OptionalTensor &bias,
                          const std::shared_ptr<const Conv2d> &layer, const detail::Watch &watch = nullptr) {
        const Pass pass(input, *layer);
        ctx->saved_data["input_shape"] = pass.x.sizes().vec();
        ctx->saved_data["weight_shape"] = detail::channels_last(weight).sizes().vec();
        ctx->saved_data["batched"] = pass.batched;
        detail::run_saving(ctx, layer, watch, pass.x.size(0), pass.x, pass.y, scale.has_value(), bias.has_value());
        return pass.output();
    }

    static ::torch::autograd::variable_list backward(::torch::autograd::AutogradContext *ctx,
                                                     ::torch::autograd::variable_list grad_outputs) {
        const bool batched = ctx->saved_data["batched"].toBool();
        const Tensor dy = batched ? grad_outputs[0] : grad_outputs[0].unsqueeze(0);
        auto g = detail::gradients<Conv2d>(ctx, detail::channels_last(dy), ctx->saved_data["input_shape"].toIntVector(),
                                   ctx->saved_data["weight_shape"].toIntVector());
        if (g.x.defined()) {
            g.x = detail::channels_first(g.x);
            g.x = batched ? g.x : g.x.squeeze(0);
        }
        if (g.w.defined()) {
            g.w = detail::channels_first(g.w);
        }
        return {g.x, g.w, g.scale, g.bias, Tensor(), Tensor()};
    }

    /// The forward pass alone.
    static Tensor infer(const Tensor &input, const Conv2d &layer) {
        const Pass pass(input, layer);
        detail::run(layer, pass.x.size(0), pass.x, pass.y);
        return pass.output();
    }

  private:
    /// Input and output of a forward pass, channels last. A single image is a batch of one.
    struct Pass {
        Pass(const Tensor &input, const Conv2d &layer) {
            detail::check_tensor("input", input);
            const auto &options = layer.options();
            const auto channels = static_cast<int64_t>(options.channels);
            const auto height = static_cast<int64_t>(options.height), width = static_cast<int64_t>(options.width);
            batched = input.dim() == 4;
            TORCH_CHECK((batched || input.dim() == 3) && input.size(-3) == channels && input.size(-2) == height &&
                            input.size(-1) == width,
                        "bnn: input: expected shape [batch, ", channels, ", ", height, ", ", width, "] or [", channels,
                        ", ", height, ", ", width, "], found ", input.sizes());
            const Tensor images = batched ? input.detach() : input.detach().unsqueeze(0);
            keep_format = images.suggest_memory_format();
            x = detail::dense(detail::channels_last(images));
            y = ::at::empty({images.size(0), static_cast<int64_t>(layer.output_height()),
                             static_cast<int64_t>(layer.output_width()), static_cast<int64_t>(options.outputs)},
                            x.options());
        }

        /// The output with the order of dimensions and the memory format of the input, as
        /// LibTorch's convolutions give it.
        Tensor output() const {
            const Tensor images = detail::channels_first(y).contiguous(keep_format);
            return batched ? images : images.squeeze(0);
        }

        bool batched;
        ::at::MemoryFormat keep_format;
        Tensor x, y;
    };
};

namespace detail {

inline Tensor apply_conv2d(const Tensor &input, const Tensor &weight, const OptionalTensor &scale,
                           const OptionalTensor &bias, const std::shared_ptr<const Conv2d> &layer,
                           const Watch &watch = nullptr) {
    if (needs_graph(input, weight, scale, bias)) {
        return BinaryConv2dFunction::apply(input, weight, scale, bias, layer, watch);
    }
    return BinaryConv2dFunction::infer(input, *layer);
}

/// Height and width of images, where they have both.
inline std::pair<int64_t, int64_t> image_size(const Tensor &input) {
    check_tensor("input", input);
    TORCH_CHECK(input.dim() == 3 || input.dim() == 4,
                "bnn: input: expected 4 dimensions, or 3 of a single image, found shape ", input.sizes());
    return {input.size(-2), input.size(-1)};
}

} // namespace detail

/// The convolution of `sign(input)`, `[batch, channels, height, width]` or `[channels, height,
/// width]`, with `sign(weight)`, `[outputs, channels / groups, kernel height, kernel width]`, times
/// scale, plus bias, both `[outputs]`. The weights are packed at each call; a `BinaryConv2d` in
/// evaluation keeps them.
inline Tensor binary_conv2d(const Tensor &input, const Tensor &weight, const OptionalTensor &scale = {},
                            const OptionalTensor &bias = {}, const Windows &windows = {}, double clip = 1.0) {
    const auto [height, width] = detail::image_size(input);
    const auto layer = pack_conv2d(height, width, weight, scale, bias, windows, clip);
    return detail::apply_conv2d(input, weight, scale, bias, layer);
}

} // namespace bnn::torch

#endif
