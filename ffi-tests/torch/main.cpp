// Tests of bnn_torch.hpp against what LibTorch computes; prints how many checks passed.
#include "check.hpp"

#include <atomic>
#include <cstdio>

static std::atomic<unsigned long> passed_count{0}, failed_count{0};

void check(bool passed, const std::string &what, const char *file, int line) {
    if (passed) {
        passed_count++;
    } else {
        failed_count++;
        std::fprintf(stderr, "%s:%d: failed: %s\n", file, line, what.c_str());
    }
}

int main() {
    torch::manual_seed(1);
    try {
        test_linear();
        test_conv2d();
        test_gradients();
        test_inputs();
        test_modules();
        test_sign_weight();
        test_export();
        test_graph();
        test_saved();
        test_threads();
    } catch (const std::exception &error) {
        check(false, error.what(), __FILE__, __LINE__);
    }
    std::printf("LibTorch %s: %lu passed, %lu failed\n", TORCH_VERSION, passed_count.load(), failed_count.load());
    return failed_count == 0 && passed_count > 0 ? 0 : 1;
}
