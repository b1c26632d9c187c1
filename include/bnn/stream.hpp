// Series that come row by row through a model. Part of bnn.hpp.
#ifndef BNN_STREAM_HPP
#define BNN_STREAM_HPP

#include <cstdint>
#include <vector>

#include "error.hpp"
#include "model.hpp"
#include "span.hpp"

namespace bnn {

/// A stream of rows, such as a sensor's samples, through a model of convolutions; `bnn_stream_push` says which windows
/// its results are of. It has its memory itself, and points into the file of its model, which is to be kept. For one
/// thread at a time.
class Stream {
  public:
    /// Before the first row.
    explicit Stream(const Model &model) : input_(model.input()), output_(model.output()) {
        const std::size_t bytes = bnn_model_stream_bytes(model.get());
        memory_.resize(bytes / 8);
        // Refused by the library where there is no stream through the model: then no bytes are enough.
        detail::check(bnn_stream_open(model.get(), memory_.data(), bytes, &stream_));
    }
    explicit Stream(Model &&) = delete;

    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;
    // The words of a moved vector stay where they are.
    Stream(Stream &&) noexcept = default;
    Stream &operator=(Stream &&) noexcept = default;
    ~Stream() = default;

    /// Takes a row of `Model::row_bytes`. True where that has completed a result, which is in `y` then; else `y` is as it was.
    /// `Input` and `Output` are as in `Model::run`.
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
    /// Whether the window slides: whether no layer of the model is padded above or below.
    bool slides() const noexcept { return bnn_stream_slides(&stream_) != 0; }
    /// For the functions of bnn.h; it stays this object's.
    bnn_stream_t *get() noexcept { return &stream_; }

  private:
    std::vector<std::uint64_t> memory_;
    bnn_stream_t stream_{};
    bnn_tensor_t input_, output_;
};

} // namespace bnn

#endif
