// Modules: parameters, copies, files, packed weights that follow the parameters, and how they
// print.
#include "check.hpp"

#include <cmath>
#include <sstream>

using bnn::torch::BinaryConv2d;
using bnn::torch::BinaryConv2dOptions;
using bnn::torch::BinaryLinear;
using bnn::torch::BinaryLinearOptions;

namespace {

torch::nn::Sequential network() {
    return torch::nn::Sequential(
        BinaryConv2d(BinaryConv2dOptions(3, 8, 3).padding(1).scale(true).pad_value(BNN_PAD_PLUS_ONE)), torch::nn::Flatten(),
        BinaryLinear(BinaryLinearOptions(8 * 4 * 4, 5).scale(true)));
}

void parameters_are_those_of_the_options_and_start_as_documented() {
    BinaryLinear plain(BinaryLinearOptions(70, 5).bias(false)), full(BinaryLinearOptions(70, 5).scale(true));
    EXPECT(plain->parameters().size() == 1 && full->parameters().size() == 3 && BinaryLinear(70, 5)->parameters().size() == 2);
    EXPECT(torch::equal(full->scale, torch::ones({5})) && torch::equal(full->bias, torch::zeros({5})));
    const double bound = std::sqrt(6.0 / 75.0);
    EXPECT(full->weight.abs().max().item<double>() <= bound && full->weight.abs().max().item<double>() > 0.9 * bound);
    const Tensor before = full->weight.clone();
    full->reset_parameters();
    EXPECT(!torch::equal(before, full->weight));
    EXPECT(BinaryConv2d(6, 4, 3)->weight.sizes() == torch::IntArrayRef({4, 6, 3, 3}));
    EXPECT(BinaryConv2d(BinaryConv2dOptions(6, 4, {3, 2}).groups(2))->weight.sizes() == torch::IntArrayRef({4, 3, 3, 2}));
    EXPECT_REFUSED("expected features of at least 1, found 0 and 5", BinaryLinear(0, 5));
    EXPECT_REFUSED("expected groups that divide 6 and 4 channels, found 3", BinaryConv2d(BinaryConv2dOptions(6, 4, 3).groups(3)));
    EXPECT_REFUSED("expected a stride of 1 with padding kSame, found [2, 2]",
                  BinaryConv2d(BinaryConv2dOptions(6, 4, 3).padding(torch::kSame).stride(2)));
}

void they_print_their_options() {
    EXPECT(printed(BinaryLinear(70, 5)) ==
          "bnn::torch::BinaryLinear(in_features=70, out_features=5, bias=true, scale=false, clip=1)");
    EXPECT(printed(BinaryConv2d(BinaryConv2dOptions(6, 4, 2).padding(torch::kSame).pad_value(BNN_PAD_MINUS_ONE))) ==
          "bnn::torch::BinaryConv2d(6, 4, kernel_size=[2, 2], stride=[1, 1], padding=[0, 0] and [1, 1], dilation=[1, 1], "
          "groups=1, bias=true, scale=false, clip=1, pad_value=-1)");
}

void a_clone_has_parameters_of_its_own() {
    auto net = network();
    net->eval();
    const Tensor x = numbers({2, 3, 4, 4}), y = net->forward(x);
    auto copy = std::dynamic_pointer_cast<torch::nn::SequentialImpl>(net->clone());
    EXPECT(torch::equal(copy->forward(x), y));
    {
        const torch::NoGradGuard no_grad;
        for (Tensor &p : copy->parameters()) {
            p.normal_();
        }
    }
    EXPECT(torch::equal(net->forward(x), y));
    EXPECT(!torch::equal(copy->forward(x), y));
}

void files_bring_everything_back() {
    auto net = network(), other = network();
    {
        const torch::NoGradGuard no_grad;
        for (Tensor &p : net->parameters()) {
            p.normal_();
        }
    }
    net->eval();
    other->eval();
    const Tensor x = numbers({2, 3, 4, 4});
    EXPECT(!torch::equal(other->forward(x), net->forward(x))); // packs the weights that loading must replace
    std::stringstream file;
    torch::save(net, file);
    torch::load(other, file);
    EXPECT(torch::equal(other->forward(x), net->forward(x)));
}

// In evaluation the output is that of the parameters as they are, however they were changed.
void packed_weights_follow_the_parameters() {
    BinaryLinear layer(BinaryLinearOptions(70, 5).scale(true));
    layer->eval();
    const Tensor x = numbers({4, 70});
    const auto fresh = [&](const char *after) {
        const Tensor expected = bnn::torch::binary_linear(x, layer->weight, layer->scale, layer->bias);
        EXPECT_FOR(after, torch::equal(layer->forward(x), expected));
        EXPECT_FOR(after, torch::equal(layer->forward(x), expected));
    };
    fresh("construction");
    layer->reset_parameters();
    fresh("reset_parameters");
    {
        const torch::NoGradGuard no_grad;
        layer->scale.mul_(2.0);
        fresh("a change of the scale alone");
        layer->bias.add_(1.0);
        fresh("a change of the bias alone");
        layer->weight.set_data(torch::randn({5, 70}));
        fresh("set_data");
        layer->weight.set_data(layer->weight.t().contiguous().t());
        fresh("other strides");
        layer->clamp_weight_();
        fresh("clamping");
    }
    layer->to(torch::kDouble);
    EXPECT_REFUSED("bnn: weight: expected elements of type Float, found Double", layer->forward(x));
    layer->to(torch::kFloat);
    fresh("a change of type");

    layer->eval();
    // They are kept, indeed: a change that LibTorch does not count is not seen until `eval` is
    // called.
    const Tensor kept = layer->forward(x).clone();
    layer->weight.data().neg_();
    EXPECT(torch::equal(layer->forward(x), kept));
    layer->eval();
    fresh("eval");
    EXPECT(!torch::equal(layer->forward(x), kept));
    layer->weight.data().neg_();
    layer->train();
    fresh("training");
}

// Whatever the optimizer, and whenever one looks: `SGD` writes so that LibTorch does not count it.
template <class Optimizer> void packed_weights_follow_steps(Optimizer optimizer, BinaryLinear layer) {
    layer->eval();
    const Tensor x = numbers({4, 70});
    for (int step = 0; step < 3; step++) {
        optimizer.zero_grad();
        layer->forward(x).square().sum().backward();
        const Tensor before = layer->forward(x).clone();
        optimizer.step();
        const Tensor after = layer->forward(x);
        EXPECT(torch::equal(after, bnn::torch::binary_linear(x, layer->weight, {}, layer->bias)));
        EXPECT(!torch::equal(before, after));
    }
}

// The gradients are there before evaluation begins, and the step is taken in it.
void packed_weights_follow_a_step_with_earlier_gradients() {
    BinaryLinear layer(70, 5);
    torch::optim::SGD optimizer(layer->parameters(), 0.5);
    const Tensor x = numbers({4, 70});
    layer->forward(x).square().sum().backward();
    layer->eval();
    const Tensor before = layer->forward(x).clone();
    optimizer.step();
    const auto follows = [&] {
        return torch::equal(layer->forward(x), bnn::torch::binary_linear(x, layer->weight, {}, layer->bias));
    };
    EXPECT(follows());
    EXPECT(!torch::equal(before, layer->forward(x)));
    for (Tensor &p : layer->parameters()) {
        p.mutable_grad().reset();
    }
    EXPECT(follows());
    // Without gradients they are kept again: an uncounted change is not seen.
    layer->weight.data().neg_();
    EXPECT(!follows());
}

void packed_filters_follow_the_size_of_the_images() {
    BinaryConv2d conv(BinaryConv2dOptions(3, 4, 3).padding(1));
    conv->eval();
    for (const int64_t size : {3, 5, 3, 4}) {
        const Tensor x = numbers({2, 3, size, 5});
        bnn::torch::Windows windows;
        windows.pad_before = windows.pad_after = 1;
        EXPECT(torch::equal(conv->forward(x), bnn::torch::binary_conv2d(x, conv->weight, {}, conv->bias, windows)));
    }
    EXPECT_REFUSED("bnn: input: expected shape [batch, 3, 5, 5]", conv->forward(numbers({2, 4, 5, 5})));
}

void parameters_made_in_inference_mode_work() {
    const c10::InferenceMode inference;
    BinaryLinear layer(70, 5);
    layer->eval();
    const Tensor x = numbers({4, 70}), y = layer->forward(x).clone();
    layer->weight.neg_();
    EXPECT(torch::equal(layer->forward(x), -y));
}

void weights_of_a_network_are_clamped() {
    auto net = network();
    {
        const torch::NoGradGuard no_grad;
        for (Tensor &p : net->parameters()) {
            p.fill_(3.0);
        }
    }
    bnn::torch::clamp_weights_(*net);
    for (const auto &p : net->named_parameters()) {
        const bool weight = p.key().find("weight") != std::string::npos;
        EXPECT_FOR(p.key(), (p.value() == (weight ? 1.0 : 3.0)).all().item<bool>());
        EXPECT(p.value().requires_grad());
    }
}

} // namespace

void test_modules() {
    parameters_are_those_of_the_options_and_start_as_documented();
    they_print_their_options();
    a_clone_has_parameters_of_its_own();
    files_bring_everything_back();
    packed_weights_follow_the_parameters();
    BinaryLinear layer(70, 5), other(70, 5);
    packed_weights_follow_steps(torch::optim::SGD(layer->parameters(), 0.1), layer);
    packed_weights_follow_steps(torch::optim::Adam(other->parameters(), 0.1), other);
    packed_weights_follow_a_step_with_earlier_gradients();
    packed_filters_follow_the_size_of_the_images();
    parameters_made_in_inference_mode_work();
    weights_of_a_network_are_clamped();
}
