// Streams: results of known models, equal to runs on windows; wrong calls are refused.
#include "../c/series.h"
#include "check.hpp"

#include <utility>

namespace {

bnn::Model model_of(const std::uint64_t *words, std::size_t bytes) {
    return bnn::Model({reinterpret_cast<const std::uint8_t *>(words), bytes});
}

void a_series_without_an_end() {
    const auto model = model_of(rise, RISE_BYTES);
    CHECK(model.row_bytes() == 1);
    CHECK((model.input_shape() == std::array<std::size_t, 3>{3, 1, 1}));
    CHECK((model.output_shape() == std::array<std::size_t, 3>{1, 1, 1}));
    bnn::Stream first(model);
    bnn::Stream stream(std::move(first));
    CHECK(stream.slides());
    std::vector<std::uint8_t> x;
    std::vector<std::int32_t> y = {7};
    for (std::size_t i = 0; i < 20; i++) {
        x.push_back(static_cast<std::uint8_t>(i * 31));
        const bool ready = stream.push<std::uint8_t, std::int32_t>({&x[i], 1}, y);
        CHECK(ready == (i >= 2));
        CHECK(y[0] == (ready ? x[i] - x[i - 1] - x[i - 2] : 7));
    }
    stream.reset();
    CHECK(!(stream.push<std::uint8_t, std::int32_t>({&x[0], 1}, y)));
    CHECK_ERROR(BNN_ERROR_MISMATCH, "row_bytes: expected 1, found 2", stream.push<std::uint8_t, std::int32_t>({&x[0], 2}, y));
    std::vector<float> scores(1);
    CHECK_ERROR(BNN_ERROR_MISMATCH, "output: the model has", stream.push<std::uint8_t, float>({&x[0], 1}, scores));
}

void windows_with_padding() {
    const auto model = model_of(padded, PADDED_BYTES);
    bnn::Stream stream(model);
    CHECK(!stream.slides());
    for (std::uint64_t i = 0; i < 8; i += 2) {
        const std::vector<std::uint64_t> x = {i, (i * 3 + 1) % 8};
        std::vector<std::int32_t> y(2);
        CHECK(!(stream.push<std::uint64_t, std::int32_t>({&x[0], 1}, y)));
        CHECK((stream.push<std::uint64_t, std::int32_t>({&x[1], 1}, y)));
        CHECK(y == model.run<std::int32_t>(x));
    }
}

void a_model_without_convolutions_has_no_stream() {
    const std::vector<float> w = {1.0f, 1.0f, 1.0f};
    const bnn::Model model(bnn::Builder::of_bits().linear(w, 1, 3).finish());
    CHECK_ERROR(BNN_ERROR_UNSUPPORTED, "expected a convolution or a pool first", bnn::Stream(model));
}

} // namespace

void test_stream() {
    a_series_without_an_end();
    windows_with_padding();
    a_model_without_convolutions_has_no_stream();
}
