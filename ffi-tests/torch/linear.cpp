// The forward pass of the linear layer equals LibTorch's product of the signs, exactly.
#include "check.hpp"

#include <cmath>

namespace {

std::string text(int64_t m, int64_t n, int64_t k) {
    return "m=" + std::to_string(m) + " n=" + std::to_string(n) + " k=" + std::to_string(k);
}

void check_shape(int64_t m, int64_t n, int64_t k) {
    const Tensor x = numbers({m, k}), w = numbers({n, k});
    const Tensor sums = signs(x).matmul(signs(w).t());
    EXPECT_FOR(text(m, n, k), torch::equal(bnn::torch::binary_linear(x, w), sums));
    // Product and sum are rounded one after the other, as here.
    const Tensor scale = torch::randn({n}), bias = torch::randn({n});
    EXPECT_FOR(text(m, n, k), torch::equal(bnn::torch::binary_linear(x, w, scale, bias), sums * scale + bias));
    EXPECT_FOR(text(m, n, k), torch::equal(bnn::torch::binary_linear(x, w, scale), sums * scale));
    EXPECT_FOR(text(m, n, k), torch::equal(bnn::torch::binary_linear(x, w, {}, bias), sums + bias));
}

} // namespace

void test_linear() {
    for (const int64_t m : {1, 2, 13}) {
        for (const int64_t n : {1, 7, 31, 64}) {
            for (const int64_t k : {1, 3, 63, 64, 65, 127, 257}) {
                check_shape(m, n, k);
            }
        }
    }
    for (int i = 0; i < 300; i++) {
        check_shape(draw(1, 150), draw(1, 150), draw(1, 600));
    }
    check_shape(64, 300, 4099);
    const Tensor edges = torch::tensor({0.0f, -0.0f, NAN, -NAN, INFINITY, -INFINITY, 1e-45f, -1e-45f}).unsqueeze(1);
    const Tensor one = torch::ones({1, 1});
    const Tensor expected = torch::tensor({1.0f, 1.0f, -1.0f, -1.0f, 1.0f, -1.0f, 1.0f, -1.0f}).unsqueeze(1);
    EXPECT(torch::equal(bnn::torch::binary_linear(edges, one), expected));
    // Weights must be finite.
    const Tensor finite = torch::tensor({0.0f, -0.0f, 3.0f, -3.0f, 1e-45f, -1e-45f}).unsqueeze(1);
    EXPECT(torch::equal(bnn::torch::binary_linear(one, finite), torch::tensor({{1.0f, 1.0f, 1.0f, -1.0f, 1.0f, -1.0f}})));
}
