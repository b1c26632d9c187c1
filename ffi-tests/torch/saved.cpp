// A graph keeps two bits per element of an input and not one float of it; what is not needed is not
// computed.
#include "check.hpp"

#include "graph_memory.hpp"

namespace {

template <class Forward> void check_saved(const Tensor &x, int64_t rows, const Forward &forward) {
    const int64_t words = rows * static_cast<int64_t>(bnn::row_words(static_cast<std::size_t>(x.numel() / rows)));
    // What LibTorch allocates is counted, the loss apart: this graph saves nothing but the packed
    // input.
    EXPECT(graph_bytes([&] { return forward(x * 1.0f).sum(); }) == 2 * words * 8);
}

} // namespace

void test_saved() {
    const Tensor w = numbers({7, 1000}).set_requires_grad(true), filters = numbers({4, 5, 3, 3}).set_requires_grad(true);
    check_saved(numbers({50, 1000}), 50, [&](const Tensor &x) { return bnn::torch::binary_linear(x, w); });
    check_saved(numbers({2, 5, 20, 20}), 2, [&](const Tensor &x) { return bnn::torch::binary_conv2d(x, filters); });
    check_saved(numbers({2, 5, 20, 20}).contiguous(torch::MemoryFormat::ChannelsLast), 2,
                [&](const Tensor &x) { return bnn::torch::binary_conv2d(x, filters); });

    // No graph is built where none is asked for.
    const Tensor x = numbers({50, 1000});
    {
        const torch::NoGradGuard no_grad;
        EXPECT(bnn::torch::binary_linear(x, w).grad_fn() == nullptr);
    }
    EXPECT(bnn::torch::binary_linear(x, w.detach()).grad_fn() == nullptr);
    EXPECT(bnn::torch::binary_linear(x, w).grad_fn() != nullptr);

    // What was saved does not see later changes of the input or the weights.
    const Tensor a = numbers({3, 1000}), expected = bnn::torch::binary_linear(a, w);
    Tensor changed = a.clone();
    const Tensor y = bnn::torch::binary_linear(changed, w);
    changed.neg_();
    const Tensor found = torch::autograd::grad({y.sum()}, {w})[0];
    EXPECT(torch::equal(found, torch::autograd::grad({expected.sum()}, {w})[0]));
}
