// What there is to ask of a model, whichever way it runs. Part of bnn.hpp.
#ifndef BNN_MODEL_INFO_HPP
#define BNN_MODEL_INFO_HPP

#include <array>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>

#include "error.hpp"
#include "meta.hpp"
#include "span.hpp"

namespace bnn {

/// The class with the largest score, the first among equals. NaN never wins over a number; 0 if
/// there are no scores.
inline std::size_t argmax(Span<const float> scores) noexcept {
    std::size_t best = 0;
    for (std::size_t i = 1; i < scores.size(); i++) {
        if (scores[i] > scores[best] || (scores[best] != scores[best] && scores[i] == scores[i])) {
            best = i;
        }
    }
    return best;
}

namespace detail {
/// The type of a container's elements.
template <class Container>
using element_of = std::remove_cv_t<std::remove_reference_t<decltype(*std::data(std::declval<const Container &>()))>>;
} // namespace detail

/// The shapes, the types and the text of a model: a base of `Model` and `PackedModel`.
class ModelInfo {
  public:
    /// The type and the size of a sample of the input and of the output.
    const bnn_tensor_t &input() const noexcept { return input_; }
    const bnn_tensor_t &output() const noexcept { return output_; }
    /// Height, width and channels of a sample of the input and of the output.
    std::array<std::size_t, 3> input_shape() const { return shape(bnn_model_input_shape); }
    std::array<std::size_t, 3> output_shape() const { return shape(bnn_model_output_shape); }
    /// Bytes of a row of an image of the input, which a `Stream` takes.
    std::size_t row_bytes() const { return input_.bytes / input_shape()[0]; }
    /// The text that the file keeps, by convention lines of `key=value`.
    std::string meta() const {
        const std::uint8_t *text = nullptr;
        std::size_t size = 0;
        detail::check(bnn_model_meta(&model_, &text, &size));
        return size == 0 ? std::string() : std::string(reinterpret_cast<const char *>(text), size);
    }
    /// The name of a class, or its number if the file does not name it.
    std::string class_name(std::size_t index) const {
        const std::string number = std::to_string(index);
        return detail::meta_value(meta(), "class." + number, number);
    }

  protected:
    ModelInfo() = default;
    ModelInfo(const ModelInfo &) = default;
    ModelInfo(ModelInfo &&) noexcept = default;
    ModelInfo &operator=(const ModelInfo &) = default;
    ModelInfo &operator=(ModelInfo &&) noexcept = default;
    ~ModelInfo() = default;

    /// Asks the open model for what the getters give.
    void describe() {
        detail::check(bnn_model_input(&model_, &input_));
        detail::check(bnn_model_output(&model_, &output_));
    }

    /// The samples in `size` elements of `Input`; throws where the model has other types.
    template <class Input, class Output> std::size_t samples_of(std::size_t size) const {
        expect_type<Input>("input", input_);
        expect_type<Output>("output", output_);
        return detail::whole_rows("input", input_.bytes / sizeof(Input), size);
    }

    bnn_model_t model_{};

  private:
    friend class Stream;

    template <class Query> std::array<std::size_t, 3> shape(Query query) const {
        std::array<std::size_t, 3> sides{};
        detail::check(query(&model_, sides.data()));
        return sides;
    }

    template <class T> static constexpr std::int32_t element() {
        static_assert(std::is_same_v<T, std::uint64_t> || std::is_same_v<T, std::uint8_t> ||
                          std::is_same_v<T, std::int32_t> || std::is_same_v<T, float>,
                      "an element of a model: std::uint64_t for bits, std::uint8_t, std::int32_t or float");
        return std::is_same_v<T, std::uint64_t>  ? BNN_ELEMENT_BITS
               : std::is_same_v<T, std::uint8_t> ? BNN_ELEMENT_U8
               : std::is_same_v<T, std::int32_t> ? BNN_ELEMENT_I32
                                                 : BNN_ELEMENT_F32;
    }

    template <class T> static void expect_type(const char *what, const bnn_tensor_t &tensor) {
        if (tensor.element != element<T>()) {
            throw Error(BNN_ERROR_MISMATCH, std::string(what) + ": the model has elements of bnn_element_t " +
                                                std::to_string(tensor.element) + ", the call of " +
                                                std::to_string(element<T>()));
        }
    }

    bnn_tensor_t input_{}, output_{};
};

} // namespace bnn

#endif
