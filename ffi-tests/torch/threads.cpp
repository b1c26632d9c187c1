// Two threads share modules in evaluation, with nothing packed yet, and run both passes.
#include "check.hpp"

#include <thread>
#include <vector>

void test_threads() {
    bnn::torch::BinaryLinear linear(130, 33);
    bnn::torch::BinaryConv2d conv(bnn::torch::BinaryConv2dOptions(3, 8, 3).padding(1));
    for (int round = 0; round < 30; round++) {
        linear->eval(); // forgets the packed weights
        conv->eval();
        const auto work = [&](int64_t rows) {
            const Tensor x = torch::randn({rows, 130}).set_requires_grad(true), images = torch::randn({2, 3, 4 + rows, 5});
            for (int i = 0; i < 5; i++) {
                const Tensor y = linear->forward(x);
                EXPECT(torch::equal(y, signs(x).matmul(signs(linear->weight).t())));
                const auto dx = torch::autograd::grad({y.sum()}, {x})[0];
                const Tensor expected = torch::where(x.abs() <= 1, signs(linear->weight).sum(0), torch::zeros_like(x));
                EXPECT(torch::equal(dx, expected));
                const Tensor convolved = torch::conv2d(signs(images), signs(conv->weight), {}, 1, 1);
                EXPECT(torch::equal(conv->forward(images), convolved));
            }
        };
        std::vector<std::thread> threads;
        for (const int64_t rows : {1, 2, 3}) {
            threads.emplace_back(work, rows);
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
    }
}
