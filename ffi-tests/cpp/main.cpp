// Tests of bnn.hpp against definitions that are written here; prints how many checks passed.
#include "check.hpp"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>

static std::atomic<unsigned long> passed_count{0}, failed_count{0};

void check(bool passed, const char *what, const char *file, int line) {
    if (passed) {
        passed_count++;
    } else {
        failed_count++;
        std::fprintf(stderr, "%s:%d: failed: %s (last error: %s)\n", file, line, what, bnn_last_error_message());
    }
}

bool is_in(const char *text, const char *message) {
    if (std::strstr(message, text) != nullptr) {
        return true;
    }
    std::fprintf(stderr, "\"%s\" is not in \"%s\"\n", text, message);
    return false;
}

std::vector<float> numbers(std::size_t count, unsigned seed) {
    std::mt19937 engine(seed);
    std::vector<float> x(count);
    for (float &value : x) {
        value = static_cast<float>(engine() % 4001) / 1000.0f - 2.0f;
    }
    const float edges[] = {0.0f, -0.0f, 1.0f, -1.0f};
    for (std::size_t i = 0; i < count; i += 7) {
        x[i] = edges[(i / 7) % 4];
    }
    return x;
}

std::vector<float> numbers_with_nan(std::size_t count, unsigned seed) {
    std::vector<float> x = numbers(count, seed);
    for (std::size_t i = 3; i < count; i += 31) {
        x[i] = NAN;
    }
    return x;
}

int main() {
    try {
        bnn::check_abi();
        CHECK(!bnn::version().empty());
        test_bits();
        test_linear();
        test_conv2d();
        test_model();
        test_graph();
        test_stream();
        test_threads();
    } catch (const std::exception &error) {
        check(false, error.what(), __FILE__, __LINE__);
    }
    std::printf("%lu passed, %lu failed\n", passed_count.load(), failed_count.load());
    return failed_count == 0 && passed_count > 0 ? 0 : 1;
}
