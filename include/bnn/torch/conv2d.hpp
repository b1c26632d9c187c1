// The binary convolution as a module. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_CONV2D_HPP
#define BNN_TORCH_CONV2D_HPP

#include <ostream>

#include "conv2d_function.hpp"
#include "latent.hpp"
#include "packed_cache.hpp"

namespace bnn::torch {

/// Options of `BinaryConv2d`: those of `torch::nn::Conv2d` and three more; `pad_value` stands for
/// its padding mode.
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
    /// A learnt summand per output channel, 0 at first. A batch norm after the layer makes it
    /// superfluous.
    TORCH_ARG(bool, bias) = true;
    /// A learnt factor per output channel, 1 at first.
    TORCH_ARG(bool, scale) = false;
    /// The gradient of the input passes where `|input| <= clip`.
    TORCH_ARG(double, clip) = 1.0;
    /// The value of the padding. BNN_PAD_ZERO, LibTorch's, adds nothing to a sum; the others are
    /// signs.
    TORCH_ARG(bnn_pad_value_t, pad_value) = BNN_PAD_ZERO;
};

namespace detail {

/// The windows that the options of a convolution describe; refuses options that contradict each
/// other. `what` is the layer's name.
template <class Options> Windows windows_of(const char *what, const Options &options) {
    const int64_t groups = options.groups();
    TORCH_CHECK(options.in_channels() > 0 && options.out_channels() > 0, "bnn: ", what,
                ": expected channels of at least 1, found ", options.in_channels(), " and ", options.out_channels());
    TORCH_CHECK(groups > 0 && options.in_channels() % groups == 0 && options.out_channels() % groups == 0, "bnn: ", what,
                ": expected groups that divide ", options.in_channels(), " and ", options.out_channels(),
                " channels, found ", groups);
    TORCH_CHECK(options.kernel_size()->at(0) > 0 && options.kernel_size()->at(1) > 0, "bnn: ", what,
                ": expected a kernel size of at least 1, found ", options.kernel_size());
    Windows windows;
    windows.stride = options.stride();
    windows.dilation = options.dilation();
    windows.groups = groups;
    if (const auto *numbers = ::c10::get_if<::torch::ExpandingArray<2>>(&options.padding())) {
        windows.pad_before = windows.pad_after = *numbers;
    } else if (::c10::holds_alternative<::torch::enumtype::kSame>(options.padding())) {
        for (const std::size_t axis : {0, 1}) {
            TORCH_CHECK(options.stride()->at(axis) == 1, "bnn: ", what,
                        ": expected a stride of 1 with padding kSame, found ", options.stride());
            const int64_t total = options.dilation()->at(axis) * (options.kernel_size()->at(axis) - 1);
            windows.pad_before->at(axis) = total / 2;
            windows.pad_after->at(axis) = total - total / 2;
        }
    }
    return windows;
}

/// `[out_channels, in_channels / groups, kernel height, kernel width]`.
template <class Options> std::vector<int64_t> filter_shape(const Options &options) {
    return {options.out_channels(), options.in_channels() / options.groups(), options.kernel_size()->at(0),
            options.kernel_size()->at(1)};
}

/// Prints the options that every convolution has.
template <class Options> void print_convolution(std::ostream &stream, const Options &options, const Windows &windows) {
    const auto &before = windows.pad_before, &after = windows.pad_after;
    stream << std::boolalpha << options.in_channels() << ", " << options.out_channels()
           << ", kernel_size=" << options.kernel_size() << ", stride=" << options.stride() << ", padding=" << before;
    if (*before != *after) {
        stream << " and " << after;
    }
    stream << ", dilation=" << options.dilation() << ", groups=" << options.groups() << ", bias=" << options.bias()
           << ", scale=" << options.scale();
}

} // namespace detail

/// See `BinaryConv2d`.
class BinaryConv2dImpl : public detail::LatentLayer<BinaryConv2dImpl> {
  public:
    BinaryConv2dImpl(int64_t in_channels, int64_t out_channels, ::torch::ExpandingArray<2> kernel_size)
        : BinaryConv2dImpl(BinaryConv2dOptions(in_channels, out_channels, kernel_size)) {}

    explicit BinaryConv2dImpl(const BinaryConv2dOptions &given) : options(given) {
        windows_ = detail::windows_of("BinaryConv2d", options);
        windows_.pad_value = options.pad_value();
        BinaryConv2dImpl::reset();
    }

    void reset() override {
        register_latent(detail::filter_shape(options), options.scale(), options.bias());
    }

    /// `[batch, in_channels, height, width]` to `[batch, out_channels, .., ..]`, or both without
    /// the batch; in the memory format of the input. Images with channels last are not copied.
    Tensor forward(const Tensor &input) {
        const OptionalTensor s = detail::if_defined(scale), b = detail::if_defined(bias);
        const auto [height, width] = detail::image_size(input);
        const auto pack = [&, height = height, width = width] {
            return pack_conv2d(height, width, weight, s, b, windows_, options.clip());
        };
        if (is_training()) {
            check_weight();
        }
        const auto layer = is_training() ? pack() : packed_.get({weight, scale, bias}, {height, width}, pack);
        return detail::apply_conv2d(input, weight, s, b, layer, packed_.watch());
    }

    /// Also forgets the packed weights.
    void train(bool on = true) override {
        packed_.clear();
        Module::train(on);
    }

    void pretty_print(std::ostream &stream) const override {
        const char *values[] = {"0", "-1", "+1"};
        stream << "bnn::torch::BinaryConv2d(";
        detail::print_convolution(stream, options, windows_);
        stream << ", clip=" << options.clip() << ", pad_value=" << values[options.pad_value()] << ")";
    }

    /// The options that the module was made with; changing them later has no effect.
    BinaryConv2dOptions options;

    /// How the windows lie: what the options come to.
    const Windows &windows() const noexcept { return windows_; }

  private:
    Windows windows_;
    detail::PackedCache<Conv2d> packed_;
};

/// The convolution of the signs of images with the signs of its filters, times a scale, plus a
/// bias, as a module, with the parameters `weight`, `[out_channels, in_channels / groups, kernel
/// height, kernel width]`, `scale` and `bias`, `[out_channels]`.
///
/// Weights are packed when `BinaryLinear` packs them. In evaluation they are kept for images of the
/// size that came last.
class BinaryConv2d : public ::torch::nn::ModuleHolder<BinaryConv2dImpl> {
  public:
    using ::torch::nn::ModuleHolder<BinaryConv2dImpl>::ModuleHolder;
    using Impl = BinaryConv2dImpl;
};

} // namespace bnn::torch

#endif
