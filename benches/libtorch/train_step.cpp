// Times training steps of a binary network in LibTorch, f32: forward, cross entropy, backward,
// Adam, clipping.
//
//   train_step mlp|cnn [STEPS [THREADS]]
//
// Prints one line of JSON.
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "blas.hpp"
#include "graph_memory.hpp"
#include "networks.hpp"

namespace {

constexpr int64_t BATCH = 128;

struct Step {
    std::unique_ptr<Network> network;
    torch::Tensor x, labels;
    torch::optim::Adam adam;

    Step(std::unique_ptr<Network> net, torch::IntArrayRef shape)
        : network(std::move(net)), x(torch::randint(0, 256, shape).to(torch::kFloat32)),
          labels(torch::randint(0, 10, {BATCH})), adam(network->parameters(), 1e-3) {}

    torch::Tensor loss() { return torch::nn::functional::cross_entropy(network->forward(x), labels); }

    void run() {
        network->zero_grad(/*set_to_none=*/true);
        loss().backward();
        adam.step();
        torch::NoGradGuard no_grad;
        for (torch::Tensor w : network->weights()) {
            w.clamp_(-1, 1);
        }
    }
};

Step make(const std::string &name) {
    if (name == "mlp") {
        return Step(std::make_unique<Mlp>(), {BATCH, 784});
    }
    if (name == "cnn") {
        return Step(std::make_unique<Cnn>(), {BATCH, 1, 28, 28});
    }
    std::fprintf(stderr, "no such network: %s (mlp, cnn)\n", name.c_str());
    std::exit(2);
}

std::vector<double> milliseconds(Step &step, int steps) {
    using clock = std::chrono::steady_clock;
    std::vector<double> times;
    for (int i = 0; i < steps; i++) {
        const auto start = clock::now();
        step.run();
        times.push_back(std::chrono::duration<double, std::milli>(clock::now() - start).count());
    }
    std::sort(times.begin(), times.end());
    return times;
}

} // namespace

int main(int argc, char **argv) {
    const std::string name = argc > 1 ? argv[1] : "mlp";
    const int steps = argc > 2 ? std::atoi(argv[2]) : 100;
    const int threads = argc > 3 ? std::atoi(argv[3]) : 2;
    if (steps < 1 || threads < 1) {
        std::fprintf(stderr, "usage: train_step mlp|cnn [STEPS [THREADS]]\n");
        return 2;
    }
    torch::set_num_threads(threads);
    torch::manual_seed(1);
    Step step = make(name);
    for (int i = 0; i < 5; i++) {
        step.run(); // the optimizer's state, caches and the clock
    }
    step.network->zero_grad(/*set_to_none=*/true);
    const int64_t bytes = graph_bytes([&] { return step.loss(); });
    const auto times = milliseconds(step, steps);
    std::printf("{\"engine\": \"libtorch\", \"network\": \"%s\", \"batch\": %ld, \"threads\": %d, \"steps\": %d, "
                "\"median_ms\": %.3f, \"best_ms\": %.3f, \"saved_bytes\": %ld, \"loss\": %.4f, "
                "\"version\": \"%s\", \"blas\": \"%s\"}\n",
                name.c_str(), long{BATCH}, torch::get_num_threads(), steps, times[times.size() / 2], times[0],
                long{bytes}, step.loss().item<double>(), TORCH_VERSION, blas().c_str());
    return 0;
}
