// First layers and batch norms: what they compute, their gradients, and that they are modules like
// any other.
#include "check.hpp"

#include <cmath>
#include <sstream>

using bnn::torch::BinaryLinear;
using bnn::torch::SignWeightConv2d;
using bnn::torch::SignWeightConv2dOptions;
using bnn::torch::SignWeightLinear;
using bnn::torch::SignWeightLinearOptions;

namespace {

void they_multiply_numbers_with_signs_and_pass_gradients_to_the_weights() {
    const Tensor x = torch::randint(0, 256, {9, 70}).to(torch::kFloat).set_requires_grad(true);
    SignWeightLinear linear(SignWeightLinearOptions(70, 5).scale(true));
    {
        const torch::NoGradGuard no_grad;
        linear->weight.copy_(numbers({5, 70}));
        linear->scale.copy_(torch::randn({5}));
        linear->bias.copy_(torch::randn({5}));
    }
    const Tensor expected = torch::linear(x, sign_of_weight(linear->weight)) * linear->scale + linear->bias;
    const Tensor y = linear->forward(x), dy = torch::randn({9, 5});
    EXPECT(torch::equal(y, expected));
    const std::vector<Tensor> leaves = {x, linear->weight, linear->scale, linear->bias};
    const auto found = torch::autograd::grad({y}, leaves, {dy}), wanted = torch::autograd::grad({expected}, leaves, {dy});
    for (std::size_t i = 0; i < leaves.size(); i++) {
        EXPECT(torch::allclose(found[i], wanted[i], 1e-5, 1e-3));
    }
    EXPECT_REFUSED("bnn: input: expected shape [.., 70], found [2, 71]", linear->forward(torch::zeros({2, 71})));

    for (const auto &options : {SignWeightConv2dOptions(4, 6, {3, 2}).padding(torch::kSame).groups(2),
                                SignWeightConv2dOptions(4, 6, 3).stride(2).padding(torch::ExpandingArray<2>({1, 2})).dilation({1, 2})}) {
        SignWeightConv2d conv(options);
        const Tensor images = torch::randint(0, 256, {2, 4, 7, 6}).to(torch::kFloat);
        const Tensor sums = convolved(images, sign_of_weight(conv->weight), conv->windows());
        const Tensor wanted_w = torch::autograd::grad({sums.sum()}, {conv->weight})[0];
        EXPECT(torch::equal(conv->forward(images), sums + conv->bias.view({-1, 1, 1})));
        EXPECT(torch::equal(torch::autograd::grad({conv->forward(images).sum()}, {conv->weight})[0], wanted_w));
        EXPECT(torch::equal(conv->forward(images[0]), conv->forward(images)[0]));
    }
}

void they_are_modules() {
    EXPECT(printed(SignWeightLinear(70, 5)) ==
          "bnn::torch::SignWeightLinear(in_features=70, out_features=5, bias=true, scale=false)");
    EXPECT(printed(SignWeightConv2d(SignWeightConv2dOptions(6, 4, 3).padding(1).bias(false))) ==
          "bnn::torch::SignWeightConv2d(6, 4, kernel_size=[3, 3], stride=[1, 1], padding=[1, 1], dilation=[1, 1], groups=1, "
          "bias=false, scale=false)");
    EXPECT(printed(bnn::torch::BatchNorm1d(3)) ==
          "bnn::torch::BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=true, track_running_stats=true)");
    EXPECT_REFUSED("SignWeightLinear: expected features of at least 1", SignWeightLinear(0, 5));
    EXPECT_REFUSED("SignWeightConv2d: expected groups that divide", SignWeightConv2d(SignWeightConv2dOptions(6, 4, 3).groups(3)));
    torch::nn::Sequential net(SignWeightConv2d(1, 2, 3), bnn::torch::BatchNorm2d(2), torch::nn::Flatten(),
                              SignWeightLinear(2 * 2 * 2, 3), bnn::torch::BatchNorm1d(3));
    net->train();
    net->forward(torch::randn({5, 1, 4, 4}));
    net->eval();
    const Tensor x = torch::randn({2, 1, 4, 4}), y = net->forward(x);
    auto copy = std::dynamic_pointer_cast<torch::nn::SequentialImpl>(net->clone());
    EXPECT(torch::equal(copy->forward(x), y));
    {
        const torch::NoGradGuard no_grad;
        for (Tensor &p : copy->parameters()) {
            p.fill_(3.0);
        }
    }
    EXPECT(torch::equal(net->forward(x), y));
    bnn::torch::clamp_weights_(*copy);
    EXPECT(copy->parameters()[0].eq(1.0).all().item<bool>());
    std::stringstream file;
    torch::save(net, file);
    torch::nn::Sequential loaded(copy);
    torch::load(loaded, file);
    loaded->eval();
    EXPECT(torch::equal(loaded->forward(x), y));
}

// In evaluation an operation at a time, on every CPU; in training LibTorch's, whose files it reads.
void batch_norms_evaluate_as_model_files_do() {
    torch::nn::BatchNorm1d theirs(7);
    bnn::torch::BatchNorm1d ours(7);
    const Tensor x = torch::randn({50, 7}) * 30;
    {
        const torch::NoGradGuard no_grad;
        theirs->weight.copy_(torch::randn({7}));
        theirs->bias.copy_(torch::randn({7}));
    }
    std::stringstream file;
    torch::save(theirs, file);
    torch::load(ours, file);
    EXPECT(torch::equal(ours->forward(x), theirs->forward(x)));
    EXPECT(torch::equal(ours->running_var, theirs->running_var));
    ours->eval();
    theirs->eval();
    const torch::NoGradGuard no_grad;
    const Tensor y = ours->forward(x);
    EXPECT(torch::allclose(y, theirs->forward(x), 1e-5, 1e-5));
    bool equal = true;
    for (int64_t i = 0; i < x.size(0); i++) {
        for (int64_t j = 0; j < 7; j++) {
            const auto at = [j](const Tensor &t) { return t[j].item<float>(); };
            const volatile float root = std::sqrt(at(ours->running_var) + 1e-5f), scale = at(ours->weight) / root;
            const volatile float shift = at(ours->running_mean) * scale, bias = at(ours->bias) - shift;
            const volatile float product = x[i][j].item<float>() * scale, sum = product + bias;
            equal = equal && y[i][j].item<float>() == sum;
        }
    }
    EXPECT(equal);
    bnn::torch::BatchNorm2d images(torch::nn::BatchNormOptions(7).affine(false));
    images->running_mean.copy_(ours->running_mean);
    images->running_var.copy_(ours->running_var);
    images->eval();
    ours->weight.fill_(1.0);
    ours->bias.fill_(0.0);
    EXPECT(torch::equal(images->forward(x.view({50, 7, 1, 1})).view({50, 7}), ours->forward(x)));
    EXPECT_REFUSED("BatchNorm2d: expected 4 dimensions", images->forward(x));
    EXPECT_REFUSED("expected 7 channels", ours->forward(torch::zeros({2, 6})));
}

struct Collected : c10::WarningHandler {
    void process(const c10::SourceLocation &, const std::string &message, bool) override { text += message; }
    std::string text;
};

void a_forgotten_clamp_warns_and_weights_that_are_not_finite_are_refused() {
    const c10::Warning::WarnAlways always;
    Collected warnings;
    const c10::Warning::WarningHandlerGuard guard(&warnings);
    BinaryLinear binary(8, 4);
    bnn::torch::BinaryConv2d conv(2, 4, 3);
    SignWeightLinear linear(8, 4);
    const torch::NoGradGuard no_grad;
    const Tensor x = torch::ones({2, 8}), images = torch::ones({1, 2, 3, 3});
    const auto run = [&] {
        warnings.text.clear();
        binary->forward(x);
        conv->forward(images);
        linear->forward(x);
        return warnings.text;
    };
    EXPECT(run().empty());
    const auto count = [](const std::string &text) {
        std::size_t found = 0;
        for (std::size_t at = 0; (at = text.find("clamp_weights_", at)) != std::string::npos; at++) {
            found++;
        }
        return found;
    };
    for (Tensor weight : {binary->weight, conv->weight, linear->weight}) {
        weight.view({-1})[3] = -1.5f;
    }
    EXPECT(count(run()) == 3);
    bnn::torch::clamp_weights_(*binary);
    bnn::torch::clamp_weights_(*conv);
    bnn::torch::clamp_weights_(*linear);
    EXPECT(run().empty());
    for (const float odd : {NAN, INFINITY, -INFINITY}) {
        binary->weight[1][2] = odd;
        conv->weight[1][1][2][0] = odd;
        linear->weight[1][2] = odd;
        EXPECT_REFUSED("bnn: weight: expected finite numbers", binary->forward(x));
        EXPECT_REFUSED("bnn: weight: expected finite numbers", conv->forward(images));
        EXPECT_REFUSED("bnn: weight: expected finite numbers", linear->forward(x));
    }
}

} // namespace

void test_sign_weight() {
    they_multiply_numbers_with_signs_and_pass_gradients_to_the_weights();
    they_are_modules();
    batch_norms_evaluate_as_model_files_do();
    a_forgotten_clamp_warns_and_weights_that_are_not_finite_are_refused();
}
