// Model files made of networks give what the networks give, bit for bit; everything else is refused
// by name.
#include "check.hpp"

#include <vector>

using bnn::torch::BinaryConv2d;
using bnn::torch::BinaryConv2dOptions;
using bnn::torch::BinaryLinear;
using bnn::torch::BinaryLinearOptions;
using bnn::torch::export_model;
using bnn::torch::ExportOptions;
using bnn::torch::SignWeightConv2d;
using bnn::torch::SignWeightConv2dOptions;
using bnn::torch::SignWeightLinear;
using bnn::torch::SignWeightLinearOptions;
using torch::nn::Sequential;

namespace {

// A Sequential that may be put into another one.
struct BlockImpl : torch::nn::SequentialImpl {
    using SequentialImpl::SequentialImpl;
    Tensor forward(const Tensor &x) { return SequentialImpl::forward(x); }
};
TORCH_MODULE(Block);

// Parameters and statistics as training leaves them, of both signs and of all sizes.
void scramble(torch::nn::Module &network) {
    const torch::NoGradGuard no_grad;
    for (const auto &p : network.named_parameters()) {
        p.value().copy_(torch::randn(p.value().sizes()));
    }
    for (const auto &b : network.named_buffers()) {
        if (b.key().find("mean") != std::string::npos) {
            b.value().copy_(torch::randn(b.value().sizes()) * 5);
        } else if (b.key().find("var") != std::string::npos) {
            b.value().copy_(torch::rand(b.value().sizes()) * 50);
        }
    }
}

// All rows of `k` signs.
Tensor all_signs(int64_t k) {
    const Tensor numbers = torch::arange(int64_t{1} << k).unsqueeze(1);
    return torch::bitwise_and(torch::bitwise_right_shift(numbers, torch::arange(k)), 1).to(torch::kFloat) * 2 - 1;
}

Tensor bytes(torch::IntArrayRef shape, int64_t bits = 8) {
    return torch::randint(0, int64_t{1} << bits, shape).to(torch::kFloat);
}

Tensor evaluated(Sequential net, const Tensor &x) {
    const torch::NoGradGuard no_grad;
    net->eval();
    return net->forward(x);
}

// The scores of a file, for rows of bits.
Tensor scores_of_bits(const std::vector<std::uint8_t> &file, const Tensor &x) {
    const bnn::Model model(file);
    const bnn::BitMatrix bits(bnn::torch::detail::read(x), static_cast<std::size_t>(x.size(0)),
                              static_cast<std::size_t>(x.size(1)));
    const auto y = model.run<float>(bits.words());
    return torch::tensor(y).view({x.size(0), -1});
}

// A network with the default options of every layer, trained: the biases before batch norms are
// part of the thresholds.
void a_trained_network_of_default_layers_is_exported() {
    Sequential net(BinaryLinear(8, 16), torch::nn::BatchNorm1d(16), BinaryLinear(16, 2), torch::nn::BatchNorm1d(2));
    const Tensor x = all_signs(8), target = x.sum(1).ge(1).to(torch::kLong);
    torch::optim::Adam adam(net->parameters(), 5e-3);
    for (int step = 0; step < 300; step++) {
        adam.zero_grad();
        torch::nn::functional::cross_entropy(net->forward(x), target).backward();
        adam.step();
        bnn::torch::clamp_weights_(*net);
    }
    const Tensor scores = evaluated(net, x);
    EXPECT(scores.argmax(1).eq(target).to(torch::kFloat).mean().item<float>() > 0.9);
    const auto file = export_model(net, x, ExportOptions().tolerance(1e-5));
    EXPECT((scores_of_bits(file, x) - scores).abs().max().item<float>() <= 1e-4);
    EXPECT(scores_of_bits(file, x).argmax(1).equal(scores.argmax(1)));

    // With a last batch norm that evaluates as files do, scores are equal.
    Sequential exact(BinaryLinear(8, 16), torch::nn::BatchNorm1d(16), BinaryLinear(BinaryLinearOptions(16, 2).bias(false)),
                     bnn::torch::BatchNorm1d(2));
    for (int round = 0; round < 40; round++) {
        scramble(*exact);
        EXPECT(torch::equal(scores_of_bits(export_model(exact, x), x), evaluated(exact, x)));
    }
}

void scores_that_a_file_cannot_give_are_refused_unless_allowed() {
    // Two roundings, of the bias and of the batch norm, where a file has one.
    Sequential net(BinaryLinear(300, 20), bnn::torch::BatchNorm1d(20));
    scramble(*net);
    const Tensor x = signs(torch::randn({50, 300}));
    EXPECT_REFUSED("layer `1` (bnn::torch::BatchNorm1d) cannot be exported: its scores are up to", export_model(net, x));
    const auto file = export_model(net, x, ExportOptions().tolerance(1e-5));
    const Tensor scores = evaluated(net, x);
    EXPECT((scores_of_bits(file, x) - scores).abs().max().item<float>() <= 1e-4 * scores.abs().max().item<float>());
}

void networks_of_bytes_are_exported() {
    for (const int64_t bits : {1, 5, 8}) {
        Sequential net(SignWeightLinear(70, 33), torch::nn::BatchNorm1d(33), torch::nn::Dropout(),
                       BinaryLinear(BinaryLinearOptions(33, 65).scale(true)), torch::nn::Hardtanh(),
                       Block(BinaryLinear(BinaryLinearOptions(65, 10).bias(false)), bnn::torch::BatchNorm1d(10)));
        scramble(*net);
        // Exporting leaves the network as it was, in training in part.
        net->train();
        net[1]->eval();
        const Tensor x = bytes({64, 70}, bits);
        const auto file = export_model(net, x, ExportOptions().input_bits(bits).meta("name=test").class_names({"a", "b\nc"}));
        EXPECT(net->is_training() && !net[1]->is_training() && net[5]->is_training());
        EXPECT(bnn::Model(file).input().element_bits == bits);
        EXPECT(bnn::Model(file).meta() == "name=test\nclass.0=a\nclass.1=b\\nc\n");
    }
    // Sums, and scores of a layer without a batch norm.
    Sequential sums(SignWeightLinear(SignWeightLinearOptions(70, 4).bias(false)));
    EXPECT(bnn::Model(export_model(sums, bytes({9, 70}))).output().element == BNN_ELEMENT_I32);
    Sequential scaled(SignWeightLinear(SignWeightLinearOptions(70, 4).scale(true)));
    scramble(*scaled);
    EXPECT(bnn::Model(export_model(scaled, bytes({9, 70}))).output().element == BNN_ELEMENT_F32);
}

void networks_of_images_are_exported() {
    for (int round = 0; round < 6; round++) {
        const bool pool_first = round % 2 == 0;
        Sequential net(
            SignWeightConv2d(SignWeightConv2dOptions(3, 8, 3).padding(torch::kSame).scale(true)),
            torch::nn::BatchNorm2d(8), torch::nn::MaxPool2d(2),
            BinaryConv2d(BinaryConv2dOptions(8, 6, {3, 2}).padding(torch::kSame).groups(2).scale(true)));
        // The scale of the layer before it and the batch norm after it may each turn a pool around.
        if (pool_first) {
            net->push_back("pool", torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions(3).stride(2).padding(1)));
        }
        net->push_back("norm", torch::nn::BatchNorm2d(6));
        if (!pool_first) {
            net->push_back("pool", torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions({2, 1})));
        }
        net->push_back("flatten", torch::nn::Flatten());
        const int64_t features = evaluated(net, bytes({1, 3, 9, 7})).size(1);
        net->push_back("scores", BinaryLinear(BinaryLinearOptions(features, 5).bias(false)));
        net->push_back("last", bnn::torch::BatchNorm1d(5));
        scramble(*net);
        const Tensor x = bytes({20, 3, 9, 7});
        EXPECT(bnn::Model(export_model(net, x)).input_shape() == (std::array<std::size_t, 3>{9, 7, 3}));
    }
    // Bits, and images that come out.
    Sequential net(BinaryConv2d(BinaryConv2dOptions(3, 70, 3).padding(1).pad_value(BNN_PAD_PLUS_ONE)),
                   torch::nn::BatchNorm2d(70), BinaryConv2d(BinaryConv2dOptions(70, 2, 2).bias(false)),
                   bnn::torch::BatchNorm2d(2));
    scramble(*net);
    EXPECT(bnn::Model(export_model(net, torch::randn({5, 3, 6, 4}))).output_shape() == (std::array<std::size_t, 3>{5, 3, 2}));
    // Images that a dense layer takes at once.
    Sequential flat(torch::nn::Flatten(), SignWeightLinear(3 * 4 * 5, 7), torch::nn::BatchNorm1d(7),
                    BinaryLinear(BinaryLinearOptions(7, 2).bias(false)));
    scramble(*flat);
    EXPECT(bnn::Model(export_model(flat, bytes({30, 3, 4, 5}))).input().elements == 60);
    Sequential flat_bits(torch::nn::Flatten(), BinaryLinear(BinaryLinearOptions(60, 7).bias(false)));
    EXPECT(bnn::Model(export_model(flat_bits, torch::randn({30, 3, 4, 5}))).input().elements == 60);
}

// What a network computes beside its layers: the skip connection of a residual network.
void a_file_that_does_not_compute_what_the_network_does_is_refused() {
    BinaryLinear first(20, 20), last(BinaryLinearOptions(20, 3).bias(false));
    torch::nn::BatchNorm1d norm(20);
    const Tensor x = signs(torch::randn({100, 20}));
    Sequential layers(first, norm, last);
    scramble(*layers);
    layers->eval();
    const Tensor plain = evaluated(layers, x), residual = last->forward(norm->forward(first->forward(x)) + x);
    EXPECT(!export_model(layers, x, plain).empty());
    EXPECT_REFUSED("bnn: file and network differ in ", export_model(layers, x, residual.detach()));
    EXPECT_REFUSED("the network outputs of shape [100, 20]", export_model(layers, x, x));
}

void what_no_file_holds_is_refused_by_name() {
    const Tensor x = bytes({4, 8}), images = bytes({4, 3, 5, 5});
    const auto binary = [] { return BinaryLinear(8, 8); };
    EXPECT_REFUSED("layer `0` (torch::nn::Linear) cannot be exported: its weights are real numbers",
                   export_model(Sequential(torch::nn::Linear(8, 8), binary()), x));
    EXPECT_REFUSED("layer `1` (torch::nn::ReLU) cannot be exported: its outputs all have the sign +1",
                   export_model(Sequential(binary(), torch::nn::ReLU(), binary()), x));
    EXPECT_REFUSED("layer `1.0` (torch::nn::AvgPool2d) cannot be exported: a model file holds nothing of this kind",
                   export_model(Sequential(SignWeightConv2d(3, 2, 1), Block(torch::nn::AvgPool2d(2))), images));
    EXPECT_REFUSED("layer `0` (torch::nn::BatchNorm1d) cannot be exported: it changes the input",
                   export_model(Sequential(torch::nn::BatchNorm1d(8), binary()), x));
    EXPECT_REFUSED("layer `1` (bnn::torch::SignWeightLinear) cannot be exported: it multiplies numbers; only the first",
                   export_model(Sequential(binary(), SignWeightLinear(8, 2)), x));
    EXPECT_REFUSED("layer `1` (torch::nn::Hardtanh) cannot be exported: the network ends with it",
                   export_model(Sequential(binary(), torch::nn::Hardtanh()), x));
    EXPECT_REFUSED("expected a Flatten before it", export_model(Sequential(SignWeightLinear(5, 5)), images));
    EXPECT_REFUSED("expected shape [batch, 3, height, width], found [4, 8]",
                   export_model(Sequential(SignWeightConv2d(3, 2, 1)), x));
    EXPECT_REFUSED("layer `0` (bnn::torch::SignWeightConv2d) cannot be exported",
                   export_model(Sequential(SignWeightConv2d(3, 2, 1), torch::nn::MaxPool2d(2)), images));
    EXPECT_REFUSED("layer `0` (bnn::torch::SignWeightConv2d) cannot be exported: its images are larger than those that it takes, 6 x 6",
                   export_model(Sequential(SignWeightConv2d(SignWeightConv2dOptions(3, 2, 2).padding(1))), images));
    EXPECT_REFUSED("its padding is as large as its window",
                   export_model(Sequential(SignWeightConv2d(SignWeightConv2dOptions(3, 2, 1).padding(1).stride(2))), images));
    EXPECT_REFUSED("the network has no layer", export_model(Sequential(torch::nn::Identity()), x));
    EXPECT_REFUSED("expected integers from 0 to 255", export_model(Sequential(SignWeightLinear(8, 2)), x / 255.0));
    EXPECT_REFUSED("expected integers from 0 to 15",
                   export_model(Sequential(SignWeightLinear(8, 2)), x + 16, ExportOptions().input_bits(4)));
    EXPECT_REFUSED("input_bits: expected 1 to 8, found 9",
                   export_model(Sequential(SignWeightLinear(8, 2)), x, ExportOptions().input_bits(9)));
    EXPECT_REFUSED("samples: expected shape", export_model(Sequential(binary()), torch::zeros({8})));

    const auto with = [&](float number) {
        Sequential net(binary(), torch::nn::BatchNorm1d(8), binary());
        const torch::NoGradGuard no_grad;
        net->eval();
        net[1]->as<torch::nn::BatchNorm1d>()->weight[3] = number;
        return net;
    };
    EXPECT(!export_model(with(1.0f), x).empty());
    EXPECT_REFUSED("layer `1` (torch::nn::BatchNorm1d) cannot be exported: it gives numbers that are not finite",
                   export_model(with(NAN), x));
    Sequential diverged(SignWeightLinear(8, 2));
    const torch::NoGradGuard no_grad;
    diverged[0]->as<SignWeightLinear>()->weight[1][2] = INFINITY;
    EXPECT_REFUSED("finite", export_model(diverged, x));
}

} // namespace

void test_export() {
    a_trained_network_of_default_layers_is_exported();
    scores_that_a_file_cannot_give_are_refused_unless_allowed();
    networks_of_bytes_are_exported();
    networks_of_images_are_exported();
    a_file_that_does_not_compute_what_the_network_does_is_refused();
    what_no_file_holds_is_refused_by_name();
}
