// Model files: what the builder writes runs as the definition says; wrong files and calls are refused.
#include "check.hpp"

#include <cmath>
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
    bits_in_and_sums_and_bits_out();
    bytes_become_bits_by_thresholds();
    wrong_files_and_calls_are_refused();
}
