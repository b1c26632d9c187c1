// The convolution: both passes against loops over pixels and taps, and errors.
#include "check.hpp"

#include <cmath>

namespace {

bnn::Conv2dOptions shape(bnn_pad_value_t pad_value, std::size_t groups) {
    bnn::Conv2dOptions o;
    o.height = 5;
    o.width = 6;
    o.channels = 4;
    o.outputs = 6;
    o.kernel_height = 3;
    o.kernel_width = 2;
    o.stride_y = 2;
    o.dilation_x = 2;
    o.groups = groups;
    o.pad_top = 1;
    o.pad_left = 2;
    o.pad_right = 1;
    o.pad_value = pad_value;
    o.clip = 1.5f;
    return o;
}

// Calls `visit(y, x, w)` with the indices of each product of a batch; `x` is -1 in the padding.
template <class Visit> void products(const bnn::Conv2d &conv, std::size_t batch, const Visit &visit) {
    const bnn_conv2d_options_t &o = conv.options();
    const std::size_t channels = o.channels / o.groups, outputs = o.outputs / o.groups;
    std::size_t y = 0;
    for (std::size_t b = 0; b < batch; b++)
        for (std::size_t i = 0; i < conv.output_height(); i++)
            for (std::size_t j = 0; j < conv.output_width(); j++)
                for (std::size_t out = 0; out < o.outputs; out++, y++)
                    for (std::size_t tap = 0; tap < o.kernel_height * o.kernel_width * channels; tap++) {
                        const std::size_t ky = tap / channels / o.kernel_width, kx = tap / channels % o.kernel_width;
                        const std::size_t channel = out / outputs * channels + tap % channels;
                        // Below 0 these wrap round, and are not less than the size.
                        const std::size_t row = i * o.stride_y + ky * o.dilation_y - o.pad_top;
                        const std::size_t col = j * o.stride_x + kx * o.dilation_x - o.pad_left;
                        const bool inside = row < o.height && col < o.width;
                        const std::size_t x = ((b * o.height + row) * o.width + col) * o.channels + channel;
                        visit(y, inside ? static_cast<long>(x) : -1L, out * o.kernel_height * o.kernel_width * channels + tap);
                    }
}

void both_passes_equal_their_definition(bnn_pad_value_t pad_value, float pad, std::size_t groups) {
    const bnn::Conv2dOptions options = shape(pad_value, groups);
    const std::size_t batch = 2, filter = 6 * (4 / groups);
    const auto w = numbers(6 * filter, 1), x = numbers_with_nan(batch * 5 * 6 * 4, 2);
    const std::vector<float> scale = {1, 2, 3, 0.5f, -1, 0.25f}, bias = {0, 1, 2, 3, 4, 5};
    const bnn::Conv2d conv(options, w, {scale, bias});
    const bnn::Conv2d packed(options, bnn::BitMatrix(w, 6, filter), {scale, bias});
    CHECK(conv.output_height() == 2 && conv.output_width() == 7);
    CHECK(conv.image_elements() == 120 && conv.output_elements() == 84);

    std::vector<float> sums(batch * 84), y(sums.size()), dy(sums.size());
    products(conv, batch, [&](std::size_t at, long image, std::size_t tap) {
        sums[at] += (image < 0 ? pad : sign(x[image])) * sign(w[tap]);
    });
    std::vector<std::uint64_t> saved(conv.saved_words(batch));
    conv.forward_saving(x, y, saved);
    CHECK(y == conv.forward(x) && y == packed.forward(x));
    std::vector<float> expected_dx(x.size()), expected_dw(w.size()), expected_dscale(6), expected_dbias(6);
    for (std::size_t at = 0; at < y.size(); at++) {
        const std::size_t out = at % 6;
        CHECK(y[at] == scale[out] * sums[at] + bias[out]);
        dy[at] = static_cast<float>(at % 5) - 2.0f;
        expected_dscale[out] += dy[at] * sums[at];
        expected_dbias[out] += dy[at];
    }
    products(conv, batch, [&](std::size_t at, long image, std::size_t tap) {
        const float upstream = dy[at] * scale[at % 6];
        expected_dw[tap] += upstream * (image < 0 ? pad : sign(x[image]));
        if (image >= 0 && std::fabs(x[image]) <= options.clip) {
            expected_dx[image] += upstream * sign(w[tap]);
        }
    });
    std::vector<float> dx(x.size()), dw(w.size()), dscale(6), dbias(6);
    conv.backward(saved, dy, {dx, dw, dscale, dbias});
    CHECK(dx == expected_dx);
    CHECK(dw == expected_dw);
    CHECK(dscale == expected_dscale);
    CHECK(dbias == expected_dbias);
}

void wrong_arguments_are_refused() {
    const std::vector<float> w(6 * 24), x(120), few(7);
    std::vector<float> y(84);
    CHECK_ERROR(BNN_ERROR_MISMATCH, "w: expected 144 elements, found 7", bnn::Conv2d(shape(BNN_PAD_ZERO, 1), few));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "bias: expected 6 elements, found 7",
                bnn::Conv2d(shape(BNN_PAD_ZERO, 1), w, {{}, few}));
    bnn::Conv2dOptions large = shape(BNN_PAD_ZERO, 1);
    large.height = 1;
    CHECK_ERROR(BNN_ERROR_RANGE, "height of the dilated kernel", bnn::Conv2d(large, w));
    bnn::Conv2dOptions unset;
    CHECK_ERROR(BNN_ERROR_ZERO, "", bnn::Conv2d(unset, std::vector<float>()));
    const bnn::Conv2d conv(shape(BNN_PAD_ZERO, 1), w);
    CHECK_ERROR(BNN_ERROR_MISMATCH, "x: expected a multiple of 120 elements, found 7", conv.forward(few));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "y: expected 84 elements, found 83", conv.forward(x, {y.data(), 83}), 0);
}

} // namespace

void test_conv2d() {
    for (const std::size_t groups : {1u, 2u}) {
        both_passes_equal_their_definition(BNN_PAD_ZERO, 0.0f, groups);
        both_passes_equal_their_definition(BNN_PAD_MINUS_ONE, -1.0f, groups);
        both_passes_equal_their_definition(BNN_PAD_PLUS_ONE, 1.0f, groups);
    }
    wrong_arguments_are_refused();
}
