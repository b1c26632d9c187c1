// The linear layer: both passes, scale and bias, packed weights, moves and errors.
#include "check.hpp"

#include <cmath>
#include <utility>

namespace {

struct Case {
    std::size_t m, n, k;
    std::vector<float> x, w, scale, bias, dy;
    float clip;

    Case(std::size_t m_, std::size_t n_, std::size_t k_, float clip_)
        : m(m_), n(n_), k(k_), x(numbers_with_nan(m * k, 1)), w(numbers(n * k, 2)), dy(m * n), clip(clip_) {
        for (std::size_t j = 0; j < n; j++) {
            scale.push_back(0.5f * static_cast<float>(j + 1));
            bias.push_back(static_cast<float>(j) - 1.0f);
        }
        // Small integers: sums of them are exact in any order.
        for (std::size_t i = 0; i < dy.size(); i++) {
            dy[i] = static_cast<float>(i % 7) - 3.0f;
        }
    }

    float sum(std::size_t i, std::size_t j) const {
        float sum = 0.0f;
        for (std::size_t l = 0; l < k; l++) {
            sum += sign(x[i * k + l]) * sign(w[j * k + l]);
        }
        return sum;
    }

    bool passes(std::size_t i, std::size_t l) const { return std::fabs(x[i * k + l]) <= clip; }
};

void check_forward(const Case &c, const std::vector<float> &y) {
    for (std::size_t i = 0; i < c.m; i++) {
        for (std::size_t j = 0; j < c.n; j++) {
            CHECK(y[i * c.n + j] == c.scale[j] * c.sum(i, j) + c.bias[j]);
        }
    }
}

void check_backward(const Case &c, const bnn::Linear &layer, bnn::Span<const std::uint64_t> saved) {
    std::vector<float> dx(c.m * c.k), dw(c.n * c.k), dscale(c.n), dbias(c.n);
    layer.backward(saved, c.dy, {dx, dw, dscale, dbias});
    for (std::size_t i = 0; i < c.m; i++) {
        for (std::size_t l = 0; l < c.k; l++) {
            float expected = 0.0f;
            for (std::size_t j = 0; j < c.n; j++) {
                expected += c.dy[i * c.n + j] * c.scale[j] * sign(c.w[j * c.k + l]);
            }
            CHECK(dx[i * c.k + l] == (c.passes(i, l) ? expected : 0.0f));
        }
    }
    for (std::size_t j = 0; j < c.n; j++) {
        float scale = 0.0f, bias = 0.0f;
        for (std::size_t i = 0; i < c.m; i++) {
            scale += c.dy[i * c.n + j] * c.sum(i, j);
            bias += c.dy[i * c.n + j];
        }
        CHECK(dscale[j] == scale && dbias[j] == bias);
        for (std::size_t l = 0; l < c.k; l++) {
            float expected = 0.0f;
            for (std::size_t i = 0; i < c.m; i++) {
                expected += c.dy[i * c.n + j] * c.scale[j] * sign(c.x[i * c.k + l]);
            }
            CHECK(dw[j * c.k + l] == expected);
        }
    }
    // Each alone is the same as all together.
    std::vector<float> alone(dw.size());
    layer.backward(saved, c.dy, {{}, alone, {}, {}});
    CHECK(alone == dw);
}

void both_passes_equal_their_definition() {
    for (const std::size_t k : {1u, 64u, 67u}) {
        for (const float clip : {1.0f, 0.5f, HUGE_VALF}) {
            const Case c(4, 3, k, clip);
            const bnn::Linear layer(c.w, c.n, c.k, {c.scale, c.bias}, clip);
            const bnn::Linear packed(bnn::BitMatrix(c.w, c.n, c.k), {c.scale, c.bias}, clip);
            CHECK(layer.outputs() == c.n && layer.inputs() == c.k && packed.outputs() == c.n);
            check_forward(c, layer.forward(c.x));
            check_forward(c, packed.forward(c.x));
            std::vector<float> y(c.m * c.n);
            std::vector<std::uint64_t> saved(layer.saved_words(c.m));
            CHECK(saved.size() == 2 * c.m * bnn::row_words(c.k));
            layer.forward_saving(c.x, y, saved);
            check_forward(c, y);
            check_backward(c, layer, saved);
            check_backward(c, packed, saved);
        }
    }
}

void a_layer_moves_and_is_freed_once() {
    const std::vector<float> w = {1.0f, -1.0f}, x = {1.0f, 1.0f};
    bnn::Linear first(w, 1, 2);
    bnn::Linear second = std::move(first);
    first = bnn::Linear(w, 2, 1);
    std::swap(first, second);
    CHECK(first.forward(x) == std::vector<float>{0.0f});
    CHECK(second.forward(x) == (std::vector<float>{1.0f, -1.0f, 1.0f, -1.0f}));
}

void wrong_arguments_are_refused() {
    const std::vector<float> w(6), three(3), two(2);
    std::vector<float> y(2), dx(4);
    CHECK_ERROR(BNN_ERROR_MISMATCH, "w: expected 8 elements, found 6", bnn::Linear(w, 2, 4));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "scale: expected 2 elements, found 3", bnn::Linear(w, 2, 3, {three, {}}));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "bias: expected 2 elements, found 3", bnn::Linear(w, 2, 3, {{}, three}));
    CHECK_ERROR(BNN_ERROR_RANGE, "clip", bnn::Linear(w, 2, 3, {}, 0.0f));
    CHECK_ERROR(BNN_ERROR_ZERO, "", bnn::Linear(std::vector<float>(), 0, 3));
    const bnn::Linear layer(w, 2, 3);
    CHECK_ERROR(BNN_ERROR_MISMATCH, "x: expected a multiple of 3 elements, found 2", layer.forward(two));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "y: expected 4 elements, found 2", layer.forward(w, y));
    CHECK_ERROR(BNN_ERROR_ZERO, "", layer.forward(std::vector<float>()));
    std::vector<std::uint64_t> saved(layer.saved_words(1) - 1);
    CHECK_ERROR(BNN_ERROR_TOO_SHORT, "saved_words", layer.forward_saving(three, y, saved), 0);
    saved.resize(layer.saved_words(1));
    layer.forward_saving(three, y, saved);
    CHECK_ERROR(BNN_ERROR_MISMATCH, "grad_x: expected 3 elements, found 4", layer.backward(saved, y, {dx, {}, {}, {}}),
                0);
}

} // namespace

void test_linear() {
    both_passes_equal_their_definition();
    a_layer_moves_and_is_freed_once();
    wrong_arguments_are_refused();
}
