// The tensors that the library takes. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_TENSOR_HPP
#define BNN_TORCH_TENSOR_HPP

#include <torch/torch.h>

#include "../error.hpp"
#include "../span.hpp"

// Inside bnn::torch, LibTorch's own namespace is ::torch.
namespace bnn::torch {

using ::at::Tensor;
/// A scale or a bias, which a layer need not have.
using OptionalTensor = ::c10::optional<Tensor>;

namespace detail {

/// Refuses a tensor that the library cannot read.
inline void check_tensor(const char *what, const Tensor &t) {
    TORCH_CHECK(t.defined(), "bnn: ", what, " is an undefined tensor");
    TORCH_CHECK(t.layout() == ::c10::kStrided, "bnn: ", what, ": expected a strided tensor, found layout ", t.layout());
    TORCH_CHECK(t.device().is_cpu(), "bnn: ", what, ": expected a tensor in CPU memory, found one on ", t.device());
    TORCH_CHECK(t.scalar_type() == ::at::kFloat, "bnn: ", what, ": expected elements of type Float, found ",
                t.scalar_type());
}

/// Refuses a tensor that does not have one element per output; it may be missing.
inline void check_per_output(const char *what, const OptionalTensor &t, int64_t outputs) {
    if (t.has_value()) {
        check_tensor(what, *t);
        TORCH_CHECK(t->sizes() == ::c10::IntArrayRef({outputs}), "bnn: ", what, ": expected shape [", outputs,
                    "], found ", t->sizes());
    }
}

/// The elements in a contiguous tensor: `t` itself if it is one.
inline Tensor dense(const Tensor &t) { return t.resolve_neg().contiguous(); }

/// The elements of a dense tensor.
inline Span<const float> read(const Tensor &t) { return {t.data_ptr<float>(), static_cast<std::size_t>(t.numel())}; }
inline Span<float> write(const Tensor &t) {
    return t.defined() ? Span<float>(t.data_ptr<float>(), static_cast<std::size_t>(t.numel())) : Span<float>();
}
/// Words are kept in a tensor of int64, for LibTorch has no unsigned ones.
inline Span<std::uint64_t> words(const Tensor &t) {
    return {reinterpret_cast<std::uint64_t *>(t.data_ptr<int64_t>()), static_cast<std::size_t>(t.numel())};
}

/// Returns what `f` returns; turns an error of the library into LibTorch's.
template <class F> auto checked(const F &f) -> decltype(f()) {
    try {
        return f();
    } catch (const Error &error) {
        TORCH_CHECK(false, "bnn: ", error.what());
    }
}

/// Modules hold an undefined tensor in place of a missing one.
inline OptionalTensor if_defined(const Tensor &t) { return t.defined() ? OptionalTensor(t) : OptionalTensor(); }

/// Whether autograd would build a graph.
inline bool needs_graph(const Tensor &input, const Tensor &weight, const OptionalTensor &scale,
                        const OptionalTensor &bias) {
    const auto wants = [](const OptionalTensor &t) { return t.has_value() && t->requires_grad(); };
    return ::at::GradMode::is_enabled() &&
           (input.requires_grad() || weight.requires_grad() || wants(scale) || wants(bias));
}

} // namespace detail
} // namespace bnn::torch

#endif
