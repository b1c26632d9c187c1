// A pointer and a size. Part of bnn.hpp.
#ifndef BNN_SPAN_HPP
#define BNN_SPAN_HPP

#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

namespace bnn {

/// A view of elements that something else owns: `std::span` for C++17, and the same type in every
/// later standard.
///
/// It is made implicitly of everything that `std::data` and `std::size` take (std::vector,
/// std::array, std::span, arrays), so that a call takes the container itself. `Span<const T>` is
/// read, `Span<T>` written. An empty span is "none" where an argument is optional; its `data()` is a
/// null pointer, whatever it was made of.
template <class T> class Span {
  public:
    constexpr Span() noexcept = default;
    // A container that was emptied has memory still, and C takes a pointer to it for one to numbers.
    constexpr Span(T *data, std::size_t size) noexcept : data_(size == 0 ? nullptr : data), size_(size) {}

    /// A view of a container whose elements are `T`, give or take `const`.
    template <class Container, class Element = std::remove_pointer_t<decltype(std::data(std::declval<Container &>()))>,
              class = std::enable_if_t<std::is_convertible_v<Element (*)[], T (*)[]>>>
    constexpr Span(Container &&container) noexcept // NOLINT: implicit on purpose, of lvalues and temporaries
        : Span(std::data(container), std::size(container)) {}

    constexpr T *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr T *begin() const noexcept { return data_; }
    constexpr T *end() const noexcept { return data_ + size_; }
    constexpr T &operator[](std::size_t i) const noexcept { return data_[i]; }

  private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace bnn

#endif
