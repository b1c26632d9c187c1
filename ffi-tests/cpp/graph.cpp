// Graphs: a residual network gives what its layers give one by one; what no graph holds is refused.
#include "check.hpp"

#include <algorithm>
#include <cmath>

namespace {

using Node = bnn::GraphBuilder::Node;

constexpr std::size_t HEIGHT = 6, WIDTH = 5, CHANNELS = 4, PIXELS = HEIGHT * WIDTH, OUTPUTS = 3, SAMPLES = 7;

bnn::Conv2dOptions windows() {
    bnn::Conv2dOptions options;
    options.outputs = CHANNELS;
    options.kernel_height = options.kernel_width = 3;
    options.pad_top = options.pad_bottom = options.pad_left = options.pad_right = 1;
    return options;
}

struct Residual {
    std::vector<float> w1 = numbers(CHANNELS * 9 * CHANNELS, 1), w2 = numbers(CHANNELS * 9 * CHANNELS, 2);
    std::vector<float> scale = {0.5f, -2.0f, 1.0f, 0.25f}, bias = {1.0f, 0.0f, -3.0f, 0.5f};
    std::vector<float> mean = {1.0f, -2.0f, 0.0f, 4.0f}, var = {4.0f, 1.0f, 9.0f, 2.0f};
    std::vector<float> head = numbers(OUTPUTS * CHANNELS, 3), last = {0.5f, 0.0f, -1.0f};
    std::vector<std::uint64_t> x;

    Residual() {
        const std::vector<float> signs = numbers(SAMPLES * PIXELS * CHANNELS, 4);
        const bnn::BitMatrix packed(signs, SAMPLES * PIXELS, CHANNELS);
        x.assign(packed.words().begin(), packed.words().end());
    }

    std::vector<std::uint8_t> file() const {
        auto g = bnn::GraphBuilder::of_bits({HEIGHT, WIDTH, CHANNELS});
        g.meta("name=residual").class_names({"a", "b", "c"});
        Node y = g.conv2d(g.input(), windows(), bnn::Weights::signs(w1), {scale, bias});
        const bnn::BitMatrix packed(w2, CHANNELS, 9 * CHANNELS);
        const Node z = g.conv2d(g.sign(y), windows(), bnn::Weights::bits(packed));
        y = g.relu(g.add(y, g.batch_norm(z, {mean, var, {}, bias, 0.0f})));
        CHECK((g.shape(y) == bnn::GraphBuilder::Shape{HEIGHT, WIDTH, CHANNELS}));
        CHECK(g.element(y) == BNN_ELEMENT_F32 && g.element(g.input()) == BNN_ELEMENT_BITS);
        g.linear(g.average_pool2d(y), OUTPUTS, bnn::Weights::reals(head), {{}, last});
        return g.finish();
    }

    // The scores by the layers of this library, an operation at a time.
    std::vector<float> scores() const {
        bnn::Conv2dOptions options = windows();
        options.height = HEIGHT;
        options.width = WIDTH;
        options.channels = CHANNELS;
        std::vector<float> signs = numbers(SAMPLES * PIXELS * CHANNELS, 4);
        const std::vector<float> y = bnn::Conv2d(options, w1, {scale, bias}).forward(signs);
        std::vector<float> z = bnn::Conv2d(options, w2).forward(y), all;
        for (std::size_t i = 0; i < z.size(); i++) {
            const std::size_t c = i % CHANNELS;
            const volatile float factor = 1.0f / std::sqrt(var[c]), shift = mean[c] * factor, product = factor * z[i];
            const volatile float norm = product + (bias[c] - shift);
            z[i] = std::max(y[i] + norm, 0.0f);
        }
        for (std::size_t sample = 0; sample < SAMPLES; sample++) {
            for (std::size_t j = 0; j < OUTPUTS; j++) {
                volatile float sum = 0.0f;
                for (std::size_t c = 0; c < CHANNELS; c++) {
                    volatile float pooled = 0.0f;
                    for (std::size_t pixel = 0; pixel < PIXELS; pixel++) {
                        pooled = pooled + z[(sample * PIXELS + pixel) * CHANNELS + c];
                    }
                    pooled = pooled / static_cast<float>(PIXELS);
                    const volatile float product = pooled * head[j * CHANNELS + c];
                    sum = sum + product;
                }
                all.push_back(sum + last[j]);
            }
        }
        return all;
    }
};

void a_residual_network_gives_what_its_layers_give() {
    const Residual network;
    const std::vector<std::uint8_t> file = network.file();
    CHECK(bnn::PackedModel(file).run<float>(network.x) == network.scores());
    CHECK(bnn::Model(file).run<float>(network.x) == network.scores());
    CHECK(bnn::Model(file).meta() == "name=residual\nclass.0=a\nclass.1=b\nclass.2=c\n");
    CHECK(bnn::Model(file).class_name(2) == "c");
}

// All that the network above does not have: nodes of bytes and of bits.
void every_other_node_computes_what_it_says() {
    const std::vector<std::uint8_t> x = {3, 200, 7, 0};
    const auto scores = [&](const auto &describe) {
        auto g = bnn::GraphBuilder::of_bytes(8, {2, 2, 1});
        describe(g, g.affine(g.input(), {std::vector<float>{0.5f}, std::vector<float>{-2.0f}}));
        const auto file = g.finish();
        return bnn::PackedModel(file).run<float>(x);
    };
    using Scores = std::vector<float>;
    const Scores half = {0.5f}, one = {1.0f}, two = {2.0f};
    // -0.5, 98, 1.5, -2
    CHECK((scores([](auto &g, Node y) { g.clamp(y, -1.0f, 2.0f); }) == Scores{-0.5f, 2.0f, 1.5f, -1.0f}));
    CHECK((scores([&](auto &g, Node y) { g.prelu(y, half); }) == Scores{-0.25f, 98.0f, 1.5f, -1.0f}));
    CHECK((scores([&](auto &g, Node y) { g.rprelu(y, one, half, two); }) == Scores{2.5f, 101.0f, 4.5f, 1.5f}));
    CHECK((scores([&](auto &g, Node y) { g.rprelu(y, {}, half, two); }) == Scores{1.75f, 100.0f, 3.5f, 1.0f}));
    CHECK((scores([](auto &g, Node y) { g.concat(y, g.relu(y)); }) ==
           Scores{-0.5f, 0.0f, 98.0f, 98.0f, 1.5f, 1.5f, -2.0f, 0.0f}));
    CHECK((scores([](auto &g, Node y) { g.max_pool2d(y); }) == Scores{98.0f}));
    CHECK((scores([](auto &g, Node y) { g.flatten(y); }) == Scores{-0.5f, 98.0f, 1.5f, -2.0f}));
    const std::vector<std::int8_t> weights = {1, -2, 100, -128};
    CHECK((scores([&](auto &g, Node y) { g.linear(y, 1, bnn::Weights::i8(weights), {two, one}); }) ==
           Scores{2.0f * (-0.5f - 196.0f + 150.0f + 256.0f) + 1.0f}));

    auto g = bnn::GraphBuilder::of_bytes(8, {2, 2, 1});
    const std::vector<std::int32_t> seven = {7}, sums = {200, 1000};
    const std::vector<float> w = {1.0f, 1.0f, 1.0f, -1.0f, 1.0f, -1.0f, 1.0f, -1.0f};
    bnn::Conv2dOptions whole;
    whole.outputs = 2;
    const Node signs = g.flatten(g.sign(g.input(), seven)); // - + + -
    g.concat(signs, g.conv2d_threshold(g.input(), whole, bnn::Weights::signs(w), sums)); // 210, -190: + -
    CHECK(bnn::PackedModel(g.finish()).run<std::uint64_t>(x)[0] == 0x16);
}

void nodes_of_fixed_point_compute_what_they_say() {
    auto g = bnn::GraphBuilder::of_bytes(8, {2, 2, 1});
    const std::vector<std::uint8_t> x = {3, 200, 7, 0};
    const std::vector<std::int32_t> three = {3}, minus = {-100}, half = {1}, none = {0};
    const std::vector<std::int8_t> weights = {1, 1, -1, 2};
    const Node y = g.affine_fixed(g.input(), {BNN_ELEMENT_I16, 1, 1}, three, minus); // -95, 200, -89, -100
    CHECK(g.element(y) == BNN_ELEMENT_I16);
    const Node z = g.rprelu_fixed(y, {}, half, half, 1); // -46, 201, -43, -49
    const Node sum = g.clamp_fixed(g.add_fixed(y, z, 1), -140, 300); // -140, 300, -132, -140
    bnn::Conv2dOptions whole;
    whole.outputs = 1;
    g.conv2d_fixed(sum, whole, bnn::Weights::i8(weights), {BNN_ELEMENT_I32, 1, 0}, three, none);
    CHECK(bnn::PackedModel(g.finish()).run<std::int32_t>(x) == std::vector<std::int32_t>{3 * (-140 + 300 + 132 - 280)});
}

void what_no_graph_holds_is_refused() {
    auto g = bnn::GraphBuilder::of_bytes(8, {2, 2, 1});
    const std::vector<float> one = {1.0f}, two = {1.0f, 2.0f}, w = numbers(8, 1);
    CHECK_ERROR(BNN_ERROR_LAYER, "the graph has no nodes", g.finish());
    CHECK_ERROR(BNN_ERROR_RANGE, "x: expected at most 0, found 5", g.relu(5));
    CHECK_ERROR(BNN_ERROR_LAYER, "x is node 0, of u8, expected f32", g.relu(g.input()));
    CHECK_ERROR(BNN_ERROR_LAYER, "n is 2, expected 1", g.affine(g.input(), {two, {}}));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "bias: expected 2 elements, found 1", g.affine(g.input(), {two, one}));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "w: expected 4 elements, found 8", g.linear(g.input(), 1, bnn::Weights::signs(w)));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "scale: expected 2 elements, found 1",
                g.linear(g.input(), 2, bnn::Weights::signs(w), {one, {}}));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "before: expected 1 elements, found 2", g.rprelu(g.input(), two, one, {}));
    const Node y = g.linear(g.input(), 2, bnn::Weights::signs(w));
    CHECK_ERROR(BNN_ERROR_LAYER, "expected one shape", g.add(y, g.affine(g.input(), {one, {}})));
    CHECK_ERROR(BNN_ERROR_RANGE, "height: expected at most 65535", bnn::GraphBuilder::of_bytes(8, {65536, 1, 1}));
}

// A row starts on a word, so that signs of another number of rows have fewer words than the library
// reads, though they are as many.
void packed_weights_of_another_number_of_rows_are_refused() {
    auto g = bnn::GraphBuilder::of_bits({1, 1, 2});
    const std::vector<float> w = numbers(6, 1);
    const std::vector<std::int32_t> three(3, 1);
    const bnn::BitMatrix row(w, 1, 6), turned(w, 2, 3), right(w, 3, 2);
    bnn::Conv2dOptions dense;
    dense.outputs = 3;
    const char *expected = "rows of w: expected 3 elements, found 1";
    CHECK_ERROR(BNN_ERROR_MISMATCH, expected, g.linear(g.input(), 3, bnn::Weights::bits(row)));
    CHECK_ERROR(BNN_ERROR_MISMATCH, expected, g.conv2d(g.input(), dense, bnn::Weights::bits(row)));
    CHECK_ERROR(BNN_ERROR_MISMATCH, expected, g.conv2d_threshold(g.input(), dense, bnn::Weights::bits(row), three));
    CHECK_ERROR(BNN_ERROR_MISMATCH, expected,
                g.conv2d_fixed(g.input(), dense, bnn::Weights::bits(row), {BNN_ELEMENT_I32, 1, 0}, three, three));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "found 2", g.linear(g.input(), 3, bnn::Weights::bits(turned)));
    CHECK(g.linear(g.input(), 3, bnn::Weights::bits(right)) == 1);
}

// What a container was emptied of is still in its memory; "none" is none all the same.
void emptied_containers_are_none() {
    const std::vector<std::uint8_t> x = {2};
    const std::vector<float> half = {0.5f};
    std::vector<float> emptied(8, 100.0f);
    std::vector<std::int32_t> integers(8, 100);
    emptied.clear();
    integers.clear();
    auto g = bnn::GraphBuilder::of_bytes(8, {1, 1, 1});
    g.rprelu(g.affine(g.input(), {half, emptied}), emptied, half, emptied);
    CHECK(bnn::PackedModel(g.finish()).run<float>(x) == std::vector<float>{1.0f});

    auto of_fixed = bnn::GraphBuilder::of_bytes(8, {1, 1, 1});
    const std::vector<std::int32_t> one = {1}, none = {0};
    const Node y = of_fixed.affine_fixed(of_fixed.input(), {BNN_ELEMENT_I16, 0, 0}, one, none);
    const Node z = of_fixed.rprelu_fixed(y, integers, one, integers, 0);
    of_fixed.affine_fixed(z, {BNN_ELEMENT_I32, 0, 0}, one, none);
    CHECK(bnn::PackedModel(of_fixed.finish()).run<std::int32_t>(x) == std::vector<std::int32_t>{2});
}

} // namespace

void test_graph() {
    a_residual_network_gives_what_its_layers_give();
    every_other_node_computes_what_it_says();
    nodes_of_fixed_point_compute_what_they_say();
    what_no_graph_holds_is_refused();
    packed_weights_of_another_number_of_rows_are_refused();
    emptied_containers_are_none();
}
