/* Packed models: they compute what models do, from memory of their own, of the caller's and from files,
 * for any number of samples, in any number of threads; and they refuse what models refuse. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

enum { SIDE = 9, CHANNELS = 3, FILTERS = 37, HIDDEN = 70, OUT = 5, MOST = 67, THREADS = 3 };
enum { KINDS = 6 };
static const size_t samples[] = {1, 2, 3, 8, 31, MOST};

static float filters[FILTERS * 9 * CHANNELS], more[FILTERS * 9 * FILTERS], hidden[HIDDEN * FILTERS];
static float dense[HIDDEN * SIDE * SIDE * CHANNELS], last[OUT * HIDDEN], scale[OUT], bias[OUT];
static int32_t thresholds[FILTERS];

static bnn_conv2d_options_t convolution(size_t channels) {
    bnn_conv2d_options_t o;
    CHECK(bnn_conv2d_options_init(&o) == BNN_OK);
    o.height = o.width = SIDE;
    o.channels = channels;
    o.outputs = FILTERS;
    o.kernel_height = o.kernel_width = 3;
    o.pad_top = o.pad_bottom = o.pad_left = o.pad_right = 1;
    return o;
}

/* A model of images, if `images`, or of rows; of bytes or bits; to floats, sums or bits. */
static uint8_t *build(int images, int32_t element, int32_t output, size_t *len) {
    const size_t inputs = SIDE * SIDE * CHANNELS;
    bnn_builder_t *b = NULL;
    uint64_t *file;
    CHECK(bnn_builder_new(element, element == BNN_ELEMENT_U8 ? 8 : 1, &b) == BNN_OK);
    CHECK(bnn_builder_meta(b, (const uint8_t *)"name=packed\n", 12) == BNN_OK);
    if (images) {
        const bnn_conv2d_options_t first = convolution(CHANNELS), second = convolution(FILTERS);
        bnn_pool2d_options_t whole, pairs;
        CHECK(bnn_pool2d_options_init(&whole) == BNN_OK);
        CHECK(bnn_pool2d_options_init(&pairs) == BNN_OK);
        pairs.kernel_height = pairs.kernel_width = 1;
        whole.kernel_height = whole.kernel_width = SIDE;
        CHECK(bnn_builder_image(b, SIDE, SIDE, CHANNELS) == BNN_OK);
        CHECK(bnn_builder_conv2d_f32(b, &first, filters) == BNN_OK);
        CHECK(bnn_builder_threshold_i32(b, thresholds, FILTERS) == BNN_OK);
        CHECK(bnn_builder_max_pool2d(b, &pairs) == BNN_OK);
        CHECK(bnn_builder_conv2d_f32(b, &second, more) == BNN_OK);
        CHECK(bnn_builder_sign(b) == BNN_OK);
        CHECK(bnn_builder_max_pool2d(b, &whole) == BNN_OK);
        CHECK(bnn_builder_flatten(b) == BNN_OK);
        CHECK(bnn_builder_linear_f32(b, hidden, HIDDEN, FILTERS) == BNN_OK);
    } else {
        CHECK(bnn_builder_linear_f32(b, dense, HIDDEN, inputs) == BNN_OK);
    }
    CHECK(bnn_builder_linear_f32(b, last, OUT, HIDDEN) == BNN_OK);
    if (output != BNN_ELEMENT_I32) {
        CHECK(bnn_builder_affine_f32(b, scale, bias, OUT) == BNN_OK);
    }
    if (output == BNN_ELEMENT_BITS) {
        CHECK(bnn_builder_sign(b) == BNN_OK);
    }
    CHECK(bnn_builder_finish(b, len) == BNN_OK);
    file = allocated(*len + 8);
    CHECK(bnn_builder_file(b, (uint8_t *)file, *len) == BNN_OK);
    bnn_builder_free(b);
    return (uint8_t *)file;
}

/* Inputs of any kind; the bits after a row's end are 0. */
static void *inputs_of(const bnn_model_t *model, size_t count) {
    bnn_tensor_t in;
    size_t shape[3], i;
    uint8_t *x;
    CHECK(bnn_model_input(model, &in) == BNN_OK);
    CHECK(bnn_model_input_shape(model, shape) == BNN_OK);
    x = allocated(in.bytes * count + 8);
    for (i = 0; i < in.bytes * count; i++) {
        x[i] = (uint8_t)(i * 37 + i / 251);
    }
    if (in.element == BNN_ELEMENT_BITS) {
        const size_t words = in.bytes * count / 8, row = (shape[2] + 63) / 64;
        for (i = 0; i < words; i++) {
            if (i % row == row - 1 && shape[2] % 64 != 0) {
                ((uint64_t *)(void *)x)[i] &= (UINT64_C(1) << shape[2] % 64) - 1;
            }
        }
    }
    return x;
}

/* What the model itself gives. */
static void *expected_of(const bnn_model_t *model, const void *x, size_t count) {
    bnn_tensor_t in, out;
    uint8_t *y;
    uint64_t *scratch;
    const size_t need = bnn_model_scratch_bytes(model) * count;
    CHECK(bnn_model_input(model, &in) == BNN_OK);
    CHECK(bnn_model_output(model, &out) == BNN_OK);
    y = allocated(out.bytes * count);
    scratch = allocated(need + 8);
    CHECK(bnn_model_run_batch(model, count, x, in.bytes * count, y, out.bytes * count, scratch,
                              need) == BNN_OK);
    free(scratch);
    return y;
}

static void runs_as(const bnn_model_t *model, const bnn_packed_model_t *packed) {
    bnn_tensor_t in, out;
    size_t i, threads;
    void *x = inputs_of(model, MOST), *expected = expected_of(model, x, MOST);
    CHECK(bnn_model_input(model, &in) == BNN_OK);
    CHECK(bnn_model_output(model, &out) == BNN_OK);
    for (threads = 1; threads <= 3; threads += 2) {
        CHECK(bnn_set_num_threads(threads) == BNN_OK);
        for (i = 0; i < sizeof samples / sizeof *samples; i++) {
            const size_t count = samples[i];
            guarded_t y = guarded(out.bytes * count, 1);
            CHECK(bnn_packed_model_run(packed, count, x, in.bytes * count, payload(y),
                                       out.bytes * count) == BNN_OK);
            CHECK(guards_intact(y));
            CHECK(memcmp(payload(y), expected, out.bytes * count) == 0);
            release(y);
        }
    }
    free(x);
    free(expected);
}

/* The bytes in a file of their own, whose name is returned. */
static char *written(const uint8_t *bytes, size_t len) {
    static char name[32];
    int file;
    strcpy(name, "/tmp/bnn-packed-XXXXXX");
    file = mkstemp(name);
    CHECK(file >= 0 && write(file, bytes, len) == (ssize_t)len && close(file) == 0);
    return name;
}

/* From a copy, from the caller's bytes, from a file. */
static void all_ways_are_the_same(const uint8_t *file, size_t len) {
    bnn_packed_model_t *owning = NULL, *borrowing = NULL, *read = NULL;
    bnn_model_t model, view;
    const uint8_t *text;
    uint8_t *odd = allocated(len + 1);
    const char *name = written(file, len);
    size_t size = 0;
    CHECK(bnn_model_open(file, len, &model) == BNN_OK);
    memcpy(odd + 1, file, len);
    CHECK(bnn_packed_model_new(odd + 1, len, &owning) == BNN_OK);
    memset(odd, 0, len + 1);
    free(odd);
    CHECK(bnn_packed_model_new_borrowing(file, len, &borrowing) == BNN_OK);
    CHECK(bnn_packed_model_new_from_file(name, &read) == BNN_OK);
    CHECK(remove(name) == 0);
    runs_as(&model, owning);
    runs_as(&model, borrowing);
    runs_as(&model, read);
    CHECK(bnn_packed_model_view(owning, &view) == BNN_OK);
    CHECK(bnn_model_meta(&view, &text, &size) == BNN_OK);
    CHECK(size == 12 && memcmp(text, "name=packed\n", size) == 0);
    CHECK(bnn_model_layers(&view) == bnn_model_layers(&model));
    runs_as(&view, owning);
    bnn_packed_model_free(owning);
    bnn_packed_model_free(borrowing);
    bnn_packed_model_free(read);
}

/* A model that several threads share. */
typedef struct shared_t {
    const bnn_packed_model_t *packed;
    const bnn_model_t *model;
    const void *x, *expected;
} shared_t;

static void *run_often(void *argument) {
    const shared_t *shared = argument;
    bnn_tensor_t in, out;
    size_t round;
    uint8_t *y;
    CHECK(bnn_model_input(shared->model, &in) == BNN_OK);
    CHECK(bnn_model_output(shared->model, &out) == BNN_OK);
    y = allocated(out.bytes * MOST);
    for (round = 0; round < 12; round++) {
        const size_t count = samples[round % (sizeof samples / sizeof *samples)];
        CHECK(bnn_packed_model_run(shared->packed, count, shared->x, in.bytes * count, y,
                                   out.bytes * count) == BNN_OK);
        CHECK(memcmp(y, shared->expected, out.bytes * count) == 0);
    }
    free(y);
    return NULL;
}

static void threads_share(const uint8_t *file, size_t len) {
    bnn_packed_model_t *packed = NULL;
    bnn_model_t view;
    pthread_t threads[THREADS];
    shared_t shared;
    void *x, *expected;
    size_t i;
    CHECK(bnn_packed_model_new(file, len, &packed) == BNN_OK);
    CHECK(bnn_packed_model_view(packed, &view) == BNN_OK);
    shared.packed = packed;
    shared.model = &view;
    shared.x = x = inputs_of(&view, MOST);
    shared.expected = expected = expected_of(&view, x, MOST);
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, run_often, &shared) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    bnn_packed_model_free(packed);
    free(x);
    free(expected);
}

/* What a refused call must leave alone. */
static guarded_t out[3];
enum { OUTPUT, HANDLE, MODEL };
#define REFUSES(status, text, call) REFUSED(out, 3, status, text, call)

static void new_refuses(const uint8_t *file, size_t len) {
    bnn_packed_model_t **place = payload(out[HANDLE]);
    uint8_t *changed = allocated(len + 8);
    const char *name;
    REFUSES(BNN_ERROR_NULL, "bytes is NULL", bnn_packed_model_new(NULL, len, place));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_packed_model_new(file, len, NULL));
    REFUSES(BNN_ERROR_MISALIGNED, "out is at address",
            bnn_packed_model_new(file, len, moved(place, 1)));
    REFUSES(BNN_ERROR_ZERO, "len", bnn_packed_model_new(file, 0, place));
    REFUSES(BNN_ERROR_MODEL_DAMAGED, "bytes", bnn_packed_model_new(file, len - 1, place));
    memcpy(changed, file, len);
    REFUSES(BNN_ERROR_MISALIGNED, "multiple of 8",
            bnn_packed_model_new_borrowing(memmove(changed + 1, file, len), len, place));
    memcpy(changed, file, len);
    changed[len - 1] ^= 1;
    REFUSES(BNN_ERROR_MODEL_DAMAGED, "checksum", bnn_packed_model_new(changed, len, place));
    REFUSES(BNN_ERROR_MODEL_DAMAGED, "checksum", bnn_packed_model_new_borrowing(changed, len, place));
    name = written(changed, len);
    REFUSES(BNN_ERROR_MODEL_DAMAGED, "checksum", bnn_packed_model_new_from_file(name, place));
    CHECK(remove(name) == 0);
    REFUSES(BNN_ERROR_FILE, name, bnn_packed_model_new_from_file(name, place));
    name = written(file, len - 8);
    REFUSES(BNN_ERROR_MODEL_DAMAGED, "bytes", bnn_packed_model_new_from_file(name, place));
    CHECK(remove(name) == 0);
    REFUSES(BNN_ERROR_FILE, "not a regular file", bnn_packed_model_new_from_file("/", place));
    REFUSES(BNN_ERROR_NULL, "path is NULL", bnn_packed_model_new_from_file(NULL, place));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_packed_model_new_from_file("/", NULL));
    memset(changed, 'x', 64);
    REFUSES(BNN_ERROR_MODEL_FORMAT, "", bnn_packed_model_new(changed, 64, place));
    free(changed);
}

/* Of a borrowed file, in which nothing may be written, and of bytes of which the last bits are unused. */
static void run_refuses(uint8_t *file, size_t len) {
    bnn_packed_model_t *packed = NULL;
    bnn_model_t *place = payload(out[MODEL]), model;
    bnn_tensor_t in, y;
    uint64_t *x;
    size_t weights = 0, workspace = 0;
    void *to = payload(out[OUTPUT]);
    CHECK(bnn_packed_model_new_borrowing(file, len, &packed) == BNN_OK);
    CHECK(bnn_packed_model_view(packed, &model) == BNN_OK);
    CHECK(bnn_model_input(&model, &in) == BNN_OK);
    CHECK(bnn_model_output(&model, &y) == BNN_OK);
    x = inputs_of(&model, 2);
    REFUSES(BNN_ERROR_NULL, "packed is NULL", bnn_packed_model_view(NULL, place));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_packed_model_view(packed, NULL));
    REFUSES(BNN_ERROR_OVERLAP, "the model's file",
            bnn_packed_model_view(packed, (bnn_model_t *)(void *)file));
    CHECK(bnn_packed_model_memory(packed, 2, &weights, &workspace) == BNN_OK);
    CHECK(weights > 0);
    REFUSES(BNN_ERROR_NULL, "packed is NULL", bnn_packed_model_memory(NULL, 1, &weights, &workspace));
    REFUSES(BNN_ERROR_NULL, "weights_bytes is NULL", bnn_packed_model_memory(packed, 1, NULL, &workspace));
    REFUSES(BNN_ERROR_NULL, "workspace_bytes is NULL", bnn_packed_model_memory(packed, 1, &weights, NULL));
    REFUSES(BNN_ERROR_ZERO, "samples", bnn_packed_model_memory(packed, 0, &weights, &workspace));
    REFUSES(BNN_ERROR_OVERLAP, "workspace_bytes", bnn_packed_model_memory(packed, 1, &weights, &weights));
    REFUSES(BNN_ERROR_OVERLAP, "the model's file",
            bnn_packed_model_memory(packed, 1, (size_t *)(void *)file, &workspace));
    REFUSES(BNN_ERROR_NULL, "packed is NULL", bnn_packed_model_run(NULL, 1, x, in.bytes, to, y.bytes));
    REFUSES(BNN_ERROR_NULL, "input is NULL",
            bnn_packed_model_run(packed, 1, NULL, in.bytes, to, y.bytes));
    REFUSES(BNN_ERROR_NULL, "output is NULL",
            bnn_packed_model_run(packed, 1, x, in.bytes, NULL, y.bytes));
    REFUSES(BNN_ERROR_MISALIGNED, "input is at address",
            bnn_packed_model_run(packed, 1, moved(x, 4), in.bytes, to, y.bytes));
    REFUSES(BNN_ERROR_MISALIGNED, "output is at address",
            bnn_packed_model_run(packed, 1, x, in.bytes, moved(to, 1), y.bytes));
    REFUSES(BNN_ERROR_ZERO, "samples", bnn_packed_model_run(packed, 0, x, 0, to, 0));
    REFUSES(BNN_ERROR_OVERFLOW, "", bnn_packed_model_run(packed, SIZE_MAX, x, 8, to, 8));
    REFUSES(BNN_ERROR_MISMATCH, "input_bytes",
            bnn_packed_model_run(packed, 2, x, in.bytes, to, 2 * y.bytes));
    REFUSES(BNN_ERROR_MISMATCH, "output_bytes",
            bnn_packed_model_run(packed, 2, x, 2 * in.bytes, to, y.bytes));
    REFUSES(BNN_ERROR_OVERLAP, "input", bnn_packed_model_run(packed, 1, x, in.bytes, x, y.bytes));
    REFUSES(BNN_ERROR_OVERLAP, "the model's file",
            bnn_packed_model_run(packed, 1, x, in.bytes, file, y.bytes));
    x[in.bytes / 8 - 1] = UINT64_MAX;
    REFUSES(BNN_ERROR_TAIL_BITS, "", bnn_packed_model_run(packed, 1, x, in.bytes, to, y.bytes));
    bnn_packed_model_free(packed);
    free(x);
}

static void bytes_with_too_many_bits_are_refused(void) {
    const float w[3] = {1, -1, 1};
    bnn_builder_t *b = NULL;
    bnn_packed_model_t *packed = NULL;
    uint64_t file[64];
    const uint8_t x[3] = {7, 8, 0};
    size_t len = 0;
    CHECK(bnn_builder_new(BNN_ELEMENT_U8, 3, &b) == BNN_OK);
    CHECK(bnn_builder_linear_f32(b, w, 1, 3) == BNN_OK);
    CHECK(bnn_builder_finish(b, &len) == BNN_OK);
    CHECK(bnn_builder_file(b, (uint8_t *)file, sizeof file) == BNN_OK);
    bnn_builder_free(b);
    CHECK(bnn_packed_model_new((const uint8_t *)file, len, &packed) == BNN_OK);
    REFUSES(BNN_ERROR_RANGE, "", bnn_packed_model_run(packed, 1, x, 3, payload(out[OUTPUT]), 4));
    bnn_packed_model_free(packed);
}

void test_packed_model(void) {
    const int32_t outputs[] = {BNN_ELEMENT_BITS, BNN_ELEMENT_I32, BNN_ELEMENT_F32};
    const size_t before = bnn_num_threads();
    size_t i, len = 0;
    eighths(filters, sizeof filters / sizeof *filters, 1);
    eighths(more, sizeof more / sizeof *more, 2);
    eighths(hidden, sizeof hidden / sizeof *hidden, 3);
    eighths(dense, sizeof dense / sizeof *dense, 4);
    eighths(last, sizeof last / sizeof *last, 5);
    eighths(scale, OUT, 6);
    eighths(bias, OUT, 7);
    for (i = 0; i < FILTERS; i++) {
        thresholds[i] = (int32_t)i * 40 - 700;
    }
    for (i = 0; i < 2 * KINDS; i++) {
        uint8_t *file = build(i % 2, i / 2 % 2 ? BNN_ELEMENT_U8 : BNN_ELEMENT_BITS, outputs[i / 4], &len);
        all_ways_are_the_same(file, len);
        threads_share(file, len);
        if (i == 0) {
            out[OUTPUT] = guarded(64, sizeof(uint64_t));
            out[HANDLE] = guarded(1, sizeof(bnn_packed_model_t *));
            out[MODEL] = guarded(1, sizeof(bnn_model_t));
            new_refuses(file, len);
            run_refuses(file, len);
            bytes_with_too_many_bits_are_refused();
            release(out[OUTPUT]);
            release(out[HANDLE]);
            release(out[MODEL]);
        }
        free(file);
    }
    bnn_packed_model_free(NULL);
    CHECK(bnn_set_num_threads(before) == BNN_OK);
}
