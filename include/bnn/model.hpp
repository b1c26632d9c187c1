// Model files: opened and run. Part of bnn.hpp.
#ifndef BNN_MODEL_HPP
#define BNN_MODEL_HPP

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "error.hpp"
#include "meta.hpp"
#include "span.hpp"

namespace bnn {

/// The class with the largest score, the first among equals. NaN never wins over a number; 0 if there are no scores.
inline std::size_t argmax(Span<const float> scores) noexcept {
    std::size_t best = 0;
    for (std::size_t i = 1; i < scores.size(); i++) {
        if (scores[i] > scores[best] || (scores[best] != scores[best] && scores[i] == scores[i])) {
            best = i;
        }
    }
    return best;
}

/// A model file and what is needed to run it. It keeps a copy of the file's bytes; copies of it are deep.
///
/// `run` is const and takes its scratch memory from a `Scratch` of the caller's, so that threads share a model.
/// Firmware, and programs that want to read the file where it is, call `bnn_model_open` themselves.
class Model {
  public:
    /// Memory for a run; one for each thread. It grows when it has to.
    using Scratch = std::vector<std::uint64_t>;

    /// Checks the whole file.
    explicit Model(Span<const std::uint8_t> file) : file_((file.size() + 7) / 8), file_bytes_(file.size()) {
        if (!file.empty()) {
            std::memcpy(file_.data(), file.data(), file.size());
        }
        open();
    }

    Model(const Model &other) : file_(other.file_), file_bytes_(other.file_bytes_) { open(); }
    Model &operator=(const Model &other) {
        Model copy(other);
        return *this = std::move(copy);
    }
    // The words of a moved vector stay where they are, and so does the model in them.
    Model(Model &&) noexcept = default;
    Model &operator=(Model &&) noexcept = default;
    ~Model() = default;

    /// What a sample of the input and of the output is.
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
    /// Bytes of scratch memory for each sample.
    std::size_t scratch_bytes() const noexcept { return bnn_model_scratch_bytes(&model_); }
    /// For the functions of bnn.h; the object keeps it.
    const bnn_model_t *get() const noexcept { return &model_; }

    /// Runs samples that lie one after the other; `Output` is `float`, `std::int32_t` or `std::uint64_t` (bits), `Input`
    /// `std::uint8_t` or `std::uint64_t` (bits), as `input()` and `output()` say. All of `x` is run, and `y` filled.
    template <class Input, class Output> void run(Span<const Input> x, Span<Output> y, Scratch &scratch) const {
        expect_type<Input>("input", input_);
        expect_type<Output>("output", output_);
        const std::size_t samples = detail::whole_rows("input", input_.bytes / sizeof(Input), x.size());
        if (scratch_bytes() > 0) {
            const std::size_t words = detail::product("scratch", samples, scratch_bytes() / 8);
            scratch.resize(std::max(scratch.size(), words));
        }
        detail::check(bnn_model_run_batch(&model_, samples, x.data(), x.size() * sizeof(Input), y.data(),
                                          y.size() * sizeof(Output), scratch.data(), scratch.size() * 8));
    }

    /// As `run`, of containers: gives out what it computed.
    template <class Output, class Container> std::vector<Output> run(const Container &x) const {
        using Input = std::remove_cv_t<std::remove_reference_t<decltype(*std::data(x))>>;
        const std::size_t samples = detail::whole_rows("input", input_.bytes / sizeof(Input), std::size(x));
        expect_type<Output>("output", output_);
        std::vector<Output> y(detail::product("output", samples, output_.bytes / sizeof(Output)));
        Scratch scratch;
        run<Input, Output>(x, y, scratch);
        return y;
    }

  private:
    friend class Stream;

    template <class Query> std::array<std::size_t, 3> shape(Query query) const {
        std::array<std::size_t, 3> sides{};
        detail::check(query(&model_, sides.data()));
        return sides;
    }

    void open() {
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(file_.data());
        detail::check(bnn_model_open(bytes, file_bytes_, &model_));
        detail::check(bnn_model_input(&model_, &input_));
        detail::check(bnn_model_output(&model_, &output_));
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

    std::vector<std::uint64_t> file_; // words, so that it begins where a file has to
    std::size_t file_bytes_;
    bnn_model_t model_{};
    bnn_tensor_t input_{}, output_{};
};

} // namespace bnn

#endif
