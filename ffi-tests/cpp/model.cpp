// Model files: what the builder writes runs as the definition says; wrong files and calls are
// refused.
#include "check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

namespace {

constexpr std::size_t SAMPLES = 9, INPUTS = 70, HIDDEN = 13, OUTPUTS = 3;

struct Network {
    std::vector<float> w1 = numbers(HIDDEN * INPUTS, 1), w2 = numbers(OUTPUTS * HIDDEN, 2);
    std::vector<float> mean, var, gamma, beta, scale = {0.5f, 2.0f, -1.0f}, bias = {1.0f, 0.0f, 3.0f};
    std::vector<std::uint8_t> x;

    Network() {
        for (std::size_t j = 0; j < HIDDEN; j++) {
            mean.push_back(static_cast<float>(j) * 3.0f - 20.0f);
            var.push_back(static_cast<float>(100 + j));
            gamma.push_back(j % 2 == 0 ? 0.5f : -0.75f);
            beta.push_back(static_cast<float>(j) * 0.1f - 0.5f);
        }
        for (std::size_t i = 0; i < SAMPLES * INPUTS; i++) {
            x.push_back(static_cast<std::uint8_t>(i * 37 % 256));
        }
    }

    std::vector<std::uint8_t> file() const {
        return bnn::Builder::of_bytes(8)
            .meta("name=test\n")
            .linear(w1, HIDDEN, INPUTS)
            .batch_norm({mean, var, gamma, beta, 1e-5f})
            .linear(w2, OUTPUTS, HIDDEN)
            .affine({scale, bias})
            .finish();
    }

    // The scores by the formulas of bnn.h, an operation at a time.
    std::vector<float> scores() const {
        std::vector<float> all;
        for (std::size_t i = 0; i < SAMPLES; i++) {
            float hidden[HIDDEN];
            for (std::size_t j = 0; j < HIDDEN; j++) {
                float sum = 0.0f;
                for (std::size_t l = 0; l < INPUTS; l++) {
                    sum += static_cast<float>(x[i * INPUTS + l]) * sign(w1[j * INPUTS + l]);
                }
                const volatile float factor = gamma[j] / std::sqrt(var[j] + 1e-5f);
                const volatile float shift = mean[j] * factor, product = factor * sum;
                hidden[j] = sign(product + (beta[j] - shift));
            }
            for (std::size_t j = 0; j < OUTPUTS; j++) {
                float sum = 0.0f;
                for (std::size_t l = 0; l < HIDDEN; l++) {
                    sum += hidden[l] * sign(w2[j * HIDDEN + l]);
                }
                all.push_back(scale[j] * sum + bias[j]);
            }
        }
        return all;
    }
};

void a_built_model_runs_as_its_formulas_say() {
    const Network network;
    const bnn::Model model(network.file());
    CHECK(model.input().elements == INPUTS && model.input().element == BNN_ELEMENT_U8);
    CHECK(model.output().elements == OUTPUTS && model.output().element == BNN_ELEMENT_F32);
    CHECK(model.run<float>(network.x) == network.scores());

    // Copies and moved ones have a file of their own.
    bnn::Model copy(model);
    {
        bnn::Model other(network.file());
        copy = other;
        other = std::move(copy);
        copy = other;
    }
    bnn::Model::Scratch scratch;
    std::vector<float> y(SAMPLES * OUTPUTS);
    copy.run<std::uint8_t, float>(network.x, y, scratch);
    CHECK(y == network.scores());
}

void a_packed_model_runs_as_the_model() {
    const Network network;
    const auto file = network.file();
    const bnn::PackedModel packed(file);
    CHECK(packed.input().elements == INPUTS && packed.output().element == BNN_ELEMENT_F32);
    CHECK(packed.input_shape()[2] == INPUTS && packed.output_shape()[2] == OUTPUTS);
    CHECK(packed.meta() == "name=test\n" && packed.class_name(2) == "2");
    CHECK(bnn_model_layers(packed.view()) == 2 && packed.get() != nullptr);
    CHECK(packed.run<float>(network.x) == network.scores());
    const bnn::PackedModel::Memory memory = packed.memory(SAMPLES);
    CHECK(memory.weights > 0 && memory.workspace > 0);
    CHECK_ERROR(BNN_ERROR_ZERO, "samples", packed.memory(0));
    std::vector<float> y(SAMPLES * OUTPUTS);
    packed.run<std::uint8_t, float>(network.x, y);
    CHECK(y == network.scores());

    std::vector<std::uint64_t> words((file.size() + 7) / 8);
    std::copy(file.begin(), file.end(), reinterpret_cast<std::uint8_t *>(words.data()));
    const bnn::Span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t *>(words.data()), file.size());
    bnn::PackedModel borrowing = bnn::PackedModel::borrowing(bytes);
    bnn::PackedModel moved = std::move(borrowing);
    borrowing = bnn::PackedModel(file);
    CHECK(moved.run<float>(network.x) == network.scores());
    CHECK(borrowing.run<float>(network.x) == network.scores());

    CHECK_ERROR(BNN_ERROR_FILE, "/nowhere/at/all", bnn::PackedModel::from_file("/nowhere/at/all"));
    CHECK_ERROR(BNN_ERROR_NULL, "bytes is NULL", bnn::PackedModel(bnn::Span<const std::uint8_t>()));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "input", packed.run<float>(std::vector<std::uint8_t>(INPUTS + 1)));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "output", packed.run<std::int32_t>(network.x));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "output", packed.run<std::uint8_t, float>(network.x, bnn::Span<float>(y.data(), 1)));
}

void bits_in_and_sums_and_bits_out() {
    const auto x = numbers(4 * 65, 1), w = numbers(3 * 65, 2);
    const bnn::BitMatrix bits(x, 4, 65), weights(w, 3, 65);
    const auto sums = bnn::multiply(bits, weights);
    const bnn::Model product(bnn::Builder::of_bits().linear(w, 3, 65).finish());
    CHECK(product.run<std::int32_t>(bits.words()) == sums);
    const bnn::Model signs(bnn::Builder::of_bits().linear(w, 3, 65).sign().finish());
    const auto out = signs.run<std::uint64_t>(bits.words());
    for (std::size_t i = 0; i < 4; i++) {
        for (std::size_t j = 0; j < 3; j++) {
            CHECK((out[i] >> j & 1) == (sums[i * 3 + j] >= 0 ? 1u : 0u));
        }
    }
}

void bytes_become_bits_by_thresholds() {
    const auto w = numbers(3 * 65, 2);
    std::vector<std::uint8_t> x(4 * 65), thresholds(65);
    std::vector<float> signs(x.size());
    for (std::size_t i = 0; i < thresholds.size(); i++) {
        thresholds[i] = static_cast<std::uint8_t>(i * 37);
    }
    for (std::size_t i = 0; i < x.size(); i++) {
        x[i] = static_cast<std::uint8_t>(i * 29);
        signs[i] = x[i] >= thresholds[i % 65] ? 1.0f : -1.0f;
    }
    const bnn::Model model(bnn::Builder::of_thresholds(thresholds).linear(w, 3, 65).finish());
    CHECK(model.input().element == BNN_ELEMENT_U8 && model.input().element_bits == 8);
    const auto expected = bnn::multiply(bnn::BitMatrix(signs, 4, 65), bnn::BitMatrix(w, 3, 65));
    CHECK(model.run<std::int32_t>(x) == expected);
    CHECK_ERROR(BNN_ERROR_NULL, "thresholds is NULL", bnn::Builder::of_thresholds({}));
    CHECK_ERROR(BNN_ERROR_LAYER, "", bnn::Builder::of_thresholds(thresholds).linear(w, 5, 39));
}

// Images of bytes: a padded convolution of the numbers, a batch norm, a pool, a convolution of the
// signs, a dense layer.
void a_built_model_of_images_runs_as_its_formulas_say() {
    constexpr std::size_t HEIGHT = 6, WIDTH = 4, CHANNELS = 3, FIRST = 5, SECOND = 2, OUT = 3;
    const auto w1 = numbers(FIRST * 9 * CHANNELS, 1), w2 = numbers(SECOND * 4 * FIRST, 2);
    const auto w3 = numbers(OUT * 2 * 3 * SECOND, 3);
    const std::vector<float> scale = {0.5f, -1.0f, 2.0f, -0.25f, 1.0f}, bias = {1.0f, 20.0f, -30.0f, 4.0f, 0.0f};
    bnn::Conv2dOptions first, second;
    first.height = HEIGHT, first.width = WIDTH, first.channels = CHANNELS, first.outputs = FIRST;
    first.kernel_height = first.kernel_width = 3;
    first.pad_top = first.pad_bottom = first.pad_left = first.pad_right = 1;
    second.height = HEIGHT / 2, second.width = WIDTH, second.channels = FIRST, second.outputs = SECOND;
    second.kernel_height = second.kernel_width = 2;
    bnn::Pool2dOptions pool;
    pool.kernel_height = 2, pool.kernel_width = 1;

    auto builder = bnn::Builder::of_bytes(4);
    builder.image(HEIGHT, WIDTH, CHANNELS);
    CHECK_ERROR(BNN_ERROR_LAYER, "images [3, 4, 5], expected [6, 4, 3]", builder.conv2d(second, w2));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "w: expected 135 elements", builder.conv2d(first, w2));
    builder.conv2d(first, w1).affine({scale, bias}).max_pool2d(pool).conv2d(second, w2);
    builder.threshold(std::vector<std::int32_t>{3, -2}).flatten().linear(w3, OUT, 2 * 3 * SECOND);
    const bnn::Model model(builder.finish());
    CHECK(model.input_shape() == (std::array<std::size_t, 3>{HEIGHT, WIDTH, CHANNELS}));

    std::vector<std::uint8_t> x(HEIGHT * WIDTH * CHANNELS);
    for (std::size_t i = 0; i < x.size(); i++) {
        x[i] = static_cast<std::uint8_t>(i * 7 % 16);
    }
    const auto pixel = [&](std::size_t row, std::size_t col, std::size_t channel) {
        const bool inside = row < HEIGHT && col < WIDTH; // -1 wraps around
        return inside ? static_cast<float>(x[(row * WIDTH + col) * CHANNELS + channel]) : 0.0f;
    };
    float pooled[HEIGHT / 2][WIDTH][FIRST];
    for (std::size_t i = 0; i < HEIGHT; i++) {
        for (std::size_t j = 0; j < WIDTH; j++) {
            for (std::size_t o = 0; o < FIRST; o++) {
                float sum = 0.0f;
                for (std::size_t tap = 0; tap < 9 * CHANNELS; tap++) {
                    const std::size_t row = i + tap / (3 * CHANNELS) - 1, col = j + tap / CHANNELS % 3 - 1;
                    sum += pixel(row, col, tap % CHANNELS) * sign(w1[o * 9 * CHANNELS + tap]);
                }
                const float plus = sign(scale[o] * sum + bias[o]);
                float &largest = pooled[i / 2][j][o];
                largest = i % 2 == 0 ? plus : std::fmax(largest, plus);
            }
        }
    }
    std::vector<float> flat;
    for (std::size_t i = 0; i < 2; i++) {
        for (std::size_t j = 0; j < 3; j++) {
            for (std::size_t o = 0; o < SECOND; o++) {
                float sum = 0.0f;
                for (std::size_t tap = 0; tap < 4 * FIRST; tap++) {
                    const std::size_t row = i + tap / (2 * FIRST), col = j + tap / FIRST % 2;
                    sum += pooled[row][col][tap % FIRST] * sign(w2[o * 4 * FIRST + tap]);
                }
                flat.push_back(sign(sum - (o == 0 ? 3.0f : -2.0f)));
            }
        }
    }
    std::vector<std::int32_t> expected;
    for (std::size_t o = 0; o < OUT; o++) {
        float sum = 0.0f;
        for (std::size_t i = 0; i < flat.size(); i++) {
            sum += flat[i] * sign(w3[o * flat.size() + i]);
        }
        expected.push_back(static_cast<std::int32_t>(sum));
    }
    CHECK(model.run<std::int32_t>(x) == expected);
}

void affine_steps_compose() {
    const auto x = numbers(20 * 65, 1), w = numbers(3 * 65, 2);
    const std::vector<float> bias = {0.3f, -5.1f, 2.7f}, scale = {0.1f, -0.7f, 3.0f}, shift = {0.2f, -1.0f, -4.4f};
    const bnn::BitMatrix bits(x, 20, 65);
    const auto sums = bnn::multiply(bits, bnn::BitMatrix(w, 3, 65));
    const bnn::Model model(
        bnn::Builder::of_bits().linear(w, 3, 65).affine({{}, bias}).affine({scale, shift}).sign().finish());
    const auto signs = model.run<std::uint64_t>(bits.words());
    for (std::size_t i = 0; i < sums.size(); i++) {
        const std::size_t j = i % 3;
        const volatile float biased = static_cast<float>(sums[i]) + bias[j], product = biased * scale[j];
        CHECK((signs[i / 3] >> j & 1) == (product + shift[j] >= 0.0f ? 1u : 0u));
    }
    // Scores have room for one rounding of each kind.
    const auto scores = [&](float tolerance) {
        auto builder = bnn::Builder::of_bits();
        builder.linear(w, 3, 65).affine({{}, bias}).affine({scale, shift}).tolerance(tolerance);
        return builder.finish();
    };
    CHECK_ERROR(BNN_ERROR_LAYER, "affine steps", scores(0.0f));
    CHECK(!scores(1e-5f).empty());
    CHECK_ERROR(BNN_ERROR_RANGE, "tolerance is 2, expected 0 to 1", scores(2.0f));
}

void class_names_are_kept_on_lines_of_their_own() {
    using bnn::detail::escaped, bnn::detail::unescaped;
    for (const char *name : {"plain", "driver's license", "two\nlines", "back\\slash \\n", "\x1b]0;x\x07", "caf\xc3\xa9", "\\u{", ""}) {
        CHECK(unescaped(escaped(name)) == name);
        CHECK(escaped(name).find_first_of("\n\x1b") == std::string::npos);
    }
    CHECK(escaped("driver's license") == "driver's license");
    CHECK(unescaped("driver\\'s \\\"license\\\"") == "driver's \"license\"");
    const std::string meta = "name=x\nclass.1=b\nclass.10=k\n";
    CHECK(bnn::detail::meta_value(meta, "class.1", "") == "b");
    CHECK(bnn::detail::meta_value(meta, "class.10", "") == "k");
    CHECK(bnn::detail::meta_value(meta, "class.2", "2") == "2");
    const std::vector<float> w = {1.0f, -1.0f};
    const auto file = bnn::Builder::of_bits().class_names({"a\nb"}).meta("name=x").linear(w, 1, 2).finish();
    const bnn::Model model(file);
    CHECK(model.meta() == "name=x\nclass.0=a\\nb\n");
    CHECK(model.class_name(0) == "a\nb" && model.class_name(1) == "1");
    CHECK(bnn::Model(bnn::Builder::of_bits().linear(w, 1, 2).finish()).meta().empty());
}

void the_class_is_the_first_of_the_largest_scores() {
    const std::vector<float> scores = {NAN, 1.0f, 3.0f, NAN, 3.0f, -1.0f};
    CHECK(bnn::argmax(scores) == 2);
    CHECK(bnn::argmax(bnn::Span<const float>()) == 0);
}

void weights_that_are_not_finite_are_refused() {
    std::vector<float> w(6, 1.0f);
    w[4] = NAN;
    CHECK_ERROR(BNN_ERROR_NOT_FINITE, "w[4] is NaN", bnn::Builder::of_bits().linear(w, 2, 3));
    w[4] = -INFINITY;
    CHECK_ERROR(BNN_ERROR_NOT_FINITE, "w[4] is -inf", bnn::Builder::of_bits().linear(w, 2, 3));
}

void wrong_files_and_calls_are_refused() {
    const Network network;
    auto file = network.file();
    CHECK_ERROR(BNN_ERROR_MODEL_FORMAT, "", bnn::Model(std::vector<std::uint8_t>(64)));
    file[file.size() - 1] ^= 1;
    CHECK_ERROR(BNN_ERROR_MODEL_DAMAGED, "", bnn::Model(file));
    const bnn::Model model(network.file());
    CHECK_ERROR(BNN_ERROR_MISMATCH, "output: the model has elements", model.run<std::int32_t>(network.x));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "multiple of 70", model.run<float>(std::vector<std::uint8_t>(71)));
    auto builder = bnn::Builder::of_bits();
    CHECK_ERROR(BNN_ERROR_LAYER, "", builder.finish());
    CHECK_ERROR(BNN_ERROR_MISMATCH, "w: expected 910 elements, found 39", builder.linear(network.w2, HIDDEN, INPUTS));
    builder.linear(network.w1, HIDDEN, INPUTS);
    CHECK_ERROR(BNN_ERROR_LAYER, "", builder.linear(network.w1, HIDDEN, INPUTS));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "var: expected 13 elements", builder.batch_norm({network.mean, network.bias, {}, {}}));
    CHECK_ERROR(BNN_ERROR_RANGE, "", bnn::Builder::of_bytes(9));
}

} // namespace

void test_model() {
    a_built_model_runs_as_its_formulas_say();
    a_packed_model_runs_as_the_model();
    bits_in_and_sums_and_bits_out();
    bytes_become_bits_by_thresholds();
    a_built_model_of_images_runs_as_its_formulas_say();
    affine_steps_compose();
    class_names_are_kept_on_lines_of_their_own();
    the_class_is_the_first_of_the_largest_scores();
    weights_that_are_not_finite_are_refused();
    wrong_files_and_calls_are_refused();
}
