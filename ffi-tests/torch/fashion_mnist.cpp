// Trains a binary network on Fashion-MNIST with LibTorch and our layers, exports it to a model file
// and runs that.
//
//   fashion_mnist FOLDER [EPOCHS [LEAST_ACCURACY [MODEL_FILE]]]
//
// The folder has the four IDX files, unpacked. The network and the recipe are those of `bnn train`:
// 784-1024-1024-10, pixels times signs in the first layer, signs times signs in the others, a batch
// norm after each; Adam with half a cosine from 5e-3 to 0. The program fails if fewer than
// LEAST_ACCURACY per cent of the test images are right, or if the scores of the file are not those
// of the network, bit for bit, for every test image.
#include <torch/torch.h>

#include <bnn.hpp>
#include <bnn_torch.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using bnn::torch::BinaryLinear;
using bnn::torch::BinaryLinearOptions;
using bnn::torch::SignWeightLinear;
using bnn::torch::SignWeightLinearOptions;
using torch::Tensor;
using torch::nn::Sequential;

namespace {

constexpr int64_t PIXELS = 784, HIDDEN = 1024, CLASSES = 10, BATCH = 100;
constexpr double LEARNING_RATE = 5e-3, PI = 3.14159265358979323846;

struct Images {
    Tensor pixels, labels; // [n, 784], integers from 0 to 255 as floats; [n]

    Images(const std::string &folder, bool train) {
        using torch::data::datasets::MNIST;
        const MNIST data(folder, train ? MNIST::Mode::kTrain : MNIST::Mode::kTest);
        pixels = (data.images().flatten(1) * 255.0).round();
        labels = data.targets();
    }
};

Sequential network() {
    return Sequential(SignWeightLinear(SignWeightLinearOptions(PIXELS, HIDDEN).bias(false)), torch::nn::BatchNorm1d(HIDDEN),
                      BinaryLinear(BinaryLinearOptions(HIDDEN, HIDDEN).bias(false)), torch::nn::BatchNorm1d(HIDDEN),
                      BinaryLinear(BinaryLinearOptions(HIDDEN, CLASSES).bias(false)), bnn::torch::BatchNorm1d(CLASSES));
}

double accuracy(const Tensor &scores, const Tensor &labels) {
    return 100.0 * scores.argmax(1).eq(labels).to(torch::kDouble).mean().item<double>();
}

Tensor scores_of(Sequential net, const Tensor &pixels) {
    const torch::NoGradGuard no_grad;
    net->eval();
    return net->forward(pixels);
}

void train(Sequential net, const Images &images, const Images &test, int64_t epochs) {
    torch::optim::Adam adam(net->parameters(), LEARNING_RATE);
    const int64_t batches = images.labels.size(0) / BATCH;
    int64_t step = 0;
    for (int64_t epoch = 0; epoch < epochs; epoch++) {
        const auto start = std::chrono::steady_clock::now();
        const Tensor order = torch::randperm(images.labels.size(0));
        double loss_sum = 0.0;
        net->train();
        for (int64_t i = 0; i < batches; i++, step++) {
            const Tensor batch = order.slice(0, i * BATCH, (i + 1) * BATCH);
            const Tensor scores = net->forward(images.pixels.index_select(0, batch));
            const Tensor loss = torch::nn::functional::cross_entropy(scores, images.labels.index_select(0, batch));
            adam.zero_grad();
            loss.backward();
            const double share = 0.5 * (1.0 + std::cos(PI * static_cast<double>(step) / static_cast<double>(epochs * batches)));
            static_cast<torch::optim::AdamOptions &>(adam.param_groups()[0].options()).lr(LEARNING_RATE * share);
            adam.step();
            bnn::torch::clamp_weights_(*net);
            loss_sum += loss.item<double>();
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        std::printf("epoch %2ld: loss %.4f, %.2f %% of the test images, %.1f s\n", static_cast<long>(epoch + 1),
                    loss_sum / static_cast<double>(batches), accuracy(scores_of(net, test.pixels), test.labels), took.count());
        std::fflush(stdout);
    }
}

void write(const std::string &path, const std::vector<std::uint8_t> &file) {
    std::ofstream stream(path + ".part", std::ios::binary);
    stream.write(reinterpret_cast<const char *>(file.data()), static_cast<std::streamsize>(file.size()));
    stream.close();
    TORCH_CHECK(stream.good(), "cannot write ", path, ".part");
    std::filesystem::rename(path + ".part", path);
}

bool export_and_report(Sequential net, const Images &test, double least_accuracy, const std::string &path) {
    // Refuses a file that does not give the scores of the network for all of these images.
    const auto file = bnn::torch::export_model(net, test.pixels, bnn::torch::ExportOptions().meta("name=fashion_mnist\n"));
    write(path, file);
    const double reached = accuracy(scores_of(net, test.pixels), test.labels);
    std::printf("%s: %zu bytes, %.2f %% of the test images, scores equal those of the network\n", path.c_str(), file.size(),
                reached);
    if (reached < least_accuracy) {
        std::printf("expected at least %.2f %%\n", least_accuracy);
    }
    return reached >= least_accuracy;
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: fashion_mnist FOLDER [EPOCHS [LEAST_ACCURACY [MODEL_FILE]]]\n");
        return 2;
    }
    try {
        torch::manual_seed(1);
        const Images images(argv[1], true), test(argv[1], false);
        Sequential net = network();
        train(net, images, test, argc > 2 ? std::atol(argv[2]) : 12);
        const bool good = export_and_report(net, test, argc > 3 ? std::atof(argv[3]) : 0.0,
                                            argc > 4 ? argv[4] : "fashion_mnist.bnn");
        return good ? 0 : 1;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
