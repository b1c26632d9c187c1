// Model files: written. Part of bnn.hpp.
#ifndef BNN_BUILDER_HPP
#define BNN_BUILDER_HPP

#include <memory>
#include <string>
#include <vector>

#include "layer.hpp"

namespace bnn {

/// A batch norm as evaluation has it: running statistics, and factors and summands (1 and 0 where empty).
struct BatchNorm {
    Span<const float> mean, var, gamma, beta;
    float eps = 1e-5f;
};

/// A model file in the making, layer by layer; each function returns the builder. One thread at a time may use it.
///
/// ```
/// std::vector<std::uint8_t> file = bnn::Builder::of_bytes(8)
///     .linear(w1, 512, 784).batch_norm(norm1) // the sign in front of the next product may be left out
///     .linear(w2, 10, 512).batch_norm(norm2)
///     .finish();
/// ```
class Builder {
  public:
    /// Of samples in {-1, +1}, packed.
    static Builder of_bits() { return Builder(BNN_ELEMENT_BITS, 1); }
    /// Of samples of unsigned integers, a byte each, all less than `1 << bits`, 1 to 8 of them.
    static Builder of_bytes(int bits) { return Builder(BNN_ELEMENT_U8, bits); }
    /// Of samples of bytes of which the model makes bits: `+1` where one is at least the threshold of its input.
    static Builder of_thresholds(Span<const std::uint8_t> thresholds) {
        bnn_builder_t *builder = nullptr;
        detail::check(bnn_builder_new_thresholds(thresholds.data(), thresholds.size(), &builder));
        return Builder(builder);
    }

    /// Text for people and tools, by convention lines of `key=value`.
    Builder &meta(const std::string &text) {
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(text.data());
        return checked(bnn_builder_meta(get(), bytes, text.size()));
    }

    /// A product with the signs of `w`, `outputs` rows of `inputs` numbers.
    Builder &linear(Span<const float> w, std::size_t outputs, std::size_t inputs) {
        detail::expect_size("w", detail::product("w", outputs, inputs), w.size());
        return checked(bnn_builder_linear_f32(get(), w.data(), outputs, inputs));
    }

    /// `scale * x + bias` behind a product; one of the two may be empty.
    Builder &affine(Affine affine) {
        const std::size_t outputs = affine.scale.empty() ? affine.bias.size() : affine.scale.size();
        detail::expect_affine(affine, outputs);
        return checked(bnn_builder_affine_f32(get(), affine.scale.data(), affine.bias.data(), outputs));
    }

    /// A batch norm behind a product.
    Builder &batch_norm(const BatchNorm &norm) {
        const std::size_t n = norm.mean.size();
        detail::expect_size("var", n, norm.var.size());
        detail::expect_size_or_none("gamma", n, norm.gamma.size());
        detail::expect_size_or_none("beta", n, norm.beta.size());
        return checked(bnn_builder_batch_norm_f32(get(), norm.gamma.data(), norm.beta.data(), norm.mean.data(),
                                                  norm.var.data(), norm.eps, n));
    }

    /// A sign, at the end of a model whose output is bits.
    Builder &sign() { return checked(bnn_builder_sign(get())); }

    /// The file; nothing can be added any more.
    std::vector<std::uint8_t> finish() {
        std::size_t bytes = 0;
        detail::check(bnn_builder_finish(get(), &bytes));
        std::vector<std::uint8_t> file(bytes);
        detail::check(bnn_builder_file(get(), file.data(), file.size()));
        return file;
    }

    /// For the functions of bnn.h; it stays this object's.
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

    std::unique_ptr<bnn_builder_t, Free> builder_;
};

} // namespace bnn

#endif
