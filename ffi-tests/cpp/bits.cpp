// Packed matrices, and spans of every kind of container.
#include "check.hpp"

#include <array>
#include <type_traits>
#if __cplusplus >= 202002L
#include <span>
#endif

static_assert(std::is_convertible_v<std::vector<float> &, bnn::Span<float>>);
static_assert(std::is_convertible_v<const std::vector<float> &, bnn::Span<const float>>);
static_assert(!std::is_convertible_v<const std::vector<float> &, bnn::Span<float>>, "what is const is not written");
static_assert(!std::is_convertible_v<std::vector<double> &, bnn::Span<const float>>, "numbers are not converted");

static void products_equal_their_definition() {
    for (const std::size_t k : {1u, 63u, 64u, 65u, 131u}) {
        const std::size_t m = 3, n = 5;
        const auto x = numbers_with_nan(m * k, 1), w = numbers(n * k, 2);
        const bnn::BitMatrix a(x, m, k), b(w, n, k);
        CHECK(a.rows() == m && a.cols() == k && a.words().size() == m * bnn::row_words(k));
        const auto signs = a.unpack();
        const auto c = bnn::multiply(a, b);
        for (std::size_t i = 0; i < m; i++) {
            for (std::size_t l = 0; l < k; l++) {
                CHECK(signs[i * k + l] == sign(x[i * k + l]));
            }
            for (std::size_t j = 0; j < n; j++) {
                float sum = 0.0f;
                for (std::size_t l = 0; l < k; l++) {
                    sum += sign(x[i * k + l]) * sign(w[j * k + l]);
                }
                CHECK(static_cast<float>(c[i * n + j]) == sum);
            }
        }
    }
}

static void spans_are_made_of_what_holds_elements_in_a_row() {
    const float array[3] = {1.0f, -1.0f, 0.0f};
    const std::array<float, 3> standard = {1.0f, -1.0f, 0.0f};
    const std::uint64_t expected = 5; // + - +
    CHECK(bnn::BitMatrix(array, 1, 3).words()[0] == expected);
    CHECK(bnn::BitMatrix(standard, 1, 3).words()[0] == expected);
    CHECK(bnn::BitMatrix(std::vector<float>{1.0f, -1.0f, 0.0f}, 1, 3).words()[0] == expected);
    CHECK(bnn::BitMatrix({&array[0], 3}, 1, 3).words()[0] == expected);
#if __cplusplus >= 202002L
    CHECK(bnn::BitMatrix(std::span<const float>(array), 1, 3).words()[0] == expected);
#endif
}

static void wrong_sizes_are_refused_before_anything_is_read() {
    const std::vector<float> x(6);
    CHECK_ERROR(BNN_ERROR_MISMATCH, "x: expected 8 elements, found 6", bnn::BitMatrix(x, 2, 4));
    CHECK_ERROR(BNN_ERROR_OVERFLOW, "overflows", bnn::BitMatrix(x, SIZE_MAX, 2));
    CHECK_ERROR(BNN_ERROR_ZERO, "", bnn::BitMatrix(std::vector<float>(), 0, 4));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "expected 3 elements, found 2",
                bnn::multiply(bnn::BitMatrix(x, 2, 3), bnn::BitMatrix(x, 3, 2)));
}

void test_bits() {
    products_equal_their_definition();
    spans_are_made_of_what_holds_elements_in_a_row();
    wrong_sizes_are_refused_before_anything_is_read();
}
