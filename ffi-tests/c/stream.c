/* Streams: results of known models, equal to runs on windows, and every way in which a call is refused. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "series.h"

enum { SAMPLES = 40 };

static bnn_model_t opened(const uint64_t *file, size_t bytes) {
    bnn_model_t model;
    CHECK(bnn_model_open((const uint8_t *)file, bytes, &model) == BNN_OK);
    return model;
}

/* The window slides over samples, each of which is a row of one byte. */
static void a_series_without_an_end(void) {
    const bnn_model_t model = opened(rise, RISE_BYTES);
    const size_t need = bnn_model_stream_bytes(&model);
    guarded_t memory = guarded(need, 1);
    uint8_t x[SAMPLES];
    bnn_stream_t stream, copy;
    size_t i;
    CHECK(need > 0 && need % 8 == 0);
    CHECK(bnn_stream_open(&model, payload(memory), need, &copy) == BNN_OK);
    stream = copy; /* the copy goes on */
    memset(&copy, PATTERN, sizeof copy);
    CHECK(bnn_stream_slides(&stream) == 1);
    for (i = 0; i < SAMPLES; i++) {
        int32_t y = 7, ready = 7;
        x[i] = (uint8_t)(i * i * 11 + 3);
        CHECK(bnn_stream_push(&stream, &x[i], 1, &y, sizeof y, &ready) == BNN_OK);
        CHECK(ready == (i >= 2));
        CHECK(y == (i >= 2 ? x[i] - x[i - 1] - x[i - 2] : 7));
    }
    CHECK(bnn_stream_reset(&stream) == BNN_OK);
    for (i = 0; i < 3; i++) {
        int32_t y = 7, ready = 7;
        CHECK(bnn_stream_push(&stream, &x[i], 1, &y, sizeof y, &ready) == BNN_OK);
        CHECK(ready == (i == 2));
    }
    CHECK(guards_intact(memory));
    release(memory);
}

/* Windows follow each other without overlap where a model is padded above or below. */
static void windows_with_padding(void) {
    const bnn_model_t model = opened(padded, PADDED_BYTES);
    const size_t need = bnn_model_stream_bytes(&model), scratch_bytes = bnn_model_scratch_bytes(&model);
    void *memory = allocated(need), *scratch = allocated(scratch_bytes + 8);
    uint64_t x[SAMPLES];
    bnn_stream_t stream;
    size_t shape[3], i, results = 0;
    bnn_tensor_t in;
    CHECK(bnn_model_input_shape(&model, shape) == BNN_OK);
    CHECK(bnn_model_input(&model, &in) == BNN_OK);
    CHECK(shape[0] == 2 && in.bytes / shape[0] == sizeof x[0]);
    CHECK(bnn_stream_open(&model, memory, need, &stream) == BNN_OK);
    CHECK(bnn_stream_slides(&stream) == 0);
    for (i = 0; i < SAMPLES; i++) {
        int32_t y[2] = {7, 7}, own[2], ready = 7;
        x[i] = i * 5 % 8;
        CHECK(bnn_stream_push(&stream, &x[i], 8, y, sizeof y, &ready) == BNN_OK);
        CHECK(ready == (int32_t)(i % 2));
        if (ready == 1) {
            CHECK(bnn_model_run(&model, &x[i - 1], 16, own, sizeof own, scratch, scratch_bytes) == BNN_OK);
            CHECK(memcmp(y, own, sizeof own) == 0);
            results++;
        } else {
            CHECK(y[0] == 7 && y[1] == 7);
        }
    }
    CHECK(results == SAMPLES / 2);
    free(memory);
    free(scratch);
}

/* What a refused call must leave alone. */
static guarded_t out[5];
enum { MEMORY, STREAM, OUTPUT, READY, OPEN };

#define REFUSES(status, text, call) REFUSED(out, 4, status, text, call)

static void opening_refuses(const bnn_model_t *model, size_t need) {
    bnn_stream_t *place = payload(out[STREAM]);
    uint64_t *memory = payload(out[MEMORY]);
    bnn_model_t closed;
    memset(&closed, 0, sizeof closed);
    CHECK(bnn_model_stream_bytes(NULL) == 0);
    CHECK(bnn_model_stream_bytes(&closed) == 0);
    REFUSES(BNN_ERROR_NULL, "model is NULL", bnn_stream_open(NULL, memory, need, place));
    REFUSES(BNN_ERROR_NULL, "memory is NULL", bnn_stream_open(model, NULL, need, place));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_stream_open(model, memory, need, NULL));
    REFUSES(BNN_ERROR_NOT_OPEN, "model is not open", bnn_stream_open(&closed, memory, need, place));
    REFUSES(BNN_ERROR_MISALIGNED, "memory is at address",
            bnn_stream_open(model, moved(memory, 4), need, place));
    REFUSES(BNN_ERROR_MISALIGNED, "out is at address",
            bnn_stream_open(model, memory, need, (bnn_stream_t *)moved(place, 1)));
    REFUSES(BNN_ERROR_TOO_SHORT, "memory_bytes: expected at least",
            bnn_stream_open(model, memory, need - 1, place));
    REFUSES(BNN_ERROR_OVERLAP, "overlaps memory",
            bnn_stream_open(model, memory, need, (bnn_stream_t *)memory));
}

static void a_model_without_convolutions_has_no_stream(void) {
    const float w[3] = {1.0f, 1.0f, 1.0f};
    bnn_builder_t *builder = NULL;
    uint64_t file[64];
    bnn_model_t model;
    size_t len = 0;
    CHECK(bnn_builder_new(BNN_ELEMENT_BITS, 1, &builder) == BNN_OK);
    CHECK(bnn_builder_linear_f32(builder, w, 1, 3) == BNN_OK);
    CHECK(bnn_builder_finish(builder, &len) == BNN_OK);
    CHECK(bnn_builder_file(builder, (uint8_t *)file, sizeof file) == BNN_OK);
    bnn_builder_free(builder);
    model = opened(file, len);
    CHECK(bnn_model_stream_bytes(&model) == 0);
    REFUSES(BNN_ERROR_UNSUPPORTED, "expected a convolution or a pool first",
            bnn_stream_open(&model, payload(out[MEMORY]), 8, payload(out[STREAM])));
}

static void pushing_refuses(const bnn_model_t *model, size_t need) {
    uint64_t *memory = payload(out[OPEN]);
    int32_t *y = payload(out[OUTPUT]), *ready = payload(out[READY]);
    const uint8_t x[2] = {5, 6};
    uint8_t third = 30;
    bnn_stream_t stream, before, closed;
    int32_t sum = 0, done = 0;
    const size_t size = sizeof *y;
    memset(&closed, 0, sizeof closed);
    CHECK(bnn_stream_open(model, memory, need, &stream) == BNN_OK);
    CHECK(bnn_stream_push(&stream, &x[0], 1, &sum, size, &done) == BNN_OK);
    CHECK(bnn_stream_push(&stream, &x[1], 1, &sum, size, &done) == BNN_OK);
    before = stream;
    REFUSES(BNN_ERROR_NULL, "stream is NULL", bnn_stream_push(NULL, x, 1, y, size, ready));
    REFUSES(BNN_ERROR_NULL, "row is NULL", bnn_stream_push(&stream, NULL, 1, y, size, ready));
    REFUSES(BNN_ERROR_NULL, "output is NULL", bnn_stream_push(&stream, x, 1, NULL, size, ready));
    REFUSES(BNN_ERROR_NULL, "ready is NULL", bnn_stream_push(&stream, x, 1, y, size, NULL));
    REFUSES(BNN_ERROR_NOT_OPEN, "stream is not open, expected one that bnn_stream_open",
            bnn_stream_push(&closed, x, 1, y, size, ready));
    REFUSES(BNN_ERROR_MISALIGNED, "stream is at address",
            bnn_stream_push((bnn_stream_t *)moved(&stream, 1), x, 1, y, size, ready));
    REFUSES(BNN_ERROR_MISALIGNED, "output is at address",
            bnn_stream_push(&stream, x, 1, moved(y, 1), size, ready));
    REFUSES(BNN_ERROR_MISMATCH, "row_bytes: expected 1, found 2",
            bnn_stream_push(&stream, x, 2, y, size, ready));
    REFUSES(BNN_ERROR_MISMATCH, "row_bytes: expected 1, found 0",
            bnn_stream_push(&stream, x, 0, y, size, ready));
    REFUSES(BNN_ERROR_MISMATCH, "output_bytes: expected 4, found",
            bnn_stream_push(&stream, x, 1, y, SIZE_MAX, ready));
    REFUSES(BNN_ERROR_OVERLAP, "overlaps", bnn_stream_push(&stream, y, 1, y, size, ready));
    REFUSES(BNN_ERROR_OVERLAP, "overlaps", bnn_stream_push(&stream, x, 1, y, size, y));
    REFUSES(BNN_ERROR_OVERLAP, "the stream's memory",
            bnn_stream_push(&stream, x, 1, memory, size, ready));
    REFUSES(BNN_ERROR_OVERLAP, "the stream's memory",
            bnn_stream_push(&stream, memory, 1, y, size, ready));
    REFUSES(BNN_ERROR_OVERLAP, "overlaps stream",
            bnn_stream_push(&stream, x, 1, &stream, size, ready));
    REFUSES(BNN_ERROR_NULL, "stream is NULL", bnn_stream_reset(NULL));
    REFUSES(BNN_ERROR_NOT_OPEN, "stream is not open", bnn_stream_reset(&closed));
    CHECK(bnn_stream_slides(NULL) == 0);
    CHECK(bnn_stream_slides(&closed) == 0);
    /* Nothing of these was taken. */
    CHECK(memcmp(stream.words, before.words, sizeof stream.words) == 0); /* the model may have gaps */
    CHECK(bnn_stream_push(&stream, &third, 1, &sum, size, &done) == BNN_OK);
    CHECK(done == 1 && sum == 30 - 6 - 5);
}

static void bits_are_checked(void) {
    const bnn_model_t model = opened(padded, PADDED_BYTES);
    const size_t need = bnn_model_stream_bytes(&model);
    void *memory = allocated(need);
    const uint64_t tail = 8;
    bnn_stream_t stream;
    CHECK(bnn_stream_open(&model, memory, need, &stream) == BNN_OK);
    REFUSES(BNN_ERROR_TAIL_BITS, "",
            bnn_stream_push(&stream, &tail, 8, payload(out[OUTPUT]), 8, payload(out[READY])));
    free(memory);
}

void test_stream(void) {
    const bnn_model_t model = opened(rise, RISE_BYTES);
    const size_t need = bnn_model_stream_bytes(&model);
    size_t i;
    a_series_without_an_end();
    windows_with_padding();
    out[MEMORY] = guarded(need + sizeof(bnn_stream_t), 1);
    out[STREAM] = guarded(1, sizeof(bnn_stream_t));
    out[OUTPUT] = guarded(2, sizeof(int32_t));
    out[READY] = guarded(1, sizeof(int32_t));
    out[OPEN] = guarded(need, 1);
    opening_refuses(&model, need);
    a_model_without_convolutions_has_no_stream();
    pushing_refuses(&model, need);
    bits_are_checked();
    for (i = 0; i < 5; i++) {
        release(out[i]);
    }
}
