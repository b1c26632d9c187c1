// Model files: opened and run. Part of bnn.hpp.
#ifndef BNN_MODEL_HPP
#define BNN_MODEL_HPP

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include "error.hpp"
#include "model_info.hpp"
#include "span.hpp"

namespace bnn {

/// A model file and what is needed to run it. It keeps a copy of the file's bytes; copies of it are
/// deep.
///
/// It runs as firmware does, on the calling thread. On a host a `PackedModel` is several times as
/// fast.
///
/// `run` is const and takes its scratch memory from a `Scratch` of the caller's, so that threads
/// share a model. Firmware, and programs that want to read the file where it is, call
/// `bnn_model_open` themselves.
class Model : public ModelInfo {
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

    Model(const Model &other) : ModelInfo(), file_(other.file_), file_bytes_(other.file_bytes_) { open(); }
    Model &operator=(const Model &other) {
        Model copy(other);
        return *this = std::move(copy);
    }
    // The words of a moved vector stay where they are, and so does the model in them.
    Model(Model &&) noexcept = default;
    Model &operator=(Model &&) noexcept = default;
    ~Model() = default;

    /// Bytes of scratch memory for each sample.
    std::size_t scratch_bytes() const noexcept { return bnn_model_scratch_bytes(&model_); }
    /// The handle for the functions of bnn.h; the object owns it.
    const bnn_model_t *get() const noexcept { return &model_; }

    /// Runs samples that lie one after the other; `Output` is `float`, `std::int32_t` or
    /// `std::uint64_t` (bits), `Input` `std::uint8_t` or `std::uint64_t` (bits), as `input()` and
    /// `output()` say. All of `x` is run, and `y` filled.
    template <class Input, class Output> void run(Span<const Input> x, Span<Output> y, Scratch &scratch) const {
        const std::size_t samples = samples_of<Input, Output>(x.size());
        if (scratch_bytes() > 0) {
            const std::size_t words = detail::product("scratch", samples, scratch_bytes() / 8);
            scratch.resize(std::max(scratch.size(), words));
        }
        detail::check(bnn_model_run_batch(&model_, samples, x.data(), x.size() * sizeof(Input), y.data(),
                                          y.size() * sizeof(Output), scratch.data(), scratch.size() * 8));
    }

    /// Runs the samples in a container, and returns the outputs.
    template <class Output, class Container> std::vector<Output> run(const Container &x) const {
        using Input = detail::element_of<Container>;
        std::vector<Output> y(detail::product("output", samples_of<Input, Output>(std::size(x)), output().bytes / sizeof(Output)));
        Scratch scratch;
        run<Input, Output>(x, y, scratch);
        return y;
    }

  private:
    friend class Stream;

    void open() {
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(file_.data());
        detail::check(bnn_model_open(bytes, file_bytes_, &model_));
        describe();
    }

    std::vector<std::uint64_t> file_; // words, so that it begins where a file has to
    std::size_t file_bytes_;
};

} // namespace bnn

#endif
