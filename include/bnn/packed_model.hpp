// Models for hosts: packed for the CPU, run on the library's threads. Part of bnn.hpp.
#ifndef BNN_PACKED_MODEL_HPP
#define BNN_PACKED_MODEL_HPP

#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "error.hpp"
#include "model_info.hpp"
#include "span.hpp"

namespace bnn {

/// A model whose weights are laid out for this CPU: the fast way to run a model on a host.
///
/// Immutable: any number of threads may use one at once. A run works in memory that the object
/// keeps for the next one.
class PackedModel : public ModelInfo {
  public:
    /// Checks the whole file and keeps a copy of it.
    explicit PackedModel(Span<const std::uint8_t> file) : PackedModel(create(bnn_packed_model_new, file)) {}

    /// A model that borrows its file, such as a mapped one: the file must not move or change as long
    /// as the object lives, and begins at a multiple of 8.
    static PackedModel borrowing(Span<const std::uint8_t> file) {
        return PackedModel(create(bnn_packed_model_new_borrowing, file));
    }

    /// Reads a file.
    static PackedModel from_file(const std::string &path) {
        bnn_packed_model_t *packed = nullptr;
        detail::check(bnn_packed_model_new_from_file(path.c_str(), &packed));
        return PackedModel(Handle(packed));
    }

    /// The handle for the functions of bnn.h; the object owns it.
    const bnn_packed_model_t *get() const noexcept { return packed_.get(); }
    /// The model for the functions of bnn.h that take a `bnn_model_t`; the object owns it.
    const bnn_model_t *view() const noexcept { return &model_; }

    /// Bytes that the object takes beside the file: of the weights as they are laid out, and, for
    /// each thread of a run, of what lies between the layers.
    struct Memory {
        std::size_t weights = 0;
        std::size_t workspace = 0;
    };
    Memory memory(std::size_t samples) const {
        Memory memory;
        detail::check(bnn_packed_model_memory(get(), samples, &memory.weights, &memory.workspace));
        return memory;
    }

    /// Runs samples that lie one after the other; the types are those of `Model::run`. All of `x`
    /// is run, and `y` filled.
    template <class Input, class Output> void run(Span<const Input> x, Span<Output> y) const {
        const std::size_t samples = samples_of<Input, Output>(x.size());
        detail::check(bnn_packed_model_run(get(), samples, x.data(), x.size() * sizeof(Input), y.data(),
                                           y.size() * sizeof(Output)));
    }

    /// Runs the samples in a container, and returns the outputs.
    template <class Output, class Container> std::vector<Output> run(const Container &x) const {
        using Input = detail::element_of<Container>;
        const std::size_t samples = samples_of<Input, Output>(std::size(x));
        std::vector<Output> y(detail::product("output", samples, output().bytes / sizeof(Output)));
        run<Input, Output>(x, y);
        return y;
    }

  private:
    struct Free {
        void operator()(bnn_packed_model_t *packed) const noexcept { bnn_packed_model_free(packed); }
    };
    using Handle = std::unique_ptr<bnn_packed_model_t, Free>;

    template <class New> static Handle create(New make, Span<const std::uint8_t> file) {
        bnn_packed_model_t *packed = nullptr;
        detail::check(make(file.data(), file.size(), &packed));
        return Handle(packed);
    }

    explicit PackedModel(Handle packed) : packed_(std::move(packed)) {
        detail::check(bnn_packed_model_view(get(), &model_));
        describe();
    }

    Handle packed_;
};

} // namespace bnn

#endif
