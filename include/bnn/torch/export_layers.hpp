// What a network is made of, layer by layer, as a model file has it. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_EXPORT_LAYERS_HPP
#define BNN_TORCH_EXPORT_LAYERS_HPP

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../builder.hpp"
#include "batch_norm.hpp"
#include "conv2d.hpp"
#include "linear.hpp"
#include "sign_weight.hpp"

namespace bnn::torch {

/// Options of `export_model` and `export_graph`.
struct ExportOptions {
    /// Bits of a number of the input, 1 to 8: samples are integers from 0 to `2^input_bits - 1`. 0,
    /// of `export_graph` alone, for a file that takes the signs of samples.
    TORCH_ARG(int64_t, input_bits) = 8;
    /// Text for people and tools, by convention lines of `key=value`.
    TORCH_ARG(std::string, meta);
    /// The names of the classes, in the order of the scores.
    TORCH_ARG(std::vector<std::string>, class_names);
    /// How far a score of the file may be from that of the network, as a share of the largest one
    /// that its output can have (in `export_graph`, of the largest one that the samples give). At
    /// 0, the default, scores must be equal, bit for bit.
    TORCH_ARG(double, tolerance) = 0.0;
};

namespace detail {

/// Puts a network into evaluation, and back into the modes in which its modules were.
class Evaluation {
  public:
    explicit Evaluation(::torch::nn::Module &network) {
        for (const auto &module : network.modules(/*include_self=*/false)) {
            modes_.emplace_back(module, module->is_training());
        }
        network_mode_ = network.is_training();
        network_ = &network;
        network.eval();
    }
    Evaluation(const Evaluation &) = delete;
    Evaluation &operator=(const Evaluation &) = delete;

    ~Evaluation() {
        // A module sets those inside it, which follow it here.
        network_->train(network_mode_);
        for (const auto &[module, training] : modes_) {
            module->train(training);
        }
    }

  private:
    ::torch::nn::Module *network_;
    bool network_mode_;
    std::vector<std::pair<std::shared_ptr<::torch::nn::Module>, bool>> modes_;
};

/// A module and its dotted name, for messages.
struct Named {
    std::string name, kind;

    Named(std::string dotted, const ::torch::nn::Module &module) : name(std::move(dotted)), kind(module.name()) {
        const std::string suffix = "Impl";
        if (kind.size() > suffix.size() && kind.compare(kind.size() - suffix.size(), suffix.size(), suffix) == 0) {
            kind.resize(kind.size() - suffix.size());
        }
    }

    [[noreturn]] void refuse(const std::string &why) const {
        TORCH_CHECK(false, "bnn: layer `", name, "` (", kind, ") cannot be exported: ", why);
    }
};

/// Refuses a layer whose sums of integers, as large as `most`, floats do not hold exactly.
inline void expect_exact(const Named &named, int64_t most) {
    if (most > (int64_t{1} << 24)) {
        named.refuse("its sums can exceed 2^24, up to which floats are exact");
    }
}

/// The windows of a pool of LibTorch's.
template <class Options> Pool2dOptions pool_windows(const Options &options) {
    Pool2dOptions windows;
    windows.kernel_height = size("kernel_size", options.kernel_size()->at(0));
    windows.kernel_width = size("kernel_size", options.kernel_size()->at(1));
    windows.stride_y = size("stride", options.stride()->at(0));
    windows.stride_x = size("stride", options.stride()->at(1));
    windows.pad_top = windows.pad_bottom = size("padding", options.padding()->at(0));
    windows.pad_left = windows.pad_right = size("padding", options.padding()->at(1));
    return windows;
}

/// The function that a layer applies to the sums of a product, `[rows, channels]`: in each channel it
/// never falls, or never rises.
struct Step {
    std::function<Tensor(const Tensor &)> compute;
    /// It is `scale * x + bias`; undefined if it is something else.
    Tensor scale, bias;
};

/// A product, and what is done to its sums before their signs are taken.
struct Product {
    Named named;
    /// -1 and +1: `[outputs, inputs]`, or `[outputs, kernel height, kernel width, channels /
    /// groups]`.
    Tensor signs;
    /// Whether it is a convolution, that of `convolution`.
    bool is_convolution = false;
    Conv2dOptions convolution;
    /// Whether it takes numbers instead of signs.
    bool takes_numbers = false;
    /// Whether images are flattened before it.
    bool flattens = false;
    /// The largest magnitude of a sum.
    int64_t most = 0;
    /// Steps before the pools, and after them.
    std::vector<Step> before, after;
    std::vector<Pool2dOptions> pools;
    /// The layer that came last.
    Named last;
};

/// Walks over a network in evaluation. A sample goes along, for the sizes.
class Layers {
  public:
    Layers(const ::torch::nn::SequentialImpl &network, const Tensor &sample, int64_t input_bits) : x_(sample) {
        TORCH_CHECK(input_bits >= 1 && input_bits <= 8, "bnn: input_bits: expected 1 to 8, found ", input_bits);
        largest_input_ = (int64_t{1} << input_bits) - 1;
        walk(network, "");
        TORCH_CHECK(!products_.empty(), "bnn: the network has no layer with binary weights");
    }

    const std::vector<Product> &products() const noexcept { return products_; }

  private:
    void walk(const ::torch::nn::SequentialImpl &network, const std::string &prefix) {
        for (const auto &child : network.named_children()) {
            const std::string name = prefix + child.key();
            if (const auto *nested = child.value()->as<::torch::nn::Sequential>()) {
                walk(*nested, name + ".");
            } else {
                visit(Named(name, *child.value()), *child.value());
            }
        }
    }

    void visit(const Named &named, ::torch::nn::Module &module) {
        namespace nn = ::torch::nn;
        if (auto *linear = module.as<BinaryLinear>()) {
            add_linear(named, *linear, false);
        } else if (auto *linear = module.as<SignWeightLinear>()) {
            add_linear(named, *linear, true);
        } else if (auto *conv = module.as<BinaryConv2d>()) {
            add_conv2d(named, *conv, false);
        } else if (auto *conv = module.as<SignWeightConv2d>()) {
            add_conv2d(named, *conv, true);
        } else if (auto *norm = module.as<BatchNorm1d>()) {
            add_batch_norm(named, *norm, {-1}, [norm] { return norm->folded(); });
        } else if (auto *norm = module.as<BatchNorm2d>()) {
            add_batch_norm(named, *norm, {-1, 1, 1}, [norm] { return norm->folded(); });
        } else if (auto *norm = module.as<nn::BatchNorm1d>()) {
            add_batch_norm(named, *norm, {-1}, [norm] { return folded_by_libtorch(*norm); });
        } else if (auto *norm = module.as<nn::BatchNorm2d>()) {
            add_batch_norm(named, *norm, {-1, 1, 1}, [norm] { return folded_by_libtorch(*norm); });
        } else if (auto *tanh = module.as<nn::Hardtanh>()) {
            add_step(named, {[tanh](const Tensor &x) { return tanh->forward(x.clone()); }, {}, {}});
            x_ = tanh->forward(x_.clone());
        } else if (auto *pool = module.as<nn::MaxPool2d>()) {
            add_max_pool(named, *pool);
        } else if (auto *flatten = module.as<nn::Flatten>()) {
            add_flatten(named, *flatten);
        } else if (module.as<nn::Identity>() == nullptr && module.as<nn::Dropout>() == nullptr &&
                   module.as<nn::Dropout2d>() == nullptr) {
            named.refuse(why_not(module));
        }
    }

    static std::string why_not(const ::torch::nn::Module &module) {
        namespace nn = ::torch::nn;
        if (module.as<nn::Linear>() != nullptr || module.as<nn::Conv2d>() != nullptr) {
            return "its weights are real numbers, which export_graph exports; a chain of numbers begins with a "
                   "bnn::torch::SignWeightLinear or SignWeightConv2d, and goes on with BinaryLinear and BinaryConv2d";
        }
        if (module.as<nn::ReLU>() != nullptr) {
            return "its outputs all have the sign +1; the next layer takes signs, and needs no activation before it";
        }
        if (module.as<nn::Softmax>() != nullptr || module.as<nn::LogSoftmax>() != nullptr) {
            return "a model file gives the scores that it takes; leave it out, the largest stays the largest";
        }
        return "a model file holds nothing of this kind";
    }

    /// The rank of the values at hand, without the batch: 1 of rows, 3 of images.
    int64_t rank() const { return x_.dim() - 1; }

    template <class Layer> void add_linear(const Named &named, Layer &layer, bool takes_numbers) {
        if (rank() != 1) {
            named.refuse("it takes rows; expected a Flatten before it");
        }
        Tensor w = layer.weight;
        if (!flat_from_.empty()) {
            // LibTorch flattens [channels, height, width], a model file [height, width, channels].
            w = w.view({w.size(0), flat_from_[0], flat_from_[1], flat_from_[2]}).permute({0, 2, 3, 1}).flatten(1);
        }
        Product product{named, checked_signs(named, w), false, {}, takes_numbers, !flat_from_.empty(), 0, {}, {}, {}, named};
        add_product(std::move(product), layer);
    }

    template <class Layer> void add_conv2d(const Named &named, Layer &layer, bool takes_numbers) {
        if (rank() != 3) {
            named.refuse("it takes images; expected samples of shape [batch, channels, height, width]");
        }
        const auto options = conv2d_options(x_.size(2), x_.size(3), layer.weight, layer.windows(), 1.0);
        Product product{named, checked_signs(named, channels_last(layer.weight)), true, options, takes_numbers, false, 0, {}, {},
                        {}, named};
        const int64_t height = x_.size(2), width = x_.size(3);
        for (const std::size_t axis : {0, 1}) {
            const auto &windows = layer.windows();
            const int64_t window = windows.dilation->at(axis) * (layer.options.kernel_size()->at(axis) - 1) + 1;
            if (std::max(windows.pad_before->at(axis), windows.pad_after->at(axis)) >= window) {
                named.refuse("its padding is as large as its window; a model file holds less");
            }
        }
        add_product(std::move(product), layer);
        check_not_grown(named, height, width);
    }

    /// Images of a model file do not grow from layer to layer.
    void check_not_grown(const Named &named, int64_t height, int64_t width) const {
        if (x_.size(2) > height || x_.size(3) > width) {
            named.refuse("its images are larger than those that it takes, " + std::to_string(x_.size(2)) + " x " +
                         std::to_string(x_.size(3)) + " pixels of " + std::to_string(height) + " x " + std::to_string(width) +
                         "; a model file holds none that grow");
        }
    }

    template <class Layer> void add_product(Product product, Layer &layer) {
        const bool first = products_.empty();
        if (product.takes_numbers && !first) {
            product.named.refuse("it multiplies numbers; only the first layer may, the others take signs");
        }
        const int64_t most = product.signs[0].numel() * (product.takes_numbers ? largest_input_ : 1);
        expect_exact(product.named, most);
        product.most = most;
        const Tensor scale = layer.scale, bias = layer.bias;
        products_.push_back(std::move(product));
        if (scale.defined() || bias.defined()) {
            const auto compute = [scale, bias](const Tensor &x) { return affine(x, scale, bias, {-1}); };
            const int64_t n[] = {layer.weight.size(0)};
            add_step(products_.back().named, {compute, scale.defined() ? scale : ::torch::ones(n),
                                              bias.defined() ? bias : ::torch::zeros(n)});
        }
        flat_from_.clear();
        x_ = layer.forward(x_);
    }

    template <class Norm, class Fold>
    void add_batch_norm(const Named &named, Norm &norm, const std::vector<int64_t> &trailing, const Fold &fold) {
        if (!norm.running_mean.defined() || !norm.running_var.defined()) {
            named.refuse("it has no running statistics, expected track_running_stats");
        }
        const auto compute = [&norm, trailing](const Tensor &x) {
            std::vector<int64_t> shape = {x.size(0), x.size(1)};
            shape.resize(trailing.size() + 1, 1);
            return norm.forward(x.view(shape)).view(x.sizes());
        };
        const auto [scale, bias] = fold();
        if (!products_.empty() && scale.size(0) != products_.back().signs.size(0)) {
            named.refuse("it normalises " + std::to_string(scale.size(0)) + " features, the product before it gives " +
                         std::to_string(products_.back().signs.size(0)) + " channels; put it before the Flatten");
        }
        add_step(named, {compute, scale, bias});
        x_ = norm.forward(x_);
    }

    template <class Norm> static std::pair<Tensor, Tensor> folded_by_libtorch(const Norm &norm) {
        Tensor scale = (norm.running_var + norm.options.eps()).sqrt().reciprocal();
        scale = norm.weight.defined() ? scale * norm.weight : scale;
        const Tensor shift = norm.running_mean * scale;
        return {scale, norm.bias.defined() ? norm.bias - shift : -shift};
    }

    void add_step(const Named &named, Step step) {
        Product &product = last_product(named);
        (product.pools.empty() ? product.before : product.after).push_back(std::move(step));
        product.last = named;
    }

    void add_max_pool(const Named &named, ::torch::nn::MaxPool2dImpl &pool) {
        Product &product = last_product(named);
        const auto &options = pool.options;
        if (*options.dilation() != *::torch::ExpandingArray<2>(1) || options.ceil_mode()) {
            named.refuse("expected a dilation of 1 and no ceil_mode");
        }
        if (!product.after.empty()) {
            named.refuse("another pool comes before it with a layer in between; expected pools next to each other");
        }
        product.pools.push_back(pool_windows(options));
        product.last = named;
        const int64_t height = x_.size(2), width = x_.size(3);
        x_ = pool.forward(x_);
        check_not_grown(named, height, width);
    }

    void add_flatten(const Named &named, ::torch::nn::FlattenImpl &flatten) {
        if (flatten.options.start_dim() != 1 || (flatten.options.end_dim() != -1 && flatten.options.end_dim() != rank())) {
            named.refuse("expected start_dim 1 and end_dim -1");
        }
        if (rank() == 3) {
            flat_from_ = x_.sizes().slice(1).vec();
        }
        x_ = flatten.forward(x_);
    }

    Product &last_product(const Named &named) {
        if (products_.empty()) {
            named.refuse("it changes the input of the network, which a model file takes as it is; expected a layer of this "
                         "library first");
        }
        return products_.back();
    }

    static Tensor checked_signs(const Named &named, const Tensor &weight) {
        if (!weight.isfinite().all().item<bool>()) {
            named.refuse("it has weights that are not finite");
        }
        return dense(SignWeightFunction::forward(nullptr, weight));
    }

    Tensor x_;
    int64_t largest_input_ = 0;
    /// [channels, height, width] of the images that were flattened since the last product, or
    /// empty.
    std::vector<int64_t> flat_from_;
    std::vector<Product> products_;
};

} // namespace detail
} // namespace bnn::torch

#endif
