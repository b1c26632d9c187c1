// The binary convolution with its backward pass. Part of bnn.hpp.
#ifndef BNN_CONV2D_HPP
#define BNN_CONV2D_HPP

#include <memory>
#include <vector>

#include "bits.hpp"
#include "layer.hpp"

namespace bnn {

/// `bnn_conv2d_options_t` with its defaults set. `height`, `width`, `channels`, `outputs`,
/// `kernel_height` and `kernel_width` have none: set them. (In graphs all but `outputs` may stay 0,
/// for that of the node.)
struct Conv2dOptions : bnn_conv2d_options_t {
    Conv2dOptions() { detail::check(bnn_conv2d_options_init(this)); }
};

namespace detail {

/// Elements of the filters that the options ask for. The library refuses options that contradict
/// themselves.
inline std::size_t filter_elements(const bnn_conv2d_options_t &options) {
    const std::size_t taps = product("w", options.kernel_height, options.kernel_width);
    const std::size_t channels = options.groups == 0 ? 0 : options.channels / options.groups;
    return product("w", options.outputs, product("w", taps, channels));
}

} // namespace detail

/// `y = scale * (sign(x) * sign(w)) + bias`, a convolution of images of one size, with the filters
/// packed once.
///
/// Images are `[batch, height, width, channels]`, filters `[outputs, kernel_height, kernel_width,
/// channels / groups]`. Immutable: any number of threads may use one at once.
class Conv2d {
  public:
    /// A convolution with latent filters, of which the signs count.
    Conv2d(const Conv2dOptions &options, Span<const float> w, Affine affine = {}) : options_(options) {
        detail::expect_affine(affine, options.outputs);
        detail::expect_size("w", filter_elements(), w.size());
        bnn_conv2d_t *conv = nullptr;
        detail::check(bnn_conv2d_new_f32(&options_, w.data(), affine.scale.data(), affine.bias.data(), &conv));
        take(conv);
    }

    /// A convolution with packed filters, a row of `kernel_height * kernel_width * channels / groups` bits for each
    /// output.
    Conv2d(const Conv2dOptions &options, const BitMatrix &w, Affine affine = {}) : options_(options) {
        detail::expect_affine(affine, options.outputs);
        detail::expect_size("rows of w", options.outputs, w.rows());
        detail::expect_size("w", filter_elements(), detail::product("w", w.rows(), w.cols()));
        bnn_conv2d_t *conv = nullptr;
        detail::check(bnn_conv2d_new_packed(&options_, w.words().data(), w.words().size(), affine.scale.data(),
                                            affine.bias.data(), &conv));
        take(conv);
    }

    const bnn_conv2d_options_t &options() const noexcept { return options_; }
    std::size_t output_height() const noexcept { return output_height_; }
    std::size_t output_width() const noexcept { return output_width_; }
    /// Elements of an image that goes in, and of one that comes out.
    std::size_t image_elements() const noexcept { return image_elements_; }
    std::size_t output_elements() const noexcept { return output_elements_; }
    /// The handle for the functions of bnn.h; the object owns it.
    const bnn_conv2d_t *get() const noexcept { return conv_.get(); }

    /// Images in, images out; `y` has `output_elements()` numbers for each.
    void forward(Span<const float> x, Span<float> y) const {
        detail::check(bnn_conv2d_forward_f32(get(), x.data(), batch(x.size(), y.size()), y.data()));
    }

    std::vector<float> forward(Span<const float> x) const {
        const std::size_t batch = detail::whole_rows("x", image_elements_, x.size());
        std::vector<float> y(detail::product("y", batch, output_elements_));
        forward(x, y);
        return y;
    }

    /// Words that the backward pass of `batch` images needs: the sign and the mask, two bits per
    /// element of `x`.
    std::size_t saved_words(std::size_t batch) const noexcept { return bnn_conv2d_saved_words(get(), batch); }

    /// Computes what `forward` does, and fills `saved`, of `saved_words(batch)` words, for
    /// `backward`.
    void forward_saving(Span<const float> x, Span<float> y, Span<std::uint64_t> saved) const {
        detail::check(bnn_conv2d_forward_saving_f32(get(), x.data(), batch(x.size(), y.size()), y.data(), saved.data(),
                                                    saved.size()));
    }

    /// The gradients of what `forward_saving` computed, given that of `y`. `into.w` is with respect
    /// to `sign(w)`.
    void backward(Span<const std::uint64_t> saved, Span<const float> grad_y, Gradients into) const {
        const std::size_t batch = detail::whole_rows("grad_y", output_elements_, grad_y.size());
        const std::size_t x = detail::product("grad_x", batch, image_elements_);
        detail::expect_gradients(into, x, filter_elements(), options_.outputs);
        detail::check(bnn_conv2d_backward_f32(get(), saved.data(), saved.size(), grad_y.data(), batch, into.x.data(),
                                              into.w.data(), into.scale.data(), into.bias.data()));
    }

  private:
    struct Free {
        void operator()(bnn_conv2d_t *conv) const noexcept { bnn_conv2d_free(conv); }
    };

    std::size_t filter_elements() const { return detail::filter_elements(options_); }

    void take(bnn_conv2d_t *conv) {
        conv_.reset(conv);
        detail::check(bnn_conv2d_output_size(conv, &output_height_, &output_width_));
        const auto elements = [](std::size_t height, std::size_t width, std::size_t channels) {
            return detail::product("image", detail::product("image", height, width), channels);
        };
        image_elements_ = elements(options_.height, options_.width, options_.channels);
        output_elements_ = elements(output_height_, output_width_, options_.outputs);
    }

    std::size_t batch(std::size_t x_size, std::size_t y_size) const {
        const std::size_t batch = detail::whole_rows("x", image_elements_, x_size);
        detail::expect_size("y", detail::product("y", batch, output_elements_), y_size);
        return batch;
    }

    bnn_conv2d_options_t options_;
    std::unique_ptr<bnn_conv2d_t, Free> conv_;
    std::size_t output_height_ = 0, output_width_ = 0, image_elements_ = 0, output_elements_ = 0;
};

} // namespace bnn

#endif
