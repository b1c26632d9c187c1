// The binary convolution as a module. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_CONV2D_HPP
#define BNN_TORCH_CONV2D_HPP

#include <ostream>

#include "conv2d_function.hpp"
#include "packed_cache.hpp"

namespace bnn::torch {

/// Options of `BinaryConv2d`, those of `torch::nn::Conv2d` and three more; `pad_value` stands for its padding mode.
struct BinaryConv2dOptions {
    BinaryConv2dOptions(int64_t in_channels, int64_t out_channels, ::torch::ExpandingArray<2> kernel_size)
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
    /// A learnt summand for each output channel, 0 at first. In front of a batch norm it is for nothing.
    TORCH_ARG(bool, bias) = true;
    /// A learnt factor for each output channel, 1 at first.
    TORCH_ARG(bool, scale) = false;
    /// The gradient of the input passes where `|input| <= clip`.
    TORCH_ARG(double, clip) = 1.0;
    /// What the padding is made of. BNN_PAD_ZERO, LibTorch's, adds nothing to a sum; the others are signs.
    TORCH_ARG(bnn_pad_value_t, pad_value) = BNN_PAD_ZERO;
};

/// See `BinaryConv2d`.
class BinaryConv2dImpl : public ::torch::nn::Cloneable<BinaryConv2dImpl> {
  public:
    BinaryConv2dImpl(int64_t in_channels, int64_t out_channels, ::torch::ExpandingArray<2> kernel_size)
        : BinaryConv2dImpl(BinaryConv2dOptions(in_channels, out_channels, kernel_size)) {}

    explicit BinaryConv2dImpl(const BinaryConv2dOptions &given) : options(given) {
        const int64_t groups = options.groups();
        TORCH_CHECK(options.in_channels() > 0 && options.out_channels() > 0,
                    "bnn: BinaryConv2d: expected channels of at least 1, found ", options.in_channels(), " and ",
                    options.out_channels());
        TORCH_CHECK(groups > 0 && options.in_channels() % groups == 0 && options.out_channels() % groups == 0,
                    "bnn: BinaryConv2d: expected groups that divide ", options.in_channels(), " and ",
                    options.out_channels(), " channels, found ", groups);
        TORCH_CHECK(options.kernel_size()->at(0) > 0 && options.kernel_size()->at(1) > 0,
                    "bnn: BinaryConv2d: expected a kernel size of at least 1, found ", options.kernel_size());
        windows_ = windows();
        BinaryConv2dImpl::reset();
    }

    void reset() override {
        weight = register_parameter("weight", ::torch::empty({options.out_channels(),
                                                              options.in_channels() / options.groups(),
                                                              options.kernel_size()->at(0), options.kernel_size()->at(1)}));
        const auto per_output = [&](const char *name, bool present) {
            const Tensor t = present ? ::torch::empty({options.out_channels()}) : Tensor();
            return register_parameter(name, t, /*requires_grad=*/present);
        };
        scale = per_output("scale", options.scale());
        bias = per_output("bias", options.bias());
        reset_parameters();
    }

    /// Latent weights Glorot-uniform, scales 1, biases 0.
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

    /// `[batch, in_channels, height, width]` to `[batch, out_channels, .., ..]`, or both without the batch; in the memory
    /// format of the input. Images with channels last are not copied.
    Tensor forward(const Tensor &input) {
        const OptionalTensor s = detail::if_defined(scale), b = detail::if_defined(bias);
        const auto [height, width] = detail::image_size(input);
        const auto pack = [&, height = height, width = width] {
            return pack_conv2d(height, width, weight, s, b, windows_, options.clip());
        };
        const auto layer = is_training() ? pack() : packed_.get({weight, scale, bias}, {height, width}, pack);
        return detail::apply_conv2d(input, weight, s, b, layer, packed_.watch());
    }

    /// Also forgets the packed weights.
    void train(bool on = true) override {
        packed_.clear();
        Module::train(on);
    }

    void pretty_print(std::ostream &stream) const override {
        const auto &before = windows_.pad_before, &after = windows_.pad_after;
        const char *values[] = {"0", "-1", "+1"};
        stream << std::boolalpha << "bnn::torch::BinaryConv2d(" << options.in_channels() << ", " << options.out_channels()
               << ", kernel_size=" << options.kernel_size() << ", stride=" << options.stride() << ", padding=" << before;
        if (*before != *after) {
            stream << " and " << after;
        }
        stream << ", dilation=" << options.dilation() << ", groups=" << options.groups() << ", bias=" << options.bias()
               << ", scale=" << options.scale() << ", clip=" << options.clip()
               << ", pad_value=" << values[options.pad_value()] << ")";
    }

    /// What the module was made with; changing it later has no effect.
    BinaryConv2dOptions options;
    /// Latent weights, `[out_channels, in_channels / groups, kernel height, kernel width]`; the forward pass sees their signs.
    Tensor weight;
    /// `[out_channels]`, or undefined.
    Tensor scale, bias;

  private:
    Windows windows() const {
        Windows windows;
        windows.stride = options.stride();
        windows.dilation = options.dilation();
        windows.groups = options.groups();
        windows.pad_value = options.pad_value();
        if (const auto *numbers = ::c10::get_if<::torch::ExpandingArray<2>>(&options.padding())) {
            windows.pad_before = windows.pad_after = *numbers;
        } else if (::c10::holds_alternative<::torch::enumtype::kSame>(options.padding())) {
            for (const std::size_t axis : {0, 1}) {
                TORCH_CHECK(options.stride()->at(axis) == 1,
                            "bnn: BinaryConv2d: expected a stride of 1 with padding kSame, found ", options.stride());
                const int64_t total = options.dilation()->at(axis) * (options.kernel_size()->at(axis) - 1);
                windows.pad_before->at(axis) = total / 2;
                windows.pad_after->at(axis) = total - total / 2;
            }
        }
        return windows;
    }

    Windows windows_;
    detail::PackedCache<Conv2d> packed_;
};

/// The convolution of the signs of images with the signs of its filters, times a scale, plus a bias, as a module, with the
/// parameters `weight`, `scale` and `bias`.
///
/// When weights are packed: as in `BinaryLinear`. In evaluation they are kept for images of the size that came last.
class BinaryConv2d : public ::torch::nn::ModuleHolder<BinaryConv2dImpl> {
  public:
    using ::torch::nn::ModuleHolder<BinaryConv2dImpl>::ModuleHolder;
    using Impl = BinaryConv2dImpl;
};

} // namespace bnn::torch

#endif
