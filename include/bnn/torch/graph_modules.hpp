// What each kind of module is in a graph. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_GRAPH_MODULES_HPP
#define BNN_TORCH_GRAPH_MODULES_HPP

#include "graph.hpp"

namespace bnn::torch {

namespace detail {

/// The windows of a convolution of LibTorch's.
inline Windows libtorch_windows(const Named &named, const ::torch::nn::Conv2dImpl &conv) {
    if (!::c10::holds_alternative<::torch::enumtype::kZeros>(conv.options.padding_mode())) {
        named.refuse("expected padding_mode kZeros");
    }
    return windows_of("torch::nn::Conv2d", conv.options);
}

/// The windows of an average pool; those of a model file leave the padding out of the mean.
inline Pool2dOptions average_windows(const Named &named, const ::torch::nn::AvgPool2dOptions &options) {
    const bool padded = options.padding()->at(0) != 0 || options.padding()->at(1) != 0;
    if (options.ceil_mode() || options.divisor_override().has_value() || (padded && options.count_include_pad())) {
        named.refuse("expected no ceil_mode, no divisor_override, and count_include_pad false where there is padding");
    }
    return pool_windows(options);
}

/// The windows of an adaptive pool, which are of one size if the image is a multiple of the output.
inline Pool2dOptions adaptive_windows(const Named &named, const ::torch::nn::AdaptiveAvgPool2dOptions &options,
                                      const ::bnn::GraphBuilder::Shape &image) {
    Pool2dOptions windows;
    std::size_t *const kernel[] = {&windows.kernel_height, &windows.kernel_width};
    for (const std::size_t axis : {0, 1}) {
        const auto wanted = options.output_size()->at(axis);
        const int64_t side = static_cast<int64_t>(image[axis]), output = wanted.has_value() ? *wanted : side;
        if (output < 1 || side % output != 0) {
            named.refuse("expected an output size that divides images of " + std::to_string(side) + " pixels, found " +
                         std::to_string(output));
        }
        *kernel[axis] = static_cast<std::size_t>(side / output);
    }
    return windows;
}

} // namespace detail

inline GraphBuilder::Node GraphBuilder::visit(const detail::Named &named, ::torch::nn::Module &module, Node x) {
    namespace nn = ::torch::nn;
    if (auto *layer = module.as<BinaryLinear>()) {
        return binary(named, *layer, {}, false, x);
    }
    if (auto *layer = module.as<BinaryConv2d>()) {
        return binary(named, *layer, layer->windows(), true, x);
    }
    if (auto *layer = module.as<SignWeightLinear>()) {
        return sign_weight(named, *layer, {}, false, x);
    }
    if (auto *layer = module.as<SignWeightConv2d>()) {
        return sign_weight(named, *layer, layer->windows(), true, x);
    }
    if (auto *layer = module.as<nn::Linear>()) {
        expect_image(named, x, false);
        return product(real(x), layer->weight, BNN_WEIGHTS_F32, {}, {}, layer->bias);
    }
    if (auto *layer = module.as<nn::Conv2d>()) {
        expect_image(named, x, true);
        const Windows windows = detail::libtorch_windows(named, *layer);
        return product(real(x), layer->weight, BNN_WEIGHTS_F32, windows, {}, layer->bias);
    }
    if (auto *norm = module.as<BatchNorm1d>()) {
        return batch_norm(named, *norm, false, x);
    }
    if (auto *norm = module.as<BatchNorm2d>()) {
        return batch_norm(named, *norm, true, x);
    }
    if (auto *norm = module.as<nn::BatchNorm1d>()) {
        return batch_norm(named, *norm, false, x);
    }
    if (auto *norm = module.as<nn::BatchNorm2d>()) {
        return batch_norm(named, *norm, true, x);
    }
    if (module.as<nn::ReLU>() != nullptr) {
        return like(x, graph_.relu(real(x).number));
    }
    if (module.as<nn::ReLU6>() != nullptr) {
        return like(x, graph_.clamp(real(x).number, 0.0f, 6.0f));
    }
    if (auto *tanh = module.as<nn::Hardtanh>()) {
        const auto low = static_cast<float>(tanh->options.min_val()), high = static_cast<float>(tanh->options.max_val());
        return like(x, graph_.clamp(real(x).number, low, high));
    }
    if (auto *leaky = module.as<nn::LeakyReLU>()) {
        return rectified(x, {}, ::torch::full({channels(x)}, leaky->options.negative_slope()), {});
    }
    if (auto *prelu = module.as<nn::PReLU>()) {
        const Tensor slope = prelu->weight.numel() == 1 ? prelu->weight.expand({channels(x)}) : prelu->weight;
        return rectified(x, {}, slope, {});
    }
    if (auto *pool = module.as<nn::MaxPool2d>()) {
        expect_image(named, x, true);
        if (*pool->options.dilation() != *::torch::ExpandingArray<2>(1) || pool->options.ceil_mode()) {
            named.refuse("expected a dilation of 1 and no ceil_mode");
        }
        // Of bits the pool of the signs is the sign of the pool.
        const Node from = graph_.element(x.number) == BNN_ELEMENT_BITS ? x : real(x);
        return like(from, graph_.max_pool2d(from.number, detail::pool_windows(pool->options)));
    }
    if (auto *pool = module.as<nn::AvgPool2d>()) {
        expect_image(named, x, true);
        const Pool2dOptions windows = detail::average_windows(named, pool->options);
        return like(x, graph_.average_pool2d(real(x).number, windows));
    }
    if (auto *pool = module.as<nn::AdaptiveAvgPool2d>()) {
        expect_image(named, x, true);
        const Pool2dOptions windows = detail::adaptive_windows(named, pool->options, graph_.shape(x.number));
        return like(x, graph_.average_pool2d(real(x).number, windows));
    }
    if (auto *flat = module.as<nn::Flatten>()) {
        const int64_t last = states_[x.number].is_image ? 3 : 1;
        if (flat->options.start_dim() != 1 || (flat->options.end_dim() != -1 && flat->options.end_dim() != last)) {
            named.refuse("expected start_dim 1 and end_dim -1");
        }
        return flatten(x);
    }
    if (module.as<nn::Identity>() != nullptr || module.as<nn::Dropout>() != nullptr ||
        module.as<nn::Dropout2d>() != nullptr) {
        return x;
    }
    named.refuse("a graph holds nothing of this kind; describe what it computes by modules and functions of the builder");
}

} // namespace bnn::torch

#endif
