// Gradients equal those of LibTorch's own operations: exactly where sums are of small integers, and
// else within 1e-5 of the largest element, which is what sums of some hundred floats in another
// order come to.
#include "check.hpp"

#include <cmath>
#include <vector>

namespace {

struct Layer {
    Tensor x, w, scale, bias; // scale and bias may be undefined

    std::vector<Tensor> leaves() const {
        std::vector<Tensor> all;
        for (const Tensor &t : {x, w, scale, bias}) {
            if (t.defined()) {
                all.push_back(t);
            }
        }
        return all;
    }
};

Tensor leaf(const Tensor &t) { return t.clone().set_requires_grad(true); }
bnn::torch::OptionalTensor optional(const Tensor &t) { return bnn::torch::detail::if_defined(t); }

bool close(const Tensor &ours, const Tensor &theirs, bool exact) {
    if (exact || !ours.defined() || ours.sizes() != theirs.sizes()) {
        return ours.defined() && torch::equal(ours, theirs);
    }
    const double tolerance = 1e-5 * (1e-3 + theirs.abs().max().item<double>());
    return (ours - theirs).abs().max().item<double>() <= tolerance;
}

// `dy` by which all sums are exact, or any.
Tensor upstream(const Tensor &y, bool exact) {
    return exact ? torch::randint(-3, 4, y.sizes()).to(torch::kFloat) : torch::randn(y.sizes());
}

template <class Ours, class Theirs>
void compare(const std::string &name, const Layer &layer, bool exact, const Ours &ours, const Theirs &theirs) {
    const auto leaves = layer.leaves();
    const Tensor y = ours(layer), expected_y = theirs(layer);
    EXPECT_FOR(name, torch::equal(y, expected_y));
    const Tensor dy = upstream(y, exact);
    const auto found = torch::autograd::grad({y}, leaves, {dy});
    const auto expected = torch::autograd::grad({expected_y}, leaves, {dy});
    for (std::size_t i = 0; i < leaves.size(); i++) {
        EXPECT_FOR(name + ", gradient " + std::to_string(i), close(found[i], expected[i], exact));
    }
    // Asked for alone, a gradient is the same.
    for (std::size_t i = 0; i < leaves.size(); i++) {
        EXPECT_FOR(name, torch::equal(torch::autograd::grad({ours(layer)}, {leaves[i]}, {dy})[0], found[i]));
    }
}

void linear(int64_t m, int64_t n, int64_t k, double clip, int64_t present, bool exact) {
    Layer layer;
    layer.x = leaf(numbers({m, k}));
    layer.w = leaf(numbers({n, k}) * 2);
    const Tensor scale = exact ? torch::randint(1, 4, {n}).to(torch::kFloat) : torch::randn({n});
    layer.scale = (present & 1) != 0 ? leaf(scale) : Tensor();
    layer.bias = (present & 2) != 0 ? leaf(torch::randn({n})) : Tensor();
    compare(
        "linear " + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k), layer, exact,
        [&](const Layer &l) {
            return bnn::torch::binary_linear(l.x, l.w, optional(l.scale), optional(l.bias), clip);
        },
        [&](const Layer &l) {
            Tensor y = sign_of_input(l.x, clip).matmul(sign_of_weight(l.w).t());
            y = l.scale.defined() ? y * l.scale : y;
            return l.bias.defined() ? y + l.bias : y;
        });
}

void conv2d(bnn_pad_value_t pad_value, int64_t groups, int64_t present, bool exact, torch::MemoryFormat format) {
    bnn::torch::Windows o;
    o.stride = {1, draw(1, 2)};
    o.dilation = {draw(1, 2), 1};
    o.pad_before = {draw(0, 2), draw(0, 2)};
    o.pad_after = {draw(0, 2), draw(0, 2)};
    o.groups = groups;
    o.pad_value = pad_value;
    Layer layer;
    layer.x = leaf(numbers({2, 3 * groups, 7, 6}).contiguous(format));
    layer.w = leaf(numbers({4 * groups, 3, 3, 2}));
    const Tensor scale = exact ? torch::randint(1, 4, {4 * groups}).to(torch::kFloat) : torch::randn({4 * groups});
    layer.scale = (present & 1) != 0 ? leaf(scale) : Tensor();
    layer.bias = (present & 2) != 0 ? leaf(torch::randn({4 * groups})) : Tensor();
    compare(
        "conv2d, groups " + std::to_string(groups) + ", padding of " + std::to_string(pad_value), layer, exact,
        [&](const Layer &l) {
            return bnn::torch::binary_conv2d(l.x, l.w, optional(l.scale), optional(l.bias), o, 0.75);
        },
        [&](const Layer &l) {
            Tensor y = convolved(sign_of_input(l.x, 0.75), sign_of_weight(l.w), o);
            y = l.scale.defined() ? y * l.scale.view({-1, 1, 1}) : y;
            return l.bias.defined() ? y + l.bias.view({-1, 1, 1}) : y;
        });
}

void nan_lets_nothing_pass() {
    const Tensor x = leaf(torch::tensor({{NAN, 0.5f, INFINITY}})), w = leaf(torch::tensor({{-2.0f, 2.0f, -0.0f}}));
    bnn::torch::binary_linear(x, w).sum().backward();
    EXPECT(torch::equal(x.grad(), torch::tensor({{0.0f, 1.0f, 0.0f}})));
    EXPECT(torch::equal(w.grad(), torch::tensor({{-1.0f, 1.0f, 1.0f}})));
}

} // namespace

void test_gradients() {
    for (const bool exact : {true, false}) {
        for (int64_t present = 0; present < 4; present++) {
            for (int i = 0; i < 12; i++) {
                linear(draw(1, 40), draw(1, 40), draw(1, 300), i % 2 == 0 ? 1.0 : 0.3, present, exact);
            }
            for (const auto pad_value : {BNN_PAD_ZERO, BNN_PAD_MINUS_ONE, BNN_PAD_PLUS_ONE}) {
                for (const int64_t groups : {1, 2}) {
                    conv2d(pad_value, groups, present, exact, torch::MemoryFormat::Contiguous);
                    conv2d(pad_value, groups, present, exact, torch::MemoryFormat::ChannelsLast);
                }
            }
        }
    }
    nan_lets_nothing_pass();
}
