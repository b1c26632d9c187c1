// What is thrown, and the checks that throw it. Part of bnn.hpp.
#ifndef BNN_ERROR_HPP
#define BNN_ERROR_HPP

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "../bnn.h"

namespace bnn {

/// A call that failed. `what()` says what was wrong and what was expected, `status()` is the number
/// of bnn.h.
class Error : public std::runtime_error {
  public:
    Error(bnn_status_t status, const std::string &message) : std::runtime_error(message), status_(status) {}
    bnn_status_t status() const noexcept { return status_; }

  private:
    bnn_status_t status_;
};

namespace detail {

/// Throws if a call of the library failed, with its message.
inline void check(bnn_status_t status) {
    if (status != BNN_OK) {
        throw Error(status, bnn_last_error_message());
    }
}

/// `a * b` elements; neither may be 0.
inline std::size_t product(const char *what, std::size_t a, std::size_t b) {
    if (a == 0 || b == 0) {
        throw Error(BNN_ERROR_ZERO, std::string(what) + ": expected dimensions of at least 1, found " +
                                        std::to_string(a) + " and " + std::to_string(b));
    }
    if (a > SIZE_MAX / b) {
        throw Error(BNN_ERROR_OVERFLOW, std::string(what) + ": the size overflows");
    }
    return a * b;
}

/// Throws unless a buffer has the expected number of elements.
inline void expect_size(const char *what, std::size_t expected, std::size_t found) {
    if (found != expected) {
        throw Error(BNN_ERROR_MISMATCH, std::string(what) + ": expected " + std::to_string(expected) + " elements, found " +
                                            std::to_string(found));
    }
}

/// Checks the size of a buffer as `expect_size` does, but lets it be empty.
inline void expect_size_or_none(const char *what, std::size_t expected, std::size_t found) {
    if (found != 0) {
        expect_size(what, expected, found);
    }
}

/// The number of rows of `row` elements, at least 1, in a buffer; throws if it is not whole, or 0.
inline std::size_t whole_rows(const char *what, std::size_t row, std::size_t found) {
    if (found == 0) {
        throw Error(BNN_ERROR_ZERO, std::string(what) + ": expected at least " + std::to_string(row) +
                                        " elements, found none");
    }
    if (found % row != 0) {
        throw Error(BNN_ERROR_MISMATCH, std::string(what) + ": expected a multiple of " + std::to_string(row) +
                                            " elements, found " + std::to_string(found));
    }
    return found / row;
}

} // namespace detail
} // namespace bnn

#endif
