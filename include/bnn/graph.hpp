// Model files of graphs, such as residual networks: written. Part of bnn.hpp.
#ifndef BNN_GRAPH_HPP
#define BNN_GRAPH_HPP

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bits.hpp"
#include "builder.hpp"

namespace bnn {

/// The weights of a product of a graph, `[outputs, kernel_height, kernel_width, channels /
/// groups]`. It borrows them, for the time of a call.
class Weights {
  public:
    /// Latent weights, of which the signs count: of bits or bytes.
    static Weights signs(Span<const float> w) noexcept { return {BNN_WEIGHTS_SIGNS, w.data(), w.size()}; }
    /// Signs, packed, a row for each output: of bits or bytes.
    static Weights bits(const BitMatrix &w) noexcept {
        Weights bits(BNN_WEIGHTS_BITS, w.words().data(), w.rows() * w.cols());
        bits.packed_rows_ = w.rows();
        return bits;
    }
    /// Integers of 8 bits: of bytes, fixed point or floats.
    static Weights i8(Span<const std::int8_t> w) noexcept { return {BNN_WEIGHTS_I8, w.data(), w.size()}; }
    /// Numbers: of floats.
    static Weights reals(Span<const float> w) noexcept { return {BNN_WEIGHTS_F32, w.data(), w.size()}; }

    bnn_weights_t kind() const noexcept { return kind_; }
    const void *data() const noexcept { return data_; }
    /// How many weights there are.
    std::size_t size() const noexcept { return size_; }
    /// The rows of packed signs, each of which starts on a word; of other weights 0.
    std::size_t packed_rows() const noexcept { return packed_rows_; }

  private:
    Weights(bnn_weights_t kind, const void *data, std::size_t size) noexcept : kind_(kind), data_(data), size_(size) {}

    bnn_weights_t kind_;
    const void *data_;
    std::size_t size_, packed_rows_ = 0;
};

/// Puts a model file of a graph together, node by node. Each function adds a node, and returns its
/// number; the last one is the output. One thread at a time may use it.
///
/// ```
/// auto g = bnn::GraphBuilder::of_bytes(8, {32, 32, 3});
/// auto x = g.conv2d(g.input(), stem, bnn::Weights::signs(w1), {scale1, bias1});
/// auto y = g.batch_norm(g.conv2d(g.sign(x), block, bnn::Weights::signs(w2)), norm2);
/// x = g.add(x, y);
/// g.linear(g.average_pool2d(x), 10, bnn::Weights::reals(w3), {{}, bias3});
/// std::vector<std::uint8_t> file = g.finish();
/// ```
class GraphBuilder {
  public:
    /// The number of a node.
    using Node = std::size_t;
    /// Height, width and channels; 1, 1 and the number of elements of what is no image.
    using Shape = std::array<std::size_t, 3>;

    /// A builder of a graph whose samples are in {-1, +1}, packed.
    static GraphBuilder of_bits(const Shape &shape) { return GraphBuilder(BNN_ELEMENT_BITS, 1, shape); }
    /// A builder of a graph whose samples are unsigned integers, a byte each, all less than `1 <<
    /// bits`; `bits` is 1 to 8.
    static GraphBuilder of_bytes(int bits, const Shape &shape) { return GraphBuilder(BNN_ELEMENT_U8, bits, shape); }

    /// Text for people and tools, as `Builder::meta`.
    GraphBuilder &meta(const std::string &text) {
        meta_ = text;
        return write_meta();
    }
    /// The names of the classes, as `Builder::class_names`.
    GraphBuilder &class_names(const std::vector<std::string> &names) {
        class_names_ = names;
        return write_meta();
    }

    /// The input, node 0.
    static constexpr Node input() noexcept { return 0; }
    /// The shape of what a node gives out.
    Shape shape(Node node) const { return describe(node).second; }
    /// The type of its elements.
    bnn_element_t element(Node node) const { return static_cast<bnn_element_t>(describe(node).first); }

    /// A convolution of `x`, `scale * sum + bias`. Sizes of images that the options do not set are
    /// those of `x`, and so is a kernel that they do not set. See `bnn_graph_conv2d_f32`.
    Node conv2d(Node x, const Conv2dOptions &options, const Weights &w, Affine affine = {}) {
        expect_weights(x, options, w);
        detail::expect_affine(affine, options.outputs);
        return added([&](Node *node) {
            return bnn_graph_conv2d_f32(get(), x, &options, w.kind(), w.data(), affine.scale.data(), affine.bias.data(),
                                        node);
        });
    }

    /// A convolution of `x` that gives out bits, `+1` where a sum is at least the threshold of its
    /// output.
    Node conv2d_threshold(Node x, const Conv2dOptions &options, const Weights &w, Span<const std::int32_t> thresholds) {
        expect_weights(x, options, w);
        detail::expect_size("thresholds", options.outputs, thresholds.size());
        return added([&](Node *node) {
            return bnn_graph_conv2d_threshold_i32(get(), x, &options, w.kind(), w.data(), thresholds.data(), node);
        });
    }

    /// A dense layer over all elements of `x`, in the order `[height, width, channels]`.
    Node linear(Node x, std::size_t outputs, const Weights &w, Affine affine = {}) {
        Conv2dOptions whole;
        whole.outputs = outputs;
        return conv2d(x, whole, w, affine);
    }

    /// `scale * x + bias` per channel; one of the two may be empty.
    Node affine(Node x, Affine affine) {
        const std::size_t n = affine.scale.empty() ? affine.bias.size() : affine.scale.size();
        detail::expect_affine(affine, n);
        return added([&](Node *node) {
            return bnn_graph_affine_f32(get(), x, affine.scale.data(), affine.bias.data(), n, node);
        });
    }

    /// A batch norm in evaluation.
    Node batch_norm(Node x, const BatchNorm &norm) {
        const std::size_t n = norm.mean.size();
        detail::expect_batch_norm(norm);
        return added([&](Node *node) {
            return bnn_graph_batch_norm_f32(get(), x, norm.gamma.data(), norm.beta.data(), norm.mean.data(),
                                            norm.var.data(), norm.eps, n, node);
        });
    }

    /// The signs of `x`, floats, as bits: `+1` where `x >= 0`.
    Node sign(Node x) { return sign(x, std::vector<float>(shape(x)[2])); }
    /// The bits `x >= threshold`, with a threshold for each channel of floats.
    Node sign(Node x, Span<const float> thresholds) {
        return added([&](Node *node) {
            return bnn_graph_sign_f32(get(), x, thresholds.data(), thresholds.size(), node);
        });
    }
    /// The bits `x >= threshold`, with a threshold for each channel of bytes or fixed point.
    Node sign(Node x, Span<const std::int32_t> thresholds) {
        return added([&](Node *node) {
            return bnn_graph_sign_i32(get(), x, thresholds.data(), thresholds.size(), node);
        });
    }

    /// `max(x, 0)`.
    Node relu(Node x) {
        return added([&](Node *node) { return bnn_graph_relu(get(), x, node); });
    }

    /// `x` where it is at least 0, else `slope * x`; a slope for each channel.
    Node prelu(Node x, Span<const float> slope) { return rprelu(x, {}, slope, {}); }

    /// `prelu(x + before) + after`; empty shifts are zeros.
    Node rprelu(Node x, Span<const float> before, Span<const float> slope, Span<const float> after) {
        const std::size_t n = slope.size();
        detail::expect_size_or_none("before", n, before.size());
        detail::expect_size_or_none("after", n, after.size());
        return added([&](Node *node) {
            return bnn_graph_prelu_f32(get(), x, before.data(), slope.data(), after.data(), n, node);
        });
    }

    /// `x` between two numbers.
    Node clamp(Node x, float low, float high) {
        return added([&](Node *node) { return bnn_graph_clamp_f32(get(), x, low, high, node); });
    }

    /// The largest element of each window; of the whole image if the options do not set the kernel.
    Node max_pool2d(Node x, const Pool2dOptions &options = {}) {
        return added([&](Node *node) { return bnn_graph_max_pool2d(get(), x, &options, node); });
    }

    /// The mean of each window, without the padding; of the whole image if the options do not set
    /// the kernel.
    Node average_pool2d(Node x, const Pool2dOptions &options = {}) {
        return added([&](Node *node) { return bnn_graph_average_pool2d(get(), x, &options, node); });
    }

    /// The sum of two nodes of one shape.
    Node add(Node a, Node b) {
        return added([&](Node *node) { return bnn_graph_add(get(), a, b, node); });
    }

    /// The channels of `a`, then those of `b`.
    Node concat(Node a, Node b) {
        return added([&](Node *node) { return bnn_graph_concat(get(), a, b, node); });
    }

    /// A convolution of `x`, of bits, bytes or fixed point, to fixed point: `round(sum * factor /
    /// 2^shift) + bias`. See `bnn_graph_conv2d_fixed_i32`.
    Node conv2d_fixed(Node x, const Conv2dOptions &options, const Weights &w, const bnn_fixed_t &to,
                      Span<const std::int32_t> factor, Span<const std::int32_t> bias) {
        expect_weights(x, options, w);
        detail::expect_size("factor", options.outputs, factor.size());
        detail::expect_size("bias", options.outputs, bias.size());
        return added([&](Node *node) {
            return bnn_graph_conv2d_fixed_i32(get(), x, &options, w.kind(), w.data(), &to, factor.data(), bias.data(),
                                              node);
        });
    }

    /// An affine step of bytes or fixed point to fixed point, with a number for each channel.
    Node affine_fixed(Node x, const bnn_fixed_t &to, Span<const std::int32_t> factor, Span<const std::int32_t> bias) {
        detail::expect_size("bias", factor.size(), bias.size());
        return added([&](Node *node) {
            return bnn_graph_affine_fixed_i32(get(), x, &to, factor.data(), bias.data(), factor.size(), node);
        });
    }

    /// `rprelu` of fixed point, with slopes of `slope / 2^shift`; empty shifts are zeros.
    Node rprelu_fixed(Node x, Span<const std::int32_t> before, Span<const std::int32_t> slope,
                      Span<const std::int32_t> after, int shift) {
        const std::size_t n = slope.size();
        detail::expect_size_or_none("before", n, before.size());
        detail::expect_size_or_none("after", n, after.size());
        return added([&](Node *node) {
            return bnn_graph_prelu_fixed_i32(get(), x, before.data(), slope.data(), after.data(), shift, n, node);
        });
    }

    /// `x`, of fixed point, between two numbers.
    Node clamp_fixed(Node x, std::int32_t low, std::int32_t high) {
        return added([&](Node *node) { return bnn_graph_clamp_i32(get(), x, low, high, node); });
    }

    /// The sum of two nodes of fixed point, rounded to an exponent.
    Node add_fixed(Node a, Node b, int exponent) {
        return added([&](Node *node) { return bnn_graph_add_fixed(get(), a, b, exponent, node); });
    }

    /// `x` as one pixel, in the order `[height, width, channels]`.
    Node flatten(Node x) {
        return added([&](Node *node) { return bnn_graph_flatten(get(), x, node); });
    }

    /// The file; nothing can be added afterwards. If it is refused, the builder goes on. If there is
    /// no memory for the copy that is returned (`std::bad_alloc`), the file is finished all the same,
    /// and `bnn_graph_file(get(), ..)` copies it.
    std::vector<std::uint8_t> finish() {
        std::size_t bytes = 0;
        detail::check(bnn_graph_finish(get(), &bytes));
        std::vector<std::uint8_t> file(bytes);
        detail::check(bnn_graph_file(get(), file.data(), file.size()));
        return file;
    }

    /// The handle for the functions of bnn.h; the object owns it.
    bnn_graph_t *get() const noexcept { return graph_.get(); }

  private:
    struct Free {
        void operator()(bnn_graph_t *graph) const noexcept { bnn_graph_free(graph); }
    };

    GraphBuilder(bnn_element_t element, int bits, const Shape &shape) {
        bnn_graph_t *graph = nullptr;
        detail::check(bnn_graph_new(element, bits, shape[0], shape[1], shape[2], &graph));
        graph_.reset(graph);
    }

    /// The new node of a call.
    template <class Call> static Node added(const Call &call) {
        Node node = 0;
        detail::check(call(&node));
        return node;
    }

    std::pair<std::int32_t, Shape> describe(Node node) const {
        std::int32_t element = 0;
        Shape shape{};
        detail::check(bnn_graph_node(get(), node, &element, shape.data()));
        return {element, shape};
    }

    void expect_weights(Node x, const Conv2dOptions &options, const Weights &w) const {
        const Shape image = shape(x);
        Conv2dOptions filled = options;
        const auto fill = [](std::size_t &size, std::size_t of_image) { size = size == 0 ? of_image : size; };
        if (w.kind() == BNN_WEIGHTS_BITS) {
            detail::expect_size("rows of w", options.outputs, w.packed_rows());
        }
        fill(filled.channels, image[2]);
        fill(filled.kernel_height, image[0]);
        fill(filled.kernel_width, image[1]);
        detail::expect_size("w", detail::filter_elements(filled), w.size());
    }

    GraphBuilder &write_meta() {
        const std::string text = detail::meta_text(meta_, class_names_);
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(text.data());
        detail::check(bnn_graph_meta(get(), bytes, text.size()));
        return *this;
    }

    std::unique_ptr<bnn_graph_t, Free> graph_;
    std::string meta_;
    std::vector<std::string> class_names_;
};

} // namespace bnn

#endif
