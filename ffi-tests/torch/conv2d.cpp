// The forward pass of the convolution equals LibTorch's of the signs, exactly, for every padding.
#include "check.hpp"

#include <sstream>

namespace {

struct Case {
    bnn::torch::Windows windows;
    int64_t batch, channels, outputs, height, width, kernel_height, kernel_width;

    static Case random(bnn_pad_value_t pad_value) {
        Case c;
        c.windows.pad_value = pad_value;
        c.windows.groups = draw(1, 4) == 1 ? draw(1, 3) : 1;
        c.channels = c.windows.groups * draw(1, draw(1, 2) == 1 ? 4 : 70);
        c.outputs = c.windows.groups * draw(1, 20);
        if (draw(1, 8) == 1) { // depthwise
            c.windows.groups = c.channels = c.outputs = draw(1, 70);
        }
        c.batch = draw(1, 3);
        for (const std::size_t axis : {0, 1}) {
            c.windows.stride->at(axis) = draw(1, 3);
            c.windows.dilation->at(axis) = draw(1, 2);
            c.windows.pad_before->at(axis) = draw(0, 3);
            c.windows.pad_after->at(axis) = draw(0, 3);
        }
        c.kernel_height = draw(1, 4);
        c.kernel_width = draw(1, 4);
        // At least one window.
        c.height = (c.kernel_height - 1) * c.windows.dilation->at(0) + draw(1, 7);
        c.width = (c.kernel_width - 1) * c.windows.dilation->at(1) + draw(1, 7);
        return c;
    }

    std::string text() const {
        std::ostringstream s;
        s << batch << "x" << channels << "x" << height << "x" << width << " -> " << outputs << ", kernel " << kernel_height
          << "x" << kernel_width << ", stride " << windows.stride << ", dilation " << windows.dilation << ", groups "
          << windows.groups << ", padding " << windows.pad_before << windows.pad_after << " of "
          << static_cast<int>(windows.pad_value);
        return s.str();
    }
};

void check_case(const Case &c) {
    const Tensor x = numbers({c.batch, c.channels, c.height, c.width});
    const Tensor w = numbers({c.outputs, c.channels / c.windows.groups, c.kernel_height, c.kernel_width});
    const Tensor sums = convolved(signs(x), signs(w), c.windows);
    EXPECT_FOR(c.text(), torch::equal(bnn::torch::binary_conv2d(x, w, {}, {}, c.windows), sums));
    const Tensor scale = torch::randn({c.outputs}), bias = torch::randn({c.outputs});
    const Tensor expected = sums * scale.view({-1, 1, 1}) + bias.view({-1, 1, 1});
    EXPECT_FOR(c.text(), torch::equal(bnn::torch::binary_conv2d(x, w, scale, bias, c.windows), expected));
    const Tensor last = x.contiguous(torch::MemoryFormat::ChannelsLast);
    EXPECT_FOR(c.text(), torch::equal(bnn::torch::binary_conv2d(last, w, scale, bias, c.windows), expected));
}

// The module means by its options what LibTorch's means by the same ones.
void check_module(int64_t kernel, bnn::torch::BinaryConv2dOptions::padding_t padding, int64_t stride, int64_t dilation) {
    const auto options = bnn::torch::BinaryConv2dOptions(6, 4, {kernel, 3}).padding(padding).stride(stride);
    bnn::torch::BinaryConv2d ours(bnn::torch::BinaryConv2dOptions(options).dilation(dilation).groups(2));
    torch::nn::Conv2d theirs(
        torch::nn::Conv2dOptions(6, 4, {kernel, 3}).padding(padding).stride(stride).dilation(dilation).groups(2));
    const torch::NoGradGuard no_grad;
    ours->bias.normal_();
    theirs->weight.copy_(signs(ours->weight));
    theirs->bias.copy_(ours->bias);
    const Tensor x = numbers({2, 6, 9, 8});
    std::ostringstream name;
    name << ours;
    EXPECT_FOR(name.str(), torch::equal(ours(x), theirs(signs(x))));
}

} // namespace

void test_conv2d() {
    for (const auto pad_value : {BNN_PAD_ZERO, BNN_PAD_MINUS_ONE, BNN_PAD_PLUS_ONE}) {
        for (int i = 0; i < 100; i++) {
            check_case(Case::random(pad_value));
        }
    }
    for (const int64_t kernel : {1, 2, 3, 4}) {
        check_module(kernel, torch::kSame, 1, 1);
        check_module(kernel, torch::kSame, 1, 2);
        check_module(kernel, torch::kValid, 2, 1);
        check_module(kernel, torch::ExpandingArray<2>({2, 1}), 2, 2);
    }
}
