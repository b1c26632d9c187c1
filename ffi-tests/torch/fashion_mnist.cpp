// Trains a binary network on Fashion-MNIST with LibTorch and our layers, exports it to a model file and runs that.
//
//   fashion_mnist FOLDER [EPOCHS [LEAST_ACCURACY [MODEL_FILE]]]
//
// The folder has the four IDX files, unpacked. The network and the recipe are those of `bnn train`: 784-1024-1024-10, pixels
// times signs in the first layer, signs times signs behind it, batch norm after each; Adam with half a cosine from 5e-3 to 0.
// It fails where fewer than LEAST_ACCURACY per cent of the test images are right, or where the file does not compute
// what the modules compute.
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
using torch::Tensor;

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

Tensor signs(const Tensor &w) { return torch::where(w >= 0, torch::ones_like(w), -torch::ones_like(w)); }

class NetImpl : public torch::nn::Module {
  public:
    NetImpl() {
        first = register_parameter("first", torch::empty({HIDDEN, PIXELS}));
        torch::nn::init::xavier_uniform_(first);
        second = register_module("second", BinaryLinear(BinaryLinearOptions(HIDDEN, HIDDEN).bias(false)));
        third = register_module("third", BinaryLinear(BinaryLinearOptions(HIDDEN, CLASSES).bias(false)));
        for (int64_t width : {HIDDEN, HIDDEN, CLASSES}) {
            norms.push_back(register_module("norm" + std::to_string(norms.size() + 1), torch::nn::BatchNorm1d(width)));
        }
    }

    Tensor forward(const Tensor &pixels) {
        // The value is the sign, the gradient passes straight through.
        const Tensor weight = signs(first).detach() + (first - first.detach());
        const Tensor hidden = norms[0](torch::linear(pixels, weight));
        return norms[2](third(norms[1](second(hidden))));
    }

    void clamp_weights_() {
        const torch::NoGradGuard no_grad;
        first.clamp_(-1.0, 1.0);
        bnn::torch::clamp_weights_(*this);
    }

    Tensor first; // latent weights of pixels
    BinaryLinear second{nullptr}, third{nullptr};
    std::vector<torch::nn::BatchNorm1d> norms;
};
TORCH_MODULE(Net);

double accuracy(const Tensor &scores, const Tensor &labels) {
    return 100.0 * scores.argmax(1).eq(labels).to(torch::kDouble).mean().item<double>();
}

Tensor scores_of(Net net, const Tensor &pixels) {
    const torch::NoGradGuard no_grad;
    net->eval();
    return net->forward(pixels);
}

void train(Net net, const Images &images, const Images &test, int64_t epochs) {
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
            net->clamp_weights_();
            loss_sum += loss.item<double>();
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        std::printf("epoch %2ld: loss %.4f, %.2f %% of the test images, %.1f s\n", static_cast<long>(epoch + 1),
                    loss_sum / static_cast<double>(batches), accuracy(scores_of(net, test.pixels), test.labels), took.count());
        std::fflush(stdout);
    }
}

bnn::Span<const float> span(const Tensor &t) { return {t.data_ptr<float>(), static_cast<std::size_t>(t.numel())}; }

std::vector<std::uint8_t> exported(Net net) {
    const auto norm = [&](int layer) {
        const auto &n = *net->norms[layer];
        return bnn::BatchNorm{span(n.running_mean), span(n.running_var), span(n.weight), span(n.bias),
                              static_cast<float>(n.options.eps())};
    };
    return bnn::Builder::of_bytes(8)
        .meta("name=fashion_mnist\n")
        .linear(span(net->first), HIDDEN, PIXELS)
        .batch_norm(norm(0))
        .linear(span(net->second->weight), HIDDEN, HIDDEN)
        .batch_norm(norm(1))
        .linear(span(net->third->weight), CLASSES, HIDDEN)
        .batch_norm(norm(2))
        .finish();
}

// The scores with each batch norm as the scale and the bias that its statistics come to: the file's very numbers.
Tensor folded_scores(Net net, const Tensor &pixels) {
    const torch::NoGradGuard no_grad;
    const auto fold = [&](int layer) {
        const auto &n = *net->norms[layer];
        const Tensor scale = n.weight / (n.running_var + n.options.eps()).sqrt();
        return std::make_pair(scale, Tensor(n.bias - n.running_mean * scale));
    };
    const auto [scale, bias] = fold(0);
    Tensor x = torch::linear(pixels, signs(net->first)) * scale + bias;
    for (const int layer : {1, 2}) {
        const auto [s, b] = fold(layer);
        x = bnn::torch::binary_linear(x, layer == 1 ? net->second->weight : net->third->weight, s, b);
    }
    return x;
}

Tensor run(const std::vector<std::uint8_t> &file, const Tensor &pixels) {
    const bnn::Model model{bnn::Span<const std::uint8_t>(file)};
    const Tensor bytes = pixels.to(torch::kUInt8).contiguous();
    const Tensor scores = torch::empty({pixels.size(0), CLASSES});
    bnn::Model::Scratch scratch;
    model.run(bnn::Span<const std::uint8_t>(bytes.data_ptr<std::uint8_t>(), static_cast<std::size_t>(bytes.numel())),
              bnn::Span<float>(scores.data_ptr<float>(), static_cast<std::size_t>(scores.numel())), scratch);
    return scores;
}

void write(const std::string &path, const std::vector<std::uint8_t> &file) {
    std::ofstream stream(path + ".part", std::ios::binary);
    stream.write(reinterpret_cast<const char *>(file.data()), static_cast<std::streamsize>(file.size()));
    stream.close();
    TORCH_CHECK(stream.good(), "cannot write ", path, ".part");
    std::filesystem::rename(path + ".part", path);
}

bool export_and_compare(Net net, const Images &test, double least_accuracy, const std::string &path) {
    const auto file = exported(net);
    write(path, file);
    const Tensor ours = run(file, test.pixels), modules = scores_of(net, test.pixels);
    const double reached = accuracy(ours, test.labels);
    const bool equal = torch::equal(ours, folded_scores(net, test.pixels));
    // A batch norm of LibTorch rounds otherwise; where a sum lies that near to its threshold a sign may differ.
    const int64_t images = test.labels.size(0), same = ours.argmax(1).eq(modules.argmax(1)).sum().item<int64_t>();
    std::printf("%s: %zu bytes, %.2f %% of the test images\n", path.c_str(), file.size(), reached);
    std::printf("scores of file and folded modules: %s; predictions of file and modules: %ld of %ld equal\n",
                equal ? "equal, bit for bit" : "NOT EQUAL", static_cast<long>(same), static_cast<long>(images));
    if (reached < least_accuracy) {
        std::printf("expected at least %.2f %%\n", least_accuracy);
    }
    return equal && same >= images * 999 / 1000 && reached >= least_accuracy;
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
        Net net;
        train(net, images, test, argc > 2 ? std::atol(argv[2]) : 12);
        const bool good = export_and_compare(net, test, argc > 3 ? std::atof(argv[3]) : 0.0,
                                             argc > 4 ? argv[4] : "fashion_mnist.bnn");
        return good ? 0 : 1;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
