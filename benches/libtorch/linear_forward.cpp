// Times the forward pass of our linear layer in evaluation beside LibTorch's in f32, in turns.
//
//   linear_forward [ROUNDS [M N K]]        (default 11 rounds of 128 4096 4096)
//
// Both on one thread. Prints one line of JSON; `ratio` is that of the medians. The outputs are
// compared, too.
#include <ATen/Parallel.h>

#include <bnn.hpp>
#include <bnn_torch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "blas.hpp"

namespace {

template <class Work> double milliseconds(const Work &work) {
    using clock = std::chrono::steady_clock;
    const auto start = clock::now();
    work();
    return std::chrono::duration<double, std::milli>(clock::now() - start).count();
}

double median(std::vector<double> times) {
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

} // namespace

int main(int argc, char **argv) {
    const auto number = [&](int i, long otherwise) { return argc > i ? std::atol(argv[i]) : otherwise; };
    const long rounds = number(1, 11), m = number(2, 128), n = number(3, 4096), k = number(4, 4096);
    if (rounds < 1 || m < 1 || n < 1 || k < 1) {
        std::fprintf(stderr, "usage: linear_forward [ROUNDS [M N K]]\n");
        return 2;
    }
    torch::set_num_threads(1);
    bnn::set_num_threads(1);
    torch::manual_seed(1);
    const torch::NoGradGuard no_grad;
    const torch::Tensor x = torch::randn({m, k}), w = torch::randn({n, k});
    const torch::Tensor x_signs = torch::where(x >= 0, torch::ones_like(x), -torch::ones_like(x));
    const torch::Tensor w_signs = torch::where(w >= 0, torch::ones_like(w), -torch::ones_like(w));
    bnn::torch::BinaryLinear layer(bnn::torch::BinaryLinearOptions(k, n).bias(false));
    layer->weight.copy_(w);
    layer->eval();
    // The first call of each, which also packs.
    TORCH_CHECK(torch::equal(layer->forward(x), torch::linear(x_signs, w_signs)), "the outputs differ");

    std::vector<double> ours, theirs;
    for (long round = 0; round < rounds; round++) {
        theirs.push_back(milliseconds([&] { return torch::linear(x, w); }));
        // Our calls are short: the mean of ten.
        ours.push_back(milliseconds([&] {
                           for (int i = 0; i < 10; i++) {
                               layer->forward(x);
                           }
                       }) /
                       10);
    }
    std::printf("{\"m\": %ld, \"n\": %ld, \"k\": %ld, \"threads\": 1, \"rounds\": %ld, \"libtorch_ms\": %.3f, \"bnn_ms\": %.3f, "
                "\"ratio\": %.1f, \"isa\": \"%s\", \"version\": \"%s\", \"blas\": \"%s\"}\n",
                m, n, k, rounds, median(theirs), median(ours), median(theirs) / median(ours), bnn::isa().c_str(),
                TORCH_VERSION, blas().c_str());
    return 0;
}
