// Inputs of every layout and rank, empty batches, and those that are refused.
#include "check.hpp"

#include <limits>
#include <vector>

namespace {

Tensor view_as_leaf(const Tensor &t) { return t.detach().set_requires_grad(true); }

// Forward and backward of a view are those of its contiguous copy.
void check_linear_view(const std::string &name, const Tensor &view, const Tensor &w) {
    const Tensor x = view_as_leaf(view), copy = view_as_leaf(view.clone(torch::MemoryFormat::Contiguous));
    const Tensor y = bnn::torch::binary_linear(x, w), expected = bnn::torch::binary_linear(copy, w);
    EXPECT_FOR(name, torch::equal(y, expected));
    const Tensor dy = torch::randn(y.sizes());
    EXPECT_FOR(name, torch::equal(torch::autograd::grad({y}, {x}, {dy})[0], torch::autograd::grad({expected}, {copy}, {dy})[0]));
}

void linear_takes_any_strides_and_ranks() {
    const Tensor w = numbers({5, 70});
    check_linear_view("transposed", numbers({70, 9}).t(), w);
    check_linear_view("every other row", numbers({18, 70}).slice(0, 0, 18, 2), w);
    check_linear_view("every other column", numbers({9, 140}).slice(1, 1, 140, 2), w);
    check_linear_view("expanded rows", numbers({1, 70}).expand({9, 70}), w);
    check_linear_view("expanded columns", numbers({9, 1}).expand({9, 70}), w);
    check_linear_view("at an odd address", numbers({9 * 70 + 1}).slice(0, 1).view({9, 70}), w);
    check_linear_view("one row", numbers({70}), w);
    check_linear_view("three dimensions", numbers({2, 3, 70}), w);
    check_linear_view("five dimensions, permuted", numbers({70, 2, 1, 3, 4}).permute({1, 3, 2, 4, 0}), w);
    const Tensor imaginary = torch::complex(numbers({9, 70}), numbers({9, 70}) + 0.01).conj();
    EXPECT(torch::imag(imaginary).is_neg());
    check_linear_view("to be negated", torch::imag(imaginary), w);

    EXPECT(bnn::torch::binary_linear(numbers({2, 3, 70}), w).sizes() == torch::IntArrayRef({2, 3, 5}));
    EXPECT(bnn::torch::binary_linear(numbers({70}), w).sizes() == torch::IntArrayRef({5}));

    const Tensor x = numbers({9, 70}), wide = numbers({70, 5});
    EXPECT(torch::equal(bnn::torch::binary_linear(x, wide.t()), bnn::torch::binary_linear(x, wide.t().contiguous())));
    // An upstream gradient that is expanded: that of `sum`.
    const Tensor a = view_as_leaf(x), b = view_as_leaf(x);
    bnn::torch::binary_linear(a, w).sum().backward();
    bnn::torch::binary_linear(b, w).backward(torch::ones({9, 5}));
    EXPECT(torch::equal(a.grad(), b.grad()));
}

void conv2d_takes_any_strides_and_single_images() {
    const Tensor w = numbers({4, 3, 2, 2});
    const auto same = [&](const std::string &name, const Tensor &view) {
        const Tensor x = view_as_leaf(view), copy = view_as_leaf(view.clone(torch::MemoryFormat::Contiguous));
        const Tensor y = bnn::torch::binary_conv2d(x, w), expected = bnn::torch::binary_conv2d(copy, w);
        EXPECT_FOR(name, torch::equal(y, expected));
        y.square().sum().backward();
        expected.square().sum().backward();
        EXPECT_FOR(name, torch::equal(x.grad(), copy.grad()));
    };
    same("channels last", numbers({2, 3, 5, 6}).contiguous(torch::MemoryFormat::ChannelsLast));
    same("transposed", numbers({2, 3, 6, 5}).transpose(2, 3));
    same("part of an image", numbers({2, 3, 9, 9}).slice(2, 1, 6).slice(3, 2, 8));
    same("expanded channels", numbers({2, 1, 5, 6}).expand({2, 3, 5, 6}));
    same("a single image", numbers({3, 5, 6}));

    const Tensor image = numbers({3, 5, 6});
    EXPECT(torch::equal(bnn::torch::binary_conv2d(image, w), bnn::torch::binary_conv2d(image.unsqueeze(0), w)[0]));
    const Tensor first = bnn::torch::binary_conv2d(numbers({2, 3, 5, 6}), w);
    EXPECT(first.is_contiguous());
    const Tensor last = numbers({2, 3, 5, 6}).contiguous(torch::MemoryFormat::ChannelsLast);
    EXPECT(bnn::torch::binary_conv2d(last, w).is_contiguous(torch::MemoryFormat::ChannelsLast));
}

void empty_batches_have_empty_outputs_and_gradients_of_zero() {
    for (const auto &shape : {std::vector<int64_t>{0, 70}, {3, 0, 70}}) {
        const Tensor x = view_as_leaf(torch::empty(shape)), w = view_as_leaf(numbers({5, 70}));
        const Tensor scale = view_as_leaf(torch::ones({5})), bias = view_as_leaf(torch::ones({5}));
        const Tensor y = bnn::torch::binary_linear(x, w, scale, bias);
        auto expected = shape;
        expected.back() = 5;
        EXPECT(y.sizes() == torch::IntArrayRef(expected));
        y.sum().backward();
        EXPECT(x.grad().sizes() == x.sizes());
        EXPECT(torch::equal(w.grad(), torch::zeros({5, 70})));
        EXPECT(torch::equal(scale.grad(), torch::zeros({5})) && torch::equal(bias.grad(), torch::zeros({5})));
    }
    const Tensor x = view_as_leaf(torch::empty({0, 3, 5, 6})), w = view_as_leaf(numbers({4, 3, 2, 2}));
    const Tensor y = bnn::torch::binary_conv2d(x, w);
    EXPECT(y.sizes() == torch::IntArrayRef({0, 4, 4, 5}));
    y.sum().backward();
    EXPECT(x.grad().sizes() == x.sizes() && torch::equal(w.grad(), torch::zeros({4, 3, 2, 2})));
    const torch::NoGradGuard no_grad;
    EXPECT(bnn::torch::binary_linear(torch::empty({0, 70}), numbers({5, 70})).sizes() == torch::IntArrayRef({0, 5}));
}

void what_the_library_cannot_read_is_refused() {
    using bnn::torch::binary_conv2d;
    using bnn::torch::binary_linear;
    const Tensor x = numbers({2, 8}), w = numbers({3, 8});
    EXPECT_REFUSED("bnn: input: expected elements of type Float, found Double", binary_linear(x.to(torch::kDouble), w));
    EXPECT_REFUSED("bnn: weight: expected elements of type Float, found BFloat16", binary_linear(x, w.to(torch::kBFloat16)));
    EXPECT_REFUSED("bnn: input: expected a tensor in CPU memory, found one on meta",
                  binary_linear(torch::empty({2, 8}, torch::kMeta), w));
    EXPECT_REFUSED("bnn: input: expected a strided tensor, found layout Sparse", binary_linear(x.to_sparse(), w));
    EXPECT_REFUSED("bnn: input is an undefined tensor", binary_linear(Tensor(), w));
    EXPECT_REFUSED("bnn: weight is an undefined tensor", binary_linear(x, Tensor()));
    EXPECT_REFUSED("bnn: input: expected shape [.., 8], found [2, 7]", binary_linear(numbers({2, 7}), w));
    EXPECT_REFUSED("bnn: input: expected shape [.., 8], found []", binary_linear(torch::tensor(1.0f), w));
    EXPECT_REFUSED("bnn: weight: expected shape [outputs, inputs], none of them 0, found [8]", binary_linear(x, w[0]));
    EXPECT_REFUSED("none of them 0, found [0, 8]", binary_linear(x, torch::empty({0, 8})));
    EXPECT_REFUSED("bnn: scale: expected shape [3], found [4]", binary_linear(x, w, torch::ones({4})));
    EXPECT_REFUSED("bnn: bias: expected shape [3], found [1, 3]", binary_linear(x, w, {}, torch::ones({1, 3})));
    EXPECT_REFUSED("bnn: clip", binary_linear(x, w, {}, {}, 0.0));
    EXPECT_REFUSED("bnn: clip", binary_linear(x, w, {}, {}, std::numeric_limits<double>::quiet_NaN()));

    const Tensor images = numbers({2, 4, 5, 5}), filters = numbers({6, 4, 3, 3});
    EXPECT_REFUSED("bnn: input: expected 4 dimensions, or 3 of a single image, found shape [2, 8]", binary_conv2d(x, filters));
    EXPECT_REFUSED("bnn: input: expected shape [batch, 4, 5, 5] or [4, 5, 5], found [2, 3, 5, 5]",
                  binary_conv2d(numbers({2, 3, 5, 5}), filters));
    EXPECT_REFUSED("bnn: height of the dilated kernel in the padded image: expected at most 2, found 3",
                  binary_conv2d(numbers({2, 4, 2, 5}), filters));
    bnn::torch::Windows windows;
    windows.groups = 4;
    EXPECT_REFUSED("bnn: ", binary_conv2d(numbers({2, 16, 5, 5}), filters, {}, {}, windows));
    windows.groups = 1;
    windows.stride = 0;
    EXPECT_REFUSED("bnn: vertical stride is 0, expected at least 1", binary_conv2d(images, filters, {}, {}, windows));
    windows.stride = -1;
    EXPECT_REFUSED("bnn: stride: expected at least 0, found -1", binary_conv2d(images, filters, {}, {}, windows));
    EXPECT_REFUSED("of type Float, found Half", binary_conv2d(images.to(torch::kHalf), filters));
}

void second_derivatives_are_refused() {
    const Tensor x = view_as_leaf(numbers({2, 8})), w = numbers({3, 8});
    const Tensor y = bnn::torch::binary_linear(x, w).sum();
    EXPECT_REFUSED("bnn: binary layers have no second derivatives",
                  torch::autograd::grad({y}, {x}, {}, /*retain_graph=*/true, /*create_graph=*/true));
    EXPECT(torch::autograd::grad({y}, {x}, {}, /*retain_graph=*/true)[0].defined());
    EXPECT(torch::autograd::grad({y}, {x})[0].defined());
    EXPECT_REFUSED("second time", torch::autograd::grad({y}, {x}));
}

} // namespace

void test_inputs() {
    linear_takes_any_strides_and_ranks();
    conv2d_takes_any_strides_and_single_images();
    empty_batches_have_empty_outputs_and_gradients_of_zero();
    what_the_library_cannot_read_is_refused();
    second_derivatives_are_refused();
}
