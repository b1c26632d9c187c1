// Two threads share a layer, and run both passes on it.
#include "check.hpp"

#include <string>
#include <thread>

void test_threads() {
    const std::size_t m = 20, n = 33, k = 130;
    const bnn::Linear layer(numbers(n * k, 1), n, k);
    const auto work = [&](unsigned seed) {
        const auto x = numbers(m * k, seed);
        const auto expected = layer.forward(x);
        std::vector<float> y(m * n), dx(m * k), expected_dx;
        std::vector<std::uint64_t> saved(layer.saved_words(m));
        for (int round = 0; round < 50; round++) {
            layer.forward_saving(x, y, saved);
            CHECK(y == expected);
            layer.backward(saved, y, {dx, {}, {}, {}});
            if (round == 0) {
                expected_dx = dx;
            }
            CHECK(dx == expected_dx);
            // Each thread has the message of its own last error.
            const bnn::Span<std::uint64_t> too_few(saved.data(), seed);
            const std::string message = "found " + std::to_string(seed);
            CHECK_ERROR(BNN_ERROR_TOO_SHORT, message.c_str(), layer.forward_saving(x, y, too_few), 0);
        }
    };
    std::thread other(work, 2);
    work(3);
    other.join();
}
