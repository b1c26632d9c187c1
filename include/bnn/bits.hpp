// Packed matrices and their product. Part of bnn.hpp.
#ifndef BNN_BITS_HPP
#define BNN_BITS_HPP

#include <vector>

#include "error.hpp"
#include "span.hpp"

namespace bnn {

/// Words (`uint64_t`) that one packed row of `k` elements takes.
inline std::size_t row_words(std::size_t k) noexcept { return bnn_row_words(k); }

/// Rows of signs, packed: bit 1 is +1, each row starts on a word. It owns its words; copies are
/// deep.
class BitMatrix {
  public:
    /// The signs of `x`, `rows` times `cols` numbers, row after row.
    BitMatrix(Span<const float> x, std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols) {
        detail::expect_size("x", detail::product("x", rows, cols), x.size());
        words_.resize(detail::product("bits", rows, row_words(cols)));
        detail::check(bnn_pack_f32(x.data(), rows, cols, cols, words_.data(), words_.size()));
    }

    std::size_t rows() const noexcept { return rows_; }
    std::size_t cols() const noexcept { return cols_; }
    /// All rows, `rows() * row_words(cols())` words.
    Span<const std::uint64_t> words() const noexcept { return words_; }

    /// `+1.0f` and `-1.0f`, row after row.
    std::vector<float> unpack() const {
        std::vector<float> x(rows_ * cols_);
        detail::check(bnn_unpack_f32(words_.data(), words_.size(), rows_, cols_, x.data(), cols_));
        return x;
    }

  private:
    std::size_t rows_, cols_;
    std::vector<std::uint64_t> words_;
};

/// `a · b^T`: for each row of `a` its sums of products with every row of `b`, `a.rows()` times
/// `b.rows()` of them.
inline std::vector<std::int32_t> multiply(const BitMatrix &a, const BitMatrix &b) {
    detail::expect_size("columns of b", a.cols(), b.cols());
    std::vector<std::int32_t> c(detail::product("c", a.rows(), b.rows()));
    detail::check(
        bnn_gemm_i32(a.words().data(), b.words().data(), a.rows(), b.rows(), a.cols(), c.data(), b.rows()));
    return c;
}

} // namespace bnn

#endif
