// The layers of a network written to a model file, and the file compared with the network. Part of
// bnn_torch.hpp.
#ifndef BNN_TORCH_EXPORT_FILE_HPP
#define BNN_TORCH_EXPORT_FILE_HPP

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "../bits.hpp"
#include "../model.hpp"
#include "export_layers.hpp"

namespace bnn::torch::detail {

inline Tensor computed(const std::vector<Step> &steps, Tensor x) {
    for (const Step &step : steps) {
        x = step.compute(x);
    }
    return x;
}

/// Throws if what the steps make of the sums is no number.
inline void check_finite(const Product &product, const Tensor &x) {
    if (!x.isfinite().all().item<bool>()) {
        product.last.refuse("it gives numbers that are not finite; has training diverged?");
    }
}

/// The sign of steps as a comparison of integers: `+1` where `direction * sum + summand >= 0`.
struct Comparison {
    Tensor direction, summand;
};

/// The comparison that equals the sign of the steps, `steps(sums)`, for every sum from `-most` to
/// `most`.
///
/// Floating-point operations round monotonically, so what the steps compute never falls, or never
/// rises, as the sum grows. The least sum that gives `+1` is found by bisection over what they
/// compute.
template <class Steps> Comparison compare_sums(const Product &product, const Steps &steps) {
    const int64_t n = product.signs.size(0), most = product.most;
    const auto at = [&](const Tensor &sums) { return steps(sums.to(::at::kFloat).unsqueeze(0)).squeeze(0); };
    const Tensor first = at(::torch::full({n}, -most, ::at::kLong)), last = at(::torch::full({n}, most, ::at::kLong));
    check_finite(product, first);
    check_finite(product, last);
    const Tensor falls = first.ge(0).logical_and(last.lt(0));
    const Tensor direction = ::torch::where(falls, -::torch::ones({n}, ::at::kLong), ::torch::ones({n}, ::at::kLong));
    // Below `low` nothing gives +1, from `high` on everything does; both count in the channel's
    // direction.
    Tensor low = ::torch::full({n}, -most, ::at::kLong), high = ::torch::full({n}, most + 1, ::at::kLong);
    while (low.lt(high).any().item<bool>()) {
        const Tensor middle = ::torch::div(low + high, 2, "floor"), open = low.lt(high);
        const Tensor plus = at(direction * middle.clamp(-most, most)).ge(0);
        high = ::torch::where(open.logical_and(plus), middle, high);
        low = ::torch::where(open.logical_and(plus.logical_not()), middle + 1, low);
    }
    // Sums are at most 2^24: what none of them reaches is moved to where floats are exact.
    const Tensor beyond = ::torch::full({n}, int64_t{1} << 25, ::at::kLong);
    const Tensor least = ::torch::where(low.gt(most), beyond, low);
    return {direction.to(::at::kFloat), -least.to(::at::kFloat)};
}

inline void append_product(Builder &builder, const Product &product, const Tensor &signs) {
    if (product.is_convolution) {
        builder.conv2d(product.convolution, read(signs));
    } else {
        builder.linear(read(signs), size("outputs", signs.size(0)), size("inputs", signs.size(1)));
    }
    for (const Pool2dOptions &pool : product.pools) {
        builder.max_pool2d(pool);
    }
}

/// A product of which the next layer takes the signs.
inline void append_hidden(Builder &builder, const Product &product) {
    if (product.before.empty() && product.after.empty()) {
        append_product(builder, product, product.signs);
        return;
    }
    // A file pools before it compares. So a channel that falls before the pools gets the other
    // weights, and rises.
    const int64_t n = product.signs.size(0);
    Tensor turned = ::torch::ones({n});
    if (!product.pools.empty()) {
        const Tensor ends = ::torch::tensor({-product.most, product.most}).to(::at::kFloat).unsqueeze(1).expand({2, n});
        const Tensor values = computed(product.before, ends.contiguous());
        check_finite(product, values);
        turned = ::torch::where(values[1].lt(values[0]), -turned, turned);
    }
    std::vector<int64_t> per_output(static_cast<std::size_t>(product.signs.dim()), 1);
    per_output[0] = -1;
    append_product(builder, product, dense(product.signs * turned.view(per_output)));
    const Comparison comparison = compare_sums(product, [&](const Tensor &sums) {
        return computed(product.after, computed(product.before, sums * turned));
    });
    builder.affine({read(comparison.direction), read(comparison.summand)});
}

/// The steps as one factor and one summand per output: those of a single step as they are, others
/// composed in double.
inline std::pair<Tensor, Tensor> composed(const Product &product) {
    std::vector<Step> steps = product.before;
    steps.insert(steps.end(), product.after.begin(), product.after.end());
    for (const Step &step : steps) {
        if (!step.scale.defined()) {
            product.last.refuse("the network ends with it, and a model file gives sums or `scale * sum + bias`");
        }
    }
    if (steps.size() == 1) {
        return {dense(steps[0].scale), dense(steps[0].bias)};
    }
    Tensor scale = steps[0].scale.to(::at::kDouble), bias = steps[0].bias.to(::at::kDouble);
    for (std::size_t i = 1; i < steps.size(); i++) {
        scale = scale * steps[i].scale;
        bias = bias * steps[i].scale + steps[i].bias;
    }
    return {scale.to(::at::kFloat), bias.to(::at::kFloat)};
}

/// The product that gives the scores. Compares what the file computes with the network for every
/// sum that can occur, and returns how far each output may be from the network.
inline Tensor append_last(Builder &builder, const Product &product, double tolerance) {
    append_product(builder, product, product.signs);
    const int64_t n = product.signs.size(0), rows = std::max<int64_t>(1, (1 << 20) / n);
    if (product.before.empty() && product.after.empty()) {
        return ::torch::zeros({n});
    }
    const auto [scale, bias] = composed(product);
    check_finite(product, scale);
    check_finite(product, bias);
    Tensor worst = ::torch::zeros({n}), largest = ::torch::zeros({n});
    for (int64_t sum = -product.most; sum <= product.most; sum += rows) {
        const Tensor sums = ::torch::arange(sum, std::min(sum + rows, product.most + 1)).to(::at::kFloat);
        const Tensor x = sums.unsqueeze(1).expand({sums.size(0), n}).contiguous();
        const Tensor scores = computed(product.after, computed(product.before, x));
        check_finite(product, scores);
        worst = ::torch::maximum(worst, (x * scale + bias - scores).abs().amax(0));
        largest = ::torch::maximum(largest, scores.abs().amax(0));
    }
    const Tensor allowed = largest * tolerance;
    if (worst.gt(allowed).any().item<bool>()) {
        std::ostringstream why;
        why << "its scores are up to " << (worst / largest).max().item<double>()
            << " of the largest one from those of the file, expected " << tolerance
            << " at most (ExportOptions::tolerance). A model file computes `scale * sum + bias`, product and sum rounded each. "
               "So does one bnn::torch::BatchNorm1d after a layer without bias and scale; LibTorch's batch norm rounds "
               "otherwise, and so do several such layers one after another";
        product.last.refuse(why.str());
    }
    builder.affine({read(scale), read(bias)});
    return allowed;
}

/// A file, and how far each of its outputs may be from the network.
struct Written {
    std::vector<std::uint8_t> file;
    Tensor allowed;
};

inline Written write_file(const Layers &layers, const Tensor &samples, const ExportOptions &options) {
    const std::vector<Product> &products = layers.products();
    const Product *at = &products.front();
    Tensor allowed;
    try {
        Builder builder = products.front().takes_numbers ? Builder::of_bytes(static_cast<int>(options.input_bits()))
                                                         : Builder::of_bits();
        builder.meta(options.meta());
        builder.class_names(options.class_names());
        if (samples.dim() == 4) {
            builder.image(size("height", samples.size(2)), size("width", samples.size(3)), size("channels", samples.size(1)));
        }
        for (const Product &product : products) {
            at = &product;
            if (product.flattens) {
                builder.flatten();
            }
            if (&product != &products.back()) {
                append_hidden(builder, product);
            } else {
                allowed = append_last(builder, product, options.tolerance());
            }
        }
        return {builder.finish(), allowed};
    } catch (const Error &error) {
        at->named.refuse(error.what());
    }
}

inline void check_samples(const Tensor &samples) {
    check_tensor("samples", samples);
    TORCH_CHECK((samples.dim() == 2 || samples.dim() == 4) && samples.numel() > 0,
                "bnn: samples: expected shape [batch, features] or [batch, channels, height, width], none of them 0, found ",
                samples.sizes());
}

/// `[batch, ..]` with channels last, in rows.
inline Tensor rows_of(const Tensor &t) { return dense((t.dim() == 4 ? channels_last(t) : t).flatten(1)); }

/// The outputs of the model for `samples` samples, in rows of floats.
template <class Output, class Input> Tensor run_model(const Model &model, Span<const Input> x, int64_t samples) {
    std::vector<Output> y(::bnn::detail::product("output", size("samples", samples), model.output().elements));
    Model::Scratch scratch;
    model.run<Input, Output>(x, y, scratch);
    Tensor outputs = ::at::empty({static_cast<int64_t>(y.size())}, ::at::kFloat);
    std::copy(y.begin(), y.end(), outputs.data_ptr<float>());
    return outputs.view({samples, -1});
}

/// Calls `run_model` with the model's type of output.
template <class Input> Tensor run_any(const Model &model, Span<const Input> x, int64_t samples) {
    return model.output().element == BNN_ELEMENT_F32 ? run_model<float, Input>(model, x, samples)
                                                     : run_model<std::int32_t, Input>(model, x, samples);
}

inline Tensor run_on_samples(const Model &model, const Tensor &samples) {
    const Tensor x = rows_of(samples);
    const int64_t batch = x.size(0);
    if (model.input().element == BNN_ELEMENT_U8) {
        const double largest = (1 << model.input().element_bits) - 1;
        const auto wrong = x.ne(x.round()).logical_or(x.lt(0)).logical_or(x.gt(largest));
        TORCH_CHECK(!wrong.any().item<bool>(), "bnn: samples: expected integers from 0 to ", largest,
                    ", which the file takes as bytes (ExportOptions::input_bits), found ",
                    x.masked_select(wrong)[0].item<float>());
        const Tensor bytes = x.to(::at::kByte);
        return run_any<std::uint8_t>(model, {bytes.data_ptr<std::uint8_t>(), static_cast<std::size_t>(bytes.numel())},
                                       batch);
    }
    // Each pixel of an image starts on a word.
    const std::size_t channels = model.input_shape()[2];
    const BitMatrix bits(read(x), static_cast<std::size_t>(x.numel()) / channels, channels);
    return run_any<std::uint64_t>(model, bits.words(), batch);
}

/// Throws if the file does not give the outputs of the network; `hint` says where to look for the
/// reason.
inline void compare(const Written &written, const Tensor &samples, const Tensor &outputs, const char *hint) {
    check_tensor("outputs", outputs);
    const Tensor ours = checked([&] { return run_on_samples(Model(written.file), samples); });
    TORCH_CHECK(outputs.dim() >= 2 && outputs.size(0) == samples.size(0) && rows_of(outputs).sizes() == ours.sizes(),
                "bnn: outputs: the file gives ", ours.size(1), " numbers for each of ", samples.size(0),
                " samples, the network outputs of shape ", outputs.sizes());
    // If the outputs are images, each pixel has all of them.
    const Tensor apart = (ours - rows_of(outputs)).abs(), allowed = written.allowed.repeat({ours.size(1) / written.allowed.size(0)});
    const Tensor differ = apart.le(allowed).all(1).logical_not();
    TORCH_CHECK(!differ.any().item<bool>(), "bnn: file and network differ in ", differ.sum().item<int64_t>(), " of ",
                samples.size(0), " samples, by up to ", apart.max().item<double>(), "; ", hint);
}

} // namespace bnn::torch::detail

#endif
