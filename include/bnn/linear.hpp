// The binary linear layer with its backward pass. Part of bnn.hpp.
#ifndef BNN_LINEAR_HPP
#define BNN_LINEAR_HPP

#include <memory>
#include <vector>

#include "bits.hpp"
#include "layer.hpp"

namespace bnn {

/// `y = scale * (sign(x) · sign(w)^T) + bias`, of rows of `inputs()` numbers, with the weights
/// packed once.
///
/// Immutable: any number of threads may use one at once.
class Linear {
  public:
    /// A layer with latent weights, `outputs` rows of `inputs` numbers, of which the signs count.
    /// `clip`: the gradient of `x` passes where `|x| <= clip`.
    Linear(Span<const float> w, std::size_t outputs, std::size_t inputs, Affine affine = {}, float clip = 1.0f)
        : outputs_(outputs), inputs_(inputs) {
        detail::expect_size("w", detail::product("w", outputs, inputs), w.size());
        detail::expect_affine(affine, outputs);
        const bnn_linear_options_t options = with(clip);
        bnn_linear_t *layer = nullptr;
        detail::check(bnn_linear_new_with_options_f32(&options, w.data(), outputs, inputs, affine.scale.data(),
                                                      affine.bias.data(), &layer));
        layer_.reset(layer);
    }

    /// A layer with packed weights, a row for each output.
    explicit Linear(const BitMatrix &w, Affine affine = {}, float clip = 1.0f)
        : outputs_(w.rows()), inputs_(w.cols()) {
        detail::expect_affine(affine, outputs_);
        const bnn_linear_options_t options = with(clip);
        bnn_linear_t *layer = nullptr;
        detail::check(bnn_linear_new_with_options_packed(&options, w.words().data(), w.words().size(), outputs_,
                                                         inputs_, affine.scale.data(), affine.bias.data(), &layer));
        layer_.reset(layer);
    }

    std::size_t outputs() const noexcept { return outputs_; }
    std::size_t inputs() const noexcept { return inputs_; }
    /// The handle for the functions of bnn.h; the object owns it.
    const bnn_linear_t *get() const noexcept { return layer_.get(); }

    /// Rows of `x` in, rows of `y` out; `y` has `outputs()` numbers for each row.
    void forward(Span<const float> x, Span<float> y) const {
        detail::check(bnn_linear_forward_f32(get(), x.data(), rows(x.size(), y.size()), y.data()));
    }

    std::vector<float> forward(Span<const float> x) const {
        std::vector<float> y(detail::product("y", detail::whole_rows("x", inputs_, x.size()), outputs_));
        forward(x, y);
        return y;
    }

    /// Words that the backward pass of `rows` rows needs: the sign and the mask, two bits per
    /// element of `x`.
    std::size_t saved_words(std::size_t rows) const noexcept { return bnn_linear_saved_words(rows, inputs_); }

    /// Computes what `forward` does, and fills `saved`, of `saved_words(rows)` words, for
    /// `backward`.
    void forward_saving(Span<const float> x, Span<float> y, Span<std::uint64_t> saved) const {
        detail::check(bnn_linear_forward_saving_f32(get(), x.data(), rows(x.size(), y.size()), y.data(), saved.data(),
                                                    saved.size()));
    }

    /// The gradients of what `forward_saving` computed, given that of `y`. `into.w` is with respect
    /// to `sign(w)`.
    void backward(Span<const std::uint64_t> saved, Span<const float> grad_y, Gradients into) const {
        const std::size_t rows = detail::whole_rows("grad_y", outputs_, grad_y.size());
        detail::expect_gradients(into, detail::product("grad_x", rows, inputs_), outputs_ * inputs_, outputs_);
        detail::check(bnn_linear_backward_f32(get(), saved.data(), saved.size(), grad_y.data(), rows, into.x.data(),
                                              into.w.data(), into.scale.data(), into.bias.data()));
    }

  private:
    struct Free {
        void operator()(bnn_linear_t *layer) const noexcept { bnn_linear_free(layer); }
    };

    static bnn_linear_options_t with(float clip) {
        bnn_linear_options_t options;
        detail::check(bnn_linear_options_init(&options));
        options.clip = clip;
        return options;
    }

    std::size_t rows(std::size_t x_size, std::size_t y_size) const {
        const std::size_t rows = detail::whole_rows("x", inputs_, x_size);
        detail::expect_size("y", detail::product("y", rows, outputs_), y_size);
        return rows;
    }

    std::size_t outputs_, inputs_;
    std::unique_ptr<bnn_linear_t, Free> layer_;
};

} // namespace bnn

#endif
