// Series that come row by row through a model. Part of bnn.hpp.
#ifndef BNN_STREAM_HPP
#define BNN_STREAM_HPP

#include <cstdint>
#include <vector>

#include "error.hpp"
#include "model.hpp"
#include "span.hpp"

namespace bnn {

/// A stream of rows, such as a sensor's samples, through a model of convolutions; `bnn_stream_push`
/// says which windows give its results. It owns its memory and points into the file of its model:
/// keep the model. One thread at a time may use it.
class Stream {
  public:
    /// Before the first row.
    explicit Stream(const Model &model) : input_(model.input()), output_(model.output()) {
        const std::size_t bytes = bnn_model_stream_bytes(model.get());
        memory_.resize(bytes / 8);
        // The library refuses a model that has no stream: `bytes` is then 0.
        detail::check(bnn_stream_open(model.get(), memory_.data(), bytes, &stream_));
    }
    explicit Stream(Model &&) = delete;

    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;
    // The words of a moved vector stay where they are.
    Stream(Stream &&) noexcept = default;
    Stream &operator=(Stream &&) noexcept = default;
    ~Stream() = default;

    /// Takes a row of `Model::row_bytes`. Returns true if the row completes a result, which is then
    /// in `y`; otherwise `y` is unchanged. `Input` and `Output` are those of `Model::run`.
    template <class Input, class Output> bool push(Span<const Input> row, Span<Output> y) {
        Model::expect_type<Input>("row", input_);
        Model::expect_type<Output>("output", output_);
        std::int32_t ready = 0;
        detail::check(bnn_stream_push(&stream_, row.data(), row.size() * sizeof(Input), y.data(), y.size() * sizeof(Output),
                                      &ready));
        return ready != 0;
    }

    /// Forgets all rows: the next one is the first of a window.
    void reset() { detail::check(bnn_stream_reset(&stream_)); }
    /// Whether the window slides: whether no layer of the model is padded above or below and, of a
    /// graph, branches that rejoin have the same strides.
    bool slides() const noexcept { return bnn_stream_slides(&stream_) != 0; }
    /// The handle for the functions of bnn.h; the object owns it.
    bnn_stream_t *get() noexcept { return &stream_; }

  private:
    std::vector<std::uint64_t> memory_;
    bnn_stream_t stream_{};
    bnn_tensor_t input_, output_;
};

} // namespace bnn

#endif
