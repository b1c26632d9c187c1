// Residual networks, module by module, as the nodes of a graph. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_GRAPH_HPP
#define BNN_TORCH_GRAPH_HPP

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "../graph.hpp"
#include "export_layers.hpp"

namespace bnn::torch {

/// What a description of `export_graph` builds: the nodes of a graph, one for each operation of a
/// network's `forward`. Every function takes nodes and returns the one that it adds.
///
/// Modules and tensors are named as the network names them in the errors, `c10::Error`s. The
/// network is in evaluation.
class GraphBuilder {
  public:
    /// What an operation gives out: in LibTorch's words a tensor.
    struct Node {
        std::size_t number;
    };

    /// A builder for `net`, whose samples are those of `export_graph`.
    GraphBuilder(::torch::nn::Module &net, const Tensor &samples, const ExportOptions &options)
        : graph_(begin(samples, options.input_bits())), largest_input_((1 << options.input_bits()) - 1) {
        names_[&net] = "the network";
        for (const auto &module : net.named_modules(std::string(), /*include_self=*/false)) {
            names_[module.value().get()] = module.key();
        }
        for (const auto &parameter : net.named_parameters()) {
            unused_.emplace_back(parameter.value().unsafeGetTensorImpl(), parameter.key());
        }
        for (const auto &buffer : net.named_buffers()) {
            unused_.emplace_back(buffer.value().unsafeGetTensorImpl(), buffer.key());
        }
        states_.push_back({samples.dim() == 4, Tensor()});
    }

    /// The samples.
    Node input() const noexcept { return {0}; }

    /// A module applied to `x`: a layer of this library, `torch::nn::Linear`, `Conv2d`,
    /// `BatchNorm1d`, `BatchNorm2d`, `ReLU`, `ReLU6`, `LeakyReLU`, `PReLU`, `Hardtanh`,
    /// `MaxPool2d`, `AvgPool2d`, `AdaptiveAvgPool2d`, `Flatten`, `Identity`, dropout, or a
    /// `Sequential` of these. Binary layers take the signs of `x`.
    Node apply(::torch::nn::Module &module, Node x) {
        if (auto *sequential = module.as<::torch::nn::Sequential>()) {
            for (const auto &child : sequential->named_children()) {
                x = apply(*child.value(), x);
            }
            return x;
        }
        const detail::Named named(name_of(module), module);
        for (const Tensor &t : module.parameters(/*recurse=*/false)) {
            uses(t);
        }
        for (const Tensor &t : module.buffers(/*recurse=*/false)) {
            uses(t);
        }
        try {
            return visit(named, module, x);
        } catch (const Error &error) {
            named.refuse(error.what());
        }
    }
    template <class Impl> Node apply(::torch::nn::ModuleHolder<Impl> module, Node x) {
        return apply(static_cast<::torch::nn::Module &>(*module), x);
    }

    /// `a + b`: the end of a residual connection.
    Node add(Node a, Node b) {
        return detail::checked([&] {
            a = real(a), b = real(b);
            const bool same = order(a).defined() == order(b).defined() &&
                              (!order(a).defined() || order(a).equal(order(b)));
            TORCH_CHECK(same, "bnn: a sum of images that were flattened and of something else; add before the Flatten");
            return like(a, graph_.add(a.number, b.number));
        });
    }

    /// `torch::cat({a, b}, 1)`.
    Node concat(Node a, Node b) {
        return detail::checked([&] {
            a = real(a), b = real(b);
            const int64_t of_a = channels(a), of_b = channels(b);
            const Tensor first = order(a).defined() ? order(a) : ::torch::arange(of_a);
            const Tensor second = order(b).defined() ? order(b) : ::torch::arange(of_b);
            const bool plain = !order(a).defined() && !order(b).defined();
            const bool is_image = states_[a.number].is_image;
            const Tensor both = plain ? Tensor() : ::torch::cat({first, second + of_a});
            return keep(graph_.concat(a.number, b.number), {is_image, both});
        });
    }

    /// `max(x, 0)`.
    Node relu(Node x) {
        return detail::checked([&] {
            x = real(x);
            return like(x, graph_.relu(x.number));
        });
    }

    /// `x` between two numbers.
    Node clamp(Node x, double low, double high) {
        return detail::checked([&] {
            x = real(x);
            return like(x, graph_.clamp(x.number, static_cast<float>(low), static_cast<float>(high)));
        });
    }

    /// `x * scale + bias` with a number for each channel, product and sum rounded to a float each;
    /// one of the two may be undefined.
    Node affine(Node x, const Tensor &scale, const Tensor &bias) {
        return detail::checked([&] {
            uses(scale), uses(bias);
            const Tensor s = per_channel(x, "scale", scale), b = per_channel(x, "bias", bias);
            return like(x, graph_.affine(x.number, {optional(s), optional(b)}));
        });
    }

    /// RPReLU, `prelu(x + before) + after`, with a number for each channel; shifts may be
    /// undefined.
    Node rprelu(Node x, const Tensor &before, const Tensor &slope, const Tensor &after) {
        return detail::checked([&] {
            uses(before), uses(slope), uses(after);
            return rectified(x, before, slope, after);
        });
    }

    /// The mean of each channel of images, as images of one pixel: `AdaptiveAvgPool2d(1)`.
    Node average_pool(Node x) {
        return detail::checked([&] {
            x = real(x);
            return like(x, graph_.average_pool2d(x.number));
        });
    }

    /// `x.flatten(1)`.
    Node flatten(Node x) {
        return detail::checked([&] {
            if (!states_[x.number].is_image) {
                return x;
            }
            const auto [height, width, depth] = graph_.shape(x.number);
            // LibTorch has [channels, height, width], a model file [height, width, channels].
            const auto sizes = {static_cast<int64_t>(depth), static_cast<int64_t>(height), static_cast<int64_t>(width)};
            const Tensor order = ::torch::arange(static_cast<int64_t>(height * width * depth)).view(sizes);
            const bool moved = height * width > 1 && depth > 1;
            // There is no flattening of bytes, but of numbers.
            x = graph_.element(x.number) == BNN_ELEMENT_BITS ? x : real(x);
            return keep(graph_.flatten(x.number), {false, moved ? order.permute({1, 2, 0}).flatten() : Tensor()});
        });
    }

    /// Notes that the description has taken account of a parameter or a buffer of the network, such
    /// as one of which it has computed what it gave to another function.
    void uses(const Tensor &t) {
        const auto is_it = [&](const auto &unused) { return t.defined() && unused.first == t.unsafeGetTensorImpl(); };
        unused_.erase(std::remove_if(unused_.begin(), unused_.end(), is_it), unused_.end());
    }

    /// The file, of which `output` is the last node. Throws if the network has parameters or
    /// buffers that the builder was not given.
    std::vector<std::uint8_t> finish(Node output, const ExportOptions &options) {
        TORCH_CHECK(unused_.empty(), "bnn: `", unused_.front().second,
                    "` of the network was not exported: the description gives it to no function of the builder");
        TORCH_CHECK(output.number + 1 == states_.size(), "bnn: the description returns node ", output.number,
                    ", expected the last one, ", states_.size() - 1);
        TORCH_CHECK(!order(output).defined(), "bnn: the network ends with images that were flattened; end with the images");
        return detail::checked([&] {
            graph_.meta(options.meta());
            graph_.class_names(options.class_names());
            return graph_.finish();
        });
    }

  private:
    /// What LibTorch knows of a tensor, and a file does not.
    struct State {
        /// `[batch, channels, height, width]` instead of `[batch, features]`.
        bool is_image;
        /// Of images that were flattened, for each channel of the file the feature that it is;
        /// undefined if they have one order.
        Tensor order;
    };

    static ::bnn::GraphBuilder begin(const Tensor &samples, int64_t bits) {
        TORCH_CHECK(bits >= 0 && bits <= 8, "bnn: input_bits: expected 0 to 8, found ", bits);
        const auto side = [&](int64_t axis) { return samples.dim() == 4 ? static_cast<std::size_t>(samples.size(axis)) : 1; };
        const ::bnn::GraphBuilder::Shape shape = {side(2), side(3), static_cast<std::size_t>(samples.size(1))};
        return detail::checked([&] {
            return bits == 0 ? ::bnn::GraphBuilder::of_bits(shape)
                             : ::bnn::GraphBuilder::of_bytes(static_cast<int>(bits), shape);
        });
    }

    static Span<const float> optional(const Tensor &t) { return t.defined() ? detail::read(t) : Span<const float>(); }

    std::string name_of(const ::torch::nn::Module &module) const {
        const auto found = names_.find(&module);
        return found == names_.end() ? "not of the network" : found->second;
    }

    Node keep(std::size_t number, State state) {
        states_.resize(number + 1);
        states_[number] = std::move(state);
        return {number};
    }
    /// A new node whose elements are those of `x`, one by one.
    Node like(Node x, std::size_t number) { return keep(number, states_[x.number]); }

    const Tensor &order(Node x) const { return states_[x.number].order; }
    int64_t channels(Node x) const { return static_cast<int64_t>(graph_.shape(x.number)[2]); }

    /// A number for each channel of `x`, in the order of the file.
    Tensor per_channel(Node x, const char *what, const Tensor &t) const {
        if (!t.defined()) {
            return t;
        }
        detail::check_tensor(what, t);
        ::bnn::detail::expect_size(what, static_cast<std::size_t>(channels(x)), static_cast<std::size_t>(t.numel()));
        const Tensor flat = t.detach().flatten();
        return detail::dense(order(x).defined() ? flat.index_select(0, order(x)) : flat);
    }

    /// `x` as floats: bytes are made floats once.
    Node real(Node x) {
        if (graph_.element(x.number) != BNN_ELEMENT_U8) {
            return x;
        }
        if (const auto found = reals_.find(x.number); found != reals_.end()) {
            return found->second;
        }
        const std::vector<float> ones(graph_.shape(x.number)[2], 1.0f);
        return reals_[x.number] = like(x, graph_.affine(x.number, {ones, {}}));
    }

    /// The signs of `x`, made once.
    Node signs(const detail::Named &named, Node x) {
        if (graph_.element(x.number) == BNN_ELEMENT_BITS) {
            return x;
        }
        if (graph_.element(x.number) == BNN_ELEMENT_U8) {
            named.refuse("it takes signs, and those of bytes are all +1; expected a layer that takes numbers first, or "
                         "input_bits 0, for a file that takes the signs of samples");
        }
        if (const auto found = signs_.find(x.number); found != signs_.end()) {
            return found->second;
        }
        return signs_[x.number] = like(x, graph_.sign(x.number));
    }

    Node rectified(Node x, const Tensor &before, const Tensor &slope, const Tensor &after) {
        x = real(x);
        const Tensor first = per_channel(x, "before", before), s = per_channel(x, "slope", slope);
        const Tensor second = per_channel(x, "after", after);
        return like(x, graph_.rprelu(x.number, optional(first), optional(s), optional(second)));
    }

    Node visit(const detail::Named &named, ::torch::nn::Module &module, Node x);

    void expect_image(const detail::Named &named, Node x, bool image) const {
        if (states_[x.number].is_image != image) {
            named.refuse(image ? "it takes images, [batch, channels, height, width]" : "it takes rows; expected a Flatten before it");
        }
    }

    /// A product with weights of any type, as LibTorch has them.
    Node product(Node x, const Tensor &weight, bnn_weights_t kind, const Windows &windows, const Tensor &scale,
                 const Tensor &bias) {
        const bool image = states_[x.number].is_image;
        Tensor w = weight.detach();
        if (image) {
            w = detail::channels_last(w);
        } else if (order(x).defined()) {
            w = w.index_select(1, order(x));
        }
        w = detail::dense(w);
        const Tensor s = scale.defined() ? detail::dense(scale.detach()) : Tensor();
        const Tensor b = bias.defined() ? detail::dense(bias.detach()) : Tensor();
        Conv2dOptions options;
        options.outputs = detail::size("outputs", w.size(0));
        if (image) {
            const auto shape = graph_.shape(x.number);
            options = detail::conv2d_options(static_cast<int64_t>(shape[0]), static_cast<int64_t>(shape[1]), weight, windows, 1.0);
        }
        std::vector<std::int8_t> weight_signs;
        if (kind == BNN_WEIGHTS_I8) { // signs, of floats
            for (const float value : detail::read(w)) {
                weight_signs.push_back(value >= 0.0f ? 1 : -1);
            }
        }
        const Weights weights = kind == BNN_WEIGHTS_SIGNS ? Weights::signs(detail::read(w))
                                : kind == BNN_WEIGHTS_I8  ? Weights::i8(weight_signs)
                                                          : Weights::reals(detail::read(w));
        return keep(graph_.conv2d(x.number, options, weights, {optional(s), optional(b)}), {image, Tensor()});
    }

    template <class Layer> Node binary(const detail::Named &named, Layer &layer, const Windows &windows, bool image, Node x) {
        expect_image(named, x, image);
        return product(signs(named, x), layer.weight, BNN_WEIGHTS_SIGNS, windows, layer.scale, layer.bias);
    }

    template <class Layer>
    Node sign_weight(const detail::Named &named, Layer &layer, const Windows &windows, bool image, Node x) {
        expect_image(named, x, image);
        const bool of_bytes = graph_.element(x.number) == BNN_ELEMENT_U8;
        if (of_bytes) {
            detail::expect_exact(named, layer.weight[0].numel() * largest_input_);
        }
        return product(x, layer.weight, of_bytes ? BNN_WEIGHTS_SIGNS : BNN_WEIGHTS_I8, windows, layer.scale, layer.bias);
    }

    template <class Norm> Node batch_norm(const detail::Named &named, Norm &norm, bool image, Node x) {
        expect_image(named, x, image);
        if (!norm.running_mean.defined() || !norm.running_var.defined()) {
            named.refuse("it has no running statistics, expected track_running_stats");
        }
        const Tensor mean = per_channel(x, "running_mean", norm.running_mean);
        const Tensor var = per_channel(x, "running_var", norm.running_var);
        const Tensor gamma = per_channel(x, "weight", norm.weight), beta = per_channel(x, "bias", norm.bias);
        ::bnn::BatchNorm of_file{detail::read(mean), detail::read(var), optional(gamma), optional(beta)};
        of_file.eps = static_cast<float>(norm.options.eps());
        return like(x, graph_.batch_norm(x.number, of_file));
    }

    ::bnn::GraphBuilder graph_;
    /// Of samples that the file takes as bytes.
    int64_t largest_input_;
    /// Of each node.
    std::vector<State> states_;
    std::map<const ::torch::nn::Module *, std::string> names_;
    /// The parameters and buffers of the network that were not given so far, in its order, so that the
    /// same one is named in every run.
    std::vector<std::pair<const ::at::TensorImpl *, std::string>> unused_;
    /// Nodes as floats and as signs, so that each is made once.
    std::map<std::size_t, Node> reals_, signs_;
};

} // namespace bnn::torch

#endif
