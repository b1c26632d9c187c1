// Files of residual networks give what the networks give; what a description leaves out is refused
// by name.
#include "check.hpp"

#include <bnn.hpp>

#include <vector>

using bnn::torch::BatchNorm1d;
using bnn::torch::BatchNorm2d;
using bnn::torch::BinaryConv2d;
using bnn::torch::BinaryConv2dOptions;
using bnn::torch::BinaryLinear;
using bnn::torch::export_graph;
using bnn::torch::ExportOptions;
using bnn::torch::SignWeightConv2d;
using bnn::torch::SignWeightConv2dOptions;
using bnn::torch::SignWeightLinear;
using torch::nn::Sequential;
namespace nn = torch::nn;

namespace {

// A block of a binary residual network, with RPReLU after the sum: its shifts and slopes are its
// own.
struct BlockImpl : nn::Module {
    BlockImpl(int64_t in, int64_t out, int64_t stride)
        : conv(register_module("conv", BinaryConv2d(BinaryConv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)))),
          norm(register_module("norm", BatchNorm2d(out))), before(register_parameter("before", torch::zeros({out}))),
          slope(register_parameter("slope", torch::full({out}, 0.25))),
          after(register_parameter("after", torch::zeros({out}))) {
        if (stride > 1) {
            pool = register_module("pool", nn::AvgPool2d(nn::AvgPool2dOptions(2)));
        }
    }

    Tensor forward(const Tensor &x) {
        const Tensor shortcut = pool.is_empty() ? x : pool->forward(x);
        const Tensor wide = conv->options.out_channels() > x.size(1) ? torch::cat({shortcut, shortcut}, 1) : shortcut;
        const Tensor y = norm->forward(conv->forward(x)) + wide + per_channel(before);
        return torch::where(y >= 0, y, y * per_channel(slope)) + per_channel(after);
    }

    template <class Graph, class Node> Node describe(Graph &g, Node x) {
        Node shortcut = pool.is_empty() ? x : g.apply(pool, x);
        if (conv->options.out_channels() > conv->options.in_channels()) {
            shortcut = g.concat(shortcut, shortcut);
        }
        return g.rprelu(g.add(g.apply(norm, g.apply(conv, x)), shortcut), before, slope, after);
    }

    static Tensor per_channel(const Tensor &t) { return t.view({1, -1, 1, 1}); }

    BinaryConv2d conv;
    BatchNorm2d norm;
    nn::AvgPool2d pool = nullptr;
    Tensor before, slope, after;
};
TORCH_MODULE(Block);

// A residual network of bytes: sums of signs of weights at both ends, so that every number is that
// of the file.
struct ResidualImpl : nn::Module {
    ResidualImpl()
        : stem(register_module(
              "stem", Sequential(SignWeightConv2d(SignWeightConv2dOptions(3, 8, 3).padding(1).bias(false)), BatchNorm2d(8)))),
          first(register_module("first", Block(8, 8, 1))), second(register_module("second", Block(8, 16, 2))),
          head(register_module("head", Sequential(BinaryLinear(bnn::torch::BinaryLinearOptions(16 * 4 * 4, 3).scale(true))))) {}

    Tensor forward(const Tensor &x) { return head->forward(second->forward(first->forward(stem->forward(x))).flatten(1)); }

    template <class Graph, class Node> Node describe(Graph &g, Node x) {
        x = second->describe(g, first->describe(g, g.apply(stem, x)));
        return g.apply(head, g.flatten(x));
    }

    Sequential stem;
    Block first, second;
    Sequential head;
};
TORCH_MODULE(Residual);

Tensor bytes(torch::IntArrayRef shape) { return torch::randint(0, 256, shape).to(torch::kFloat); }

// A few steps towards labels that the images have.
template <class Net> void train(Net &net, const Tensor &images) {
    const Tensor labels = images.mean({1, 2, 3}).gt(127.5).to(torch::kLong);
    torch::optim::Adam adam(net->parameters(), 5e-3);
    for (int step = 0; step < 8; step++) {
        adam.zero_grad();
        nn::functional::cross_entropy(net->forward(images), labels).backward();
        adam.step();
        bnn::torch::clamp_weights_(*net);
    }
}

template <class Net> Tensor evaluated(Net &net, const Tensor &x) {
    const torch::NoGradGuard no_grad;
    net->eval();
    return net->forward(x);
}

// The outputs of a file for images of bytes.
Tensor outputs_of(const std::vector<std::uint8_t> &file, const Tensor &images) {
    const Tensor x = images.permute({0, 2, 3, 1}).contiguous().to(torch::kByte);
    const bnn::Span<const std::uint8_t> span(x.data_ptr<std::uint8_t>(), static_cast<std::size_t>(x.numel()));
    return torch::tensor(bnn::PackedModel(file).run<float>(span)).view({images.size(0), -1});
}

void a_trained_residual_network_is_exported_bit_for_bit() {
    Residual net;
    const Tensor images = bytes({24, 3, 8, 8});
    train(net, images);
    const auto describe = [&](auto &g, auto x) { return net->describe(g, x); };
    const auto file = export_graph(net, images, describe, ExportOptions().meta("name=residual").class_names({"a", "b", "c"}));
    EXPECT(net->is_training());
    EXPECT(torch::equal(outputs_of(file, images), evaluated(net, images)));
    const Tensor others = bytes({40, 3, 8, 8});
    EXPECT(torch::equal(outputs_of(file, others), evaluated(net, others)));
    EXPECT(bnn::Model(file).meta() == "name=residual\nclass.0=a\nclass.1=b\nclass.2=c\n");
}

// Layers of floats at both ends: LibTorch adds in another order than a file.
struct FloatEndsImpl : nn::Module {
    FloatEndsImpl()
        : stem(register_module("stem", Sequential(nn::Conv2d(nn::Conv2dOptions(3, 8, 3).padding(1)), nn::BatchNorm2d(8),
                                                  nn::ReLU(), nn::MaxPool2d(2)))),
          wide(register_module("wide", nn::Conv2d(nn::Conv2dOptions(8, 8, 3).padding(1).groups(2).bias(false)))),
          act(register_module("act", nn::PReLU())), pool(register_module("pool", nn::AdaptiveAvgPool2d(2))),
          norm(register_module("norm", nn::BatchNorm1d(32))), drop(register_module("drop", nn::Dropout())),
          last(register_module("last", nn::Linear(32, 5))) {}

    Tensor forward(const Tensor &image) {
        const Tensor x = stem->forward(image);
        const Tensor y = torch::hardtanh(act->forward(x + wide->forward(x)), -2.0, 3.0);
        return last->forward(drop->forward(norm->forward(pool->forward(y).flatten(1))));
    }

    Sequential stem;
    nn::Conv2d wide;
    nn::PReLU act;
    nn::AdaptiveAvgPool2d pool;
    nn::BatchNorm1d norm;
    nn::Dropout drop;
    nn::Linear last;
};
TORCH_MODULE(FloatEnds);

void layers_of_floats_are_exported_within_the_tolerance() {
    FloatEnds net;
    const Tensor images = bytes({16, 3, 8, 8});
    train(net, images);
    const auto describe = [&](auto &g, auto x) {
        x = g.apply(net->stem, x);
        x = g.clamp(g.apply(net->act, g.add(x, g.apply(net->wide, x))), -2.0, 3.0);
        return g.apply(net->last, g.apply(net->drop, g.apply(net->norm, g.flatten(g.apply(net->pool, x)))));
    };
    const auto file = export_graph(net, images, describe, ExportOptions().tolerance(1e-5));
    const Tensor scores = evaluated(net, images);
    EXPECT((outputs_of(file, images) - scores).abs().max().item<float>() <= 1e-5 * scores.abs().max().item<float>());
}

// A Sequential describes itself: each kind of module after a stem whose numbers are those of the
// file.
void every_module_gives_the_same_bits() {
    const auto expect_equal = [](const char *what, auto... modules) {
        Sequential net(SignWeightConv2d(SignWeightConv2dOptions(3, 6, 3).padding(1).bias(false)), BatchNorm2d(6), modules...);
        {
            const torch::NoGradGuard no_grad;
            for (const Tensor &p : net->parameters()) {
                p.copy_(torch::randn(p.sizes()));
            }
            net[1]->as<BatchNorm2d>()->running_var.fill_(900.0);
        }
        const Tensor x = bytes({10, 3, 8, 8});
        const auto file = export_graph(net, x, [&](auto &g, auto y) { return g.apply(net, y); });
        const Tensor y = evaluated(net, x);
        const Tensor rows = (y.dim() == 4 ? y.permute({0, 2, 3, 1}) : y).flatten(1);
        EXPECT_FOR(what, torch::equal(outputs_of(file, x), rows));
    };
    expect_equal("ReLU", nn::ReLU());
    expect_equal("ReLU6", nn::ReLU6());
    expect_equal("LeakyReLU", nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(0.3)));
    expect_equal("PReLU of channels", nn::PReLU(nn::PReLUOptions().num_parameters(6)));
    expect_equal("PReLU", nn::PReLU());
    expect_equal("Hardtanh", nn::Hardtanh(nn::HardtanhOptions().min_val(-1.5).max_val(2.0)));
    expect_equal("MaxPool2d", nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(2).padding(1)));
    expect_equal("AvgPool2d", nn::AvgPool2d(nn::AvgPool2dOptions({2, 3}).stride({2, 1})));
    expect_equal("padded AvgPool2d", nn::AvgPool2d(nn::AvgPool2dOptions(3).stride(2).padding(1).count_include_pad(false)));
    expect_equal("AdaptiveAvgPool2d", nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions({4, 2})));
    expect_equal("nothing", nn::Identity(), nn::Dropout(), nn::Dropout2d());
    expect_equal("grouped convolution", BinaryConv2d(BinaryConv2dOptions(6, 4, {3, 2}).stride({2, 1}).groups(2).scale(true)));
    expect_equal("padding with signs", BinaryConv2d(BinaryConv2dOptions(6, 4, 3).padding(1).pad_value(BNN_PAD_MINUS_ONE)));
    expect_equal("flattened images", nn::Flatten(), BatchNorm1d(6 * 64), nn::PReLU(nn::PReLUOptions().num_parameters(6 * 64)),
                 BinaryLinear(6 * 64, 5));
}

// Signs of weights times floats are sums of floats.
void signs_of_weights_on_floats_are_exported_within_the_tolerance() {
    Sequential net(SignWeightConv2d(SignWeightConv2dOptions(3, 6, 3).padding(1).bias(false)), BatchNorm2d(6),
                   SignWeightConv2d(SignWeightConv2dOptions(6, 8, 3)), BatchNorm2d(8), nn::Flatten(),
                   SignWeightLinear(8 * 36, 5));
    const Tensor x = bytes({16, 3, 8, 8});
    train(net, x);
    const auto describe = [&](auto &g, auto y) { return g.apply(net, y); };
    const auto file = export_graph(net, x, describe, ExportOptions().tolerance(1e-5));
    const Tensor scores = evaluated(net, x);
    EXPECT((outputs_of(file, x) - scores).abs().max().item<float>() <= 1e-5 * scores.abs().max().item<float>());
}

// A `forward` that changes the samples: the file takes them as they were.
struct InPlaceImpl : nn::Module {
    Tensor forward(Tensor x) { return last->forward(x.clamp_(0.0, 100.0)); }

    SignWeightLinear last = register_module("last", SignWeightLinear(6, 3));
};
TORCH_MODULE(InPlace);

void a_forward_in_place_is_compared_on_the_samples_as_they_were() {
    InPlace net;
    // Of each sample one number is clamped, so that no output stays as it was.
    const Tensor x = 255.0 * torch::eye(6), before = x.clone();
    const auto left_out = [&](auto &g, auto y) { return g.apply(net->last, y); };
    EXPECT_REFUSED("differ in 6 of 6 samples, by up to 155; does `forward` compute what the description says?",
                   export_graph(net, x, left_out));
    EXPECT(torch::equal(x, before));
    EXPECT(!export_graph(net, x.clamp(0.0, 100.0), left_out).empty());
}

// The network may be a single layer; 65793 * 255 = 2^24 - 1.
void sums_of_bytes_beyond_what_floats_hold_are_refused() {
    const auto exported = [](int64_t inputs) {
        SignWeightLinear net(inputs, 1);
        return export_graph(net, bytes({1, inputs}), [&](auto &g, auto x) { return g.apply(net, x); });
    };
    EXPECT(!exported(65793).empty());
    EXPECT_REFUSED("layer `the network` (bnn::torch::SignWeightLinear) cannot be exported: its sums can exceed 2^24",
                   exported(65794));
}

// Two images of different sizes as one row, in LibTorch's order and in that of a file.
struct JoinedImpl : nn::Module {
    JoinedImpl()
        : stem(register_module("stem", Sequential(SignWeightConv2d(SignWeightConv2dOptions(3, 4, 3).padding(1).bias(false)),
                                                  BatchNorm2d(4)))),
          pool(register_module("pool", nn::MaxPool2d(2))), norm(register_module("norm", BatchNorm1d(4 * 16 + 4 * 4 + 5))),
          thin(register_module("thin", BinaryLinear(4 * 16, 5))), last(register_module("last", BinaryLinear(4 * 16 + 4 * 4 + 5, 3))) {}

    Tensor forward(const Tensor &x) {
        const Tensor wide = pool->forward(stem->forward(x)), narrow = pool->forward(wide);
        const Tensor flat = wide.flatten(1);
        return last->forward(norm->forward(torch::cat({torch::cat({narrow.flatten(1), thin->forward(flat)}, 1), flat}, 1)));
    }

    Sequential stem;
    nn::MaxPool2d pool;
    BatchNorm1d norm;
    BinaryLinear thin, last;
};
TORCH_MODULE(Joined);

void joined_rows_of_flattened_images_keep_their_weights() {
    Joined net;
    const Tensor x = bytes({12, 3, 8, 8});
    train(net, x);
    const auto file = export_graph(net, x, [&](auto &g, auto y) {
        const auto wide = g.apply(net->pool, g.apply(net->stem, y)), narrow = g.apply(net->pool, wide);
        const auto flat = g.flatten(wide);
        return g.apply(net->last, g.apply(net->norm, g.concat(g.concat(g.flatten(narrow), g.apply(net->thin, flat)), flat)));
    });
    EXPECT(torch::equal(outputs_of(file, x), evaluated(net, x)));
}

// A file that takes the signs of its samples, rows, and a network of rows.
void networks_of_rows_and_of_bits_are_exported() {
    Sequential parts(BinaryLinear(20, 20), BatchNorm1d(20));
    BinaryLinear last(bnn::torch::BinaryLinearOptions(20, 4).bias(false));
    struct SkipImpl : nn::Module {
        SkipImpl(const Sequential &a, const BinaryLinear &b)
            : parts(register_module("parts", a)), last(register_module("last", b)) {}
        Tensor forward(const Tensor &x) {
            const Tensor y = parts->forward(x);
            return last->forward(y + torch::relu(y));
        }
        Sequential parts;
        BinaryLinear last;
    };
    nn::ModuleHolder<SkipImpl> net(std::make_shared<SkipImpl>(parts, last));
    const Tensor x = numbers({30, 20});
    const auto describe = [&](auto &g, auto y) {
        y = g.apply(parts, y);
        return g.apply(last, g.add(y, g.relu(y)));
    };
    const auto file = export_graph(net, x, describe, ExportOptions().input_bits(0));
    const bnn::BitMatrix bits(bnn::torch::detail::read(x), 30, 20);
    const auto y = bnn::Model(file).run<float>(bits.words());
    net->eval();
    EXPECT(torch::equal(torch::tensor(y).view({30, 4}), net->forward(x).detach()));
    EXPECT_REFUSED("layer `parts.0` (bnn::torch::BinaryLinear) cannot be exported: it takes signs, and those of bytes are all +1",
                   export_graph(net, x, describe));
}

void what_a_description_leaves_out_or_makes_up_is_refused() {
    Residual net;
    const Tensor x = bytes({4, 3, 8, 8});
    EXPECT_REFUSED("`second.after` of the network was not exported", export_graph(net, x, [&](auto &g, auto y) {
                       y = net->first->describe(g, g.apply(net->stem, y));
                       auto &block = net->second;
                       y = g.add(g.apply(block->norm, g.apply(block->conv, y)), g.concat(g.apply(block->pool, y), g.apply(block->pool, y)));
                       y = g.rprelu(y, block->before, block->slope, {});
                       return g.apply(net->head, g.flatten(y));
                   }));
    // Of many the first in the network's order.
    EXPECT_REFUSED("`stem.0.weight` of the network was not exported",
                   export_graph(net, x, [](auto &g, auto y) { return g.relu(y); }));
    // The shifts are taken account of, but are not what the network computes: whatever its weights
    // are, the second block gives negative numbers, and positive ones without its last shift.
    {
        const torch::NoGradGuard no_grad;
        net->second->before.fill_(1e6);
        net->second->after.fill_(-2e6);
        net->head[0]->as<BinaryLinear>()->weight.fill_(1.0);
    }
    EXPECT_REFUSED("bnn: file and network differ in 4 of 4 samples", export_graph(net, x, [&](auto &g, auto y) {
                       y = net->first->describe(g, g.apply(net->stem, y));
                       g.uses(net->second->after);
                       auto &block = net->second;
                       auto shortcut = g.apply(block->pool, y);
                       y = g.add(g.apply(block->norm, g.apply(block->conv, y)), g.concat(shortcut, shortcut));
                       return g.apply(net->head, g.flatten(g.rprelu(y, block->before, block->slope, {})));
                   }));
    const auto part = [&](const auto &describe) {
        return export_graph(net->stem, x, [&](auto &g, auto y) { return describe(g, g.apply(net->stem, y)); });
    };
    EXPECT(!part([](auto &, auto y) { return y; }).empty());
    EXPECT_REFUSED("the description returns node 0, expected the last one", part([](auto &g, auto) { return g.input(); }));
    EXPECT_REFUSED("ends with images that were flattened", part([](auto &g, auto y) { return g.flatten(y); }));
    EXPECT_REFUSED("node 2 is [8, 8, 8] of f32, node 3 is [1, 1, 8] of f32: expected one shape",
                   part([](auto &g, auto y) { return g.add(y, g.average_pool(y)); }));
    EXPECT_REFUSED("a sum of images that were flattened", part([](auto &g, auto y) {
                       return g.add(g.flatten(y), g.concat(g.flatten(y), g.flatten(y)));
                   }));
    EXPECT_REFUSED("scale: expected 8 elements, found 3",
                   part([](auto &g, auto y) { return g.affine(y, torch::ones({3}), {}); }));
    const auto applied = [&](auto module) { return part([&](auto &g, auto y) { return g.apply(module, y); }); };
    EXPECT_REFUSED("layer `not of the network` (torch::nn::Softmax) cannot be exported: a graph holds nothing of this kind",
                   applied(nn::Softmax(1)));
    EXPECT_REFUSED("it takes rows; expected a Flatten before it", applied(nn::Linear(8, 2)));
    EXPECT_REFUSED("running_mean: expected 8 elements, found 9", applied(nn::BatchNorm2d(9)));
    EXPECT_REFUSED("count_include_pad false where there is padding",
                   applied(nn::AvgPool2d(nn::AvgPool2dOptions(2).padding(1))));
    EXPECT_REFUSED("expected an output size that divides images of 8 pixels, found 3", applied(nn::AdaptiveAvgPool2d(3)));
    EXPECT_REFUSED("input_bits: expected 0 to 8, found 9",
                   export_graph(net, x, [&](auto &g, auto y) { return net->describe(g, y); }, ExportOptions().input_bits(9)));
    EXPECT_REFUSED("expected integers from 0 to 255",
                   export_graph(net, x / 255.0, [&](auto &g, auto y) { return net->describe(g, y); }));
}

} // namespace

void test_graph() {
    a_trained_residual_network_is_exported_bit_for_bit();
    layers_of_floats_are_exported_within_the_tolerance();
    every_module_gives_the_same_bits();
    signs_of_weights_on_floats_are_exported_within_the_tolerance();
    a_forward_in_place_is_compared_on_the_samples_as_they_were();
    sums_of_bytes_beyond_what_floats_hold_are_refused();
    joined_rows_of_flattened_images_keep_their_weights();
    networks_of_rows_and_of_bits_are_exported();
    what_a_description_leaves_out_or_makes_up_is_refused();
}
