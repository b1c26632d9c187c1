// Model files: written. Part of bnn.hpp.
#ifndef BNN_BUILDER_HPP
#define BNN_BUILDER_HPP

#include <memory>
#include <string>
#include <vector>

#include "conv2d.hpp"
#include "layer.hpp"
#include "meta.hpp"

namespace bnn {

/// `bnn_pool2d_options_t` with its defaults set. `kernel_height` and `kernel_width` have none: set
/// them. (In graphs 0 stands for the whole image.)
struct Pool2dOptions : bnn_pool2d_options_t {
    Pool2dOptions() { detail::check(bnn_pool2d_options_init(this)); }
};

/// A batch norm in evaluation: running statistics, and factors and summands (1 and 0 where empty).
struct BatchNorm {
    Span<const float> mean, var, gamma, beta;
    float eps = 1e-5f;
};

namespace detail {

inline void expect_batch_norm(const BatchNorm &norm) {
    const std::size_t n = norm.mean.size();
    expect_size("var", n, norm.var.size());
    expect_size_or_none("gamma", n, norm.gamma.size());
    expect_size_or_none("beta", n, norm.beta.size());
}

} // namespace detail

/// Puts a model file together, layer by layer; each function returns the builder. One thread at a
/// time may use it.
///
/// ```
/// std::vector<std::uint8_t> file = bnn::Builder::of_bytes(8)
///     .linear(w1, 512, 784).batch_norm(norm1) // the next product takes the signs by itself
///     .linear(w2, 10, 512).batch_norm(norm2)
///     .finish();
/// ```
class Builder {
  public:
    /// A builder of a model whose samples are in {-1, +1}, packed.
    static Builder of_bits() { return Builder(BNN_ELEMENT_BITS, 1); }
    /// A builder of a model whose samples are unsigned integers, a byte each, all less than
    /// `1 << bits`; `bits` is 1 to 8.
    static Builder of_bytes(int bits) { return Builder(BNN_ELEMENT_U8, bits); }
    /// A builder of a model that makes bits of its samples' bytes: `+1` where a byte is at least the
    /// threshold of its input.
    static Builder of_thresholds(Span<const std::uint8_t> thresholds) {
        bnn_builder_t *builder = nullptr;
        detail::check(bnn_builder_new_thresholds(thresholds.data(), thresholds.size(), &builder));
        return Builder(builder);
    }

    /// Text for people and tools, by convention lines of `key=value`. It replaces what was set
    /// before.
    Builder &meta(const std::string &text) {
        meta_ = text;
        return write_meta();
    }

    /// The names of the classes, in the order of the scores: lines `class.0=..`, `class.1=..` after
    /// the other metadata.
    Builder &class_names(const std::vector<std::string> &names) {
        class_names_ = names;
        return write_meta();
    }

    /// A product with the signs of `w`, `outputs` rows of `inputs` numbers.
    Builder &linear(Span<const float> w, std::size_t outputs, std::size_t inputs) {
        detail::expect_size("w", detail::product("w", outputs, inputs), w.size());
        return checked(bnn_builder_linear_f32(get(), w.data(), outputs, inputs));
    }

    /// Samples are images of this size; call it before the first layer.
    Builder &image(std::size_t height, std::size_t width, std::size_t channels) {
        return checked(bnn_builder_image(get(), height, width, channels));
    }

    /// A convolution with the signs of `w`, `[outputs, kernel_height, kernel_width, channels /
    /// groups]`, of the images that the layers so far give out.
    Builder &conv2d(const Conv2dOptions &options, Span<const float> w) {
        detail::expect_size("w", detail::filter_elements(options), w.size());
        return checked(bnn_builder_conv2d_f32(get(), &options, w.data()));
    }

    /// A max pool. Something that takes signs must follow: a product, or `sign`.
    Builder &max_pool2d(const Pool2dOptions &options) { return checked(bnn_builder_max_pool2d(get(), &options)); }

    /// Images as rows, `[height, width, channels]` in this order, for the dense layers that follow.
    Builder &flatten() { return checked(bnn_builder_flatten(get())); }

    /// `scale * x + bias` after a product; one of the two may be empty.
    Builder &affine(Affine affine) {
        const std::size_t outputs = affine.scale.empty() ? affine.bias.size() : affine.scale.size();
        detail::expect_affine(affine, outputs);
        return checked(bnn_builder_affine_f32(get(), affine.scale.data(), affine.bias.data(), outputs));
    }

    /// A batch norm after a product.
    Builder &batch_norm(const BatchNorm &norm) {
        const std::size_t n = norm.mean.size();
        detail::expect_batch_norm(norm);
        return checked(bnn_builder_batch_norm_f32(get(), norm.gamma.data(), norm.beta.data(), norm.mean.data(),
                                                  norm.var.data(), norm.eps, n));
    }

    /// A sign after a product: `+1` where the sum is at least the threshold of its output.
    Builder &threshold(Span<const std::int32_t> thresholds) {
        return checked(bnn_builder_threshold_i32(get(), thresholds.data(), thresholds.size()));
    }

    /// Allows the scores to differ from what several affine steps compute, as a share of the
    /// largest score that an output can have; 0 as built. See `bnn_builder_set_tolerance`.
    Builder &tolerance(float tolerance) { return checked(bnn_builder_set_tolerance(get(), tolerance)); }

    /// A sign, at the end of a model whose output is bits.
    Builder &sign() { return checked(bnn_builder_sign(get())); }

    /// The file; nothing can be added afterwards. If there is no memory for the copy that is returned
    /// (`std::bad_alloc`), the file is finished all the same, and `bnn_builder_file(get(), ..)` copies
    /// it.
    std::vector<std::uint8_t> finish() {
        std::size_t bytes = 0;
        detail::check(bnn_builder_finish(get(), &bytes));
        std::vector<std::uint8_t> file(bytes);
        detail::check(bnn_builder_file(get(), file.data(), file.size()));
        return file;
    }

    /// The handle for the functions of bnn.h; the object owns it.
    bnn_builder_t *get() const noexcept { return builder_.get(); }

  private:
    struct Free {
        void operator()(bnn_builder_t *builder) const noexcept { bnn_builder_free(builder); }
    };

    explicit Builder(bnn_builder_t *builder) : builder_(builder) {}

    Builder(bnn_element_t element, int bits) {
        bnn_builder_t *builder = nullptr;
        detail::check(bnn_builder_new(element, bits, &builder));
        builder_.reset(builder);
    }

    Builder &checked(bnn_status_t status) {
        detail::check(status);
        return *this;
    }

    Builder &write_meta() {
        const std::string text = detail::meta_text(meta_, class_names_);
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(text.data());
        return checked(bnn_builder_meta(get(), bytes, text.size()));
    }

    std::unique_ptr<bnn_builder_t, Free> builder_;
    std::string meta_;
    std::vector<std::string> class_names_;
};

} // namespace bnn

#endif
