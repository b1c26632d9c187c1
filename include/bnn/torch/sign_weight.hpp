// First layers: numbers times signs of weights, as modules. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_SIGN_WEIGHT_HPP
#define BNN_TORCH_SIGN_WEIGHT_HPP

#include <ostream>

#include "conv2d.hpp"
#include "latent.hpp"

namespace bnn::torch {

/// `sign(weight)` with the straight-through gradient, which passes everywhere.
class SignWeightFunction : public ::torch::autograd::Function<SignWeightFunction> {
  public:
    static Tensor forward(::torch::autograd::AutogradContext *, const Tensor &weight) {
        return weight.ge(0).to(weight.scalar_type()).mul_(2).sub_(1);
    }

    static ::torch::autograd::variable_list backward(::torch::autograd::AutogradContext *,
                                                     ::torch::autograd::variable_list grad_outputs) {
        return {grad_outputs[0]};
    }
};

namespace detail {

/// `scale * sums + bias`, each operation rounded to a float, as model files compute it.
inline Tensor affine(Tensor sums, const Tensor &scale, const Tensor &bias, ::at::IntArrayRef shape) {
    if (scale.defined()) {
        sums = sums * scale.view(shape);
    }
    return bias.defined() ? sums + bias.view(shape) : sums;
}

} // namespace detail

/// Options of `SignWeightLinear`: those of `torch::nn::Linear` and `scale`.
struct SignWeightLinearOptions {
    SignWeightLinearOptions(int64_t in_features, int64_t out_features)
        : in_features_(in_features), out_features_(out_features) {}

    TORCH_ARG(int64_t, in_features);
    TORCH_ARG(int64_t, out_features);
    /// A learnt summand per output, 0 at first. A batch norm after the layer makes it superfluous.
    TORCH_ARG(bool, bias) = true;
    /// A learnt factor per output, 1 at first.
    TORCH_ARG(bool, scale) = false;
};

/// See `SignWeightLinear`.
class SignWeightLinearImpl : public detail::LatentLayer<SignWeightLinearImpl> {
  public:
    SignWeightLinearImpl(int64_t in_features, int64_t out_features)
        : SignWeightLinearImpl(SignWeightLinearOptions(in_features, out_features)) {}

    explicit SignWeightLinearImpl(const SignWeightLinearOptions &given) : options(given) {
        TORCH_CHECK(options.in_features() > 0 && options.out_features() > 0,
                    "bnn: SignWeightLinear: expected features of at least 1, found ", options.in_features(), " and ",
                    options.out_features());
        SignWeightLinearImpl::reset();
    }

    void reset() override {
        register_latent({options.out_features(), options.in_features()}, options.scale(), options.bias());
    }

    /// `[.., in_features]` to `[.., out_features]`.
    Tensor forward(const Tensor &input) {
        detail::check_tensor("input", input);
        detail::check_tensor("weight", weight);
        TORCH_CHECK(input.dim() >= 1 && input.size(-1) == options.in_features(), "bnn: input: expected shape [.., ",
                    options.in_features(), "], found ", input.sizes());
        check_weight();
        return detail::affine(::torch::linear(input, SignWeightFunction::apply(weight)), scale, bias, {-1});
    }

    void pretty_print(std::ostream &stream) const override {
        stream << std::boolalpha << "bnn::torch::SignWeightLinear(in_features=" << options.in_features()
               << ", out_features=" << options.out_features() << ", bias=" << options.bias()
               << ", scale=" << options.scale() << ")";
    }

    SignWeightLinearOptions options;
};

/// `scale * (input · sign(weight)^T) + bias` as a module: the first layer of a network of numbers,
/// such as the bytes of an image. Its parameters are `weight`, `[out_features, in_features]`,
/// `scale` and `bias`, `[out_features]`.
///
/// LibTorch multiplies. For integers, as model files take them, the sums are exact up to 2^24.
class SignWeightLinear : public ::torch::nn::ModuleHolder<SignWeightLinearImpl> {
  public:
    using ::torch::nn::ModuleHolder<SignWeightLinearImpl>::ModuleHolder;
    using Impl = SignWeightLinearImpl;
};

/// Options of `SignWeightConv2d`: those of `torch::nn::Conv2d` and `scale`. The padding is made of
/// zeros.
struct SignWeightConv2dOptions {
    SignWeightConv2dOptions(int64_t in_channels, int64_t out_channels, ::torch::ExpandingArray<2> kernel_size)
        : in_channels_(in_channels), out_channels_(out_channels), kernel_size_(kernel_size) {}

    using padding_t = ::torch::nn::Conv2dOptions::padding_t;

    TORCH_ARG(int64_t, in_channels);
    TORCH_ARG(int64_t, out_channels);
    TORCH_ARG(::torch::ExpandingArray<2>, kernel_size);
    TORCH_ARG(::torch::ExpandingArray<2>, stride) = 1;
    /// Numbers, `torch::kSame` (of stride 1) or `torch::kValid`.
    TORCH_ARG(padding_t, padding) = ::torch::ExpandingArray<2>(0);
    TORCH_ARG(::torch::ExpandingArray<2>, dilation) = 1;
    TORCH_ARG(int64_t, groups) = 1;
    /// A learnt summand per output channel, 0 at first. A batch norm after the layer makes it
    /// superfluous.
    TORCH_ARG(bool, bias) = true;
    /// A learnt factor per output channel, 1 at first.
    TORCH_ARG(bool, scale) = false;
};

/// See `SignWeightConv2d`.
class SignWeightConv2dImpl : public detail::LatentLayer<SignWeightConv2dImpl> {
  public:
    SignWeightConv2dImpl(int64_t in_channels, int64_t out_channels, ::torch::ExpandingArray<2> kernel_size)
        : SignWeightConv2dImpl(SignWeightConv2dOptions(in_channels, out_channels, kernel_size)) {}

    explicit SignWeightConv2dImpl(const SignWeightConv2dOptions &given)
        : options(given), windows_(detail::windows_of("SignWeightConv2d", options)) {
        SignWeightConv2dImpl::reset();
    }

    void reset() override { register_latent(detail::filter_shape(options), options.scale(), options.bias()); }

    /// `[batch, in_channels, height, width]` to `[batch, out_channels, .., ..]`, or both without
    /// the batch.
    Tensor forward(const Tensor &input) {
        detail::check_tensor("input", input);
        detail::check_tensor("weight", weight);
        const auto &before = windows_.pad_before, &after = windows_.pad_after;
        TORCH_CHECK((input.dim() == 3 || input.dim() == 4) && input.size(-3) == options.in_channels(),
                    "bnn: input: expected shape [batch, ", options.in_channels(), ", height, width], found ", input.sizes());
        check_weight();
        const Tensor w = SignWeightFunction::apply(weight);
        const bool even = *before == *after;
        const Tensor x = even ? input : ::torch::constant_pad_nd(input, {before->at(1), after->at(1), before->at(0), after->at(0)});
        const ::torch::ExpandingArray<2> padding = even ? before : ::torch::ExpandingArray<2>(0);
        const Tensor sums = ::torch::conv2d(x, w, {}, windows_.stride, padding, windows_.dilation, windows_.groups);
        return detail::affine(sums, scale, bias, {-1, 1, 1});
    }

    void pretty_print(std::ostream &stream) const override {
        stream << "bnn::torch::SignWeightConv2d(";
        detail::print_convolution(stream, options, windows_);
        stream << ")";
    }

    /// The options that the module was made with; changing them later has no effect.
    SignWeightConv2dOptions options;

    /// How the windows lie: what the options come to.
    const Windows &windows() const noexcept { return windows_; }

  private:
    Windows windows_;
};

/// The convolution of images with the signs of its filters, times a scale, plus a bias, as a
/// module: the first layer of a network of images. Its parameters are `weight`, `[out_channels,
/// in_channels / groups, kernel height, kernel width]`, `scale` and `bias`, `[out_channels]`.
class SignWeightConv2d : public ::torch::nn::ModuleHolder<SignWeightConv2dImpl> {
  public:
    using ::torch::nn::ModuleHolder<SignWeightConv2dImpl>::ModuleHolder;
    using Impl = SignWeightConv2dImpl;
};

} // namespace bnn::torch

#endif
