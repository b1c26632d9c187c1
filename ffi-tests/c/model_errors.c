/* Every way in which models and the builder refuse a call. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { IN = 6, OUT = 2, BITS = 3 };

/* What a refused call must leave alone: the output, scratch memory, a model, a tensor, a size, a
 * handle, a file. */
static guarded_t out[7];
enum { OUTPUT, SCRATCH, MODEL, TENSOR, SIZE, HANDLE, FILE_ };

#define REFUSES(status, text, call) REFUSED(out, 7, status, text, call)

static const float w[OUT * IN] = {1, -1, 1, -1, 1, -1, 1, 1, 1, -1, -1, -1};
static uint64_t file[64];
static size_t len;

static bnn_builder_t *builder(void) {
    bnn_builder_t *b = NULL;
    CHECK(bnn_builder_new(BNN_ELEMENT_U8, BITS, &b) == BNN_OK);
    CHECK(bnn_builder_linear_f32(b, w, OUT, IN) == BNN_OK);
    return b;
}

static void watch(void) {
    bnn_builder_t *b = builder();
    CHECK(bnn_builder_finish(b, &len) == BNN_OK);
    CHECK(len <= sizeof file);
    CHECK(bnn_builder_file(b, (uint8_t *)file, sizeof file) == BNN_OK);
    bnn_builder_free(b);
    out[OUTPUT] = guarded(OUT, sizeof(int32_t));
    out[SCRATCH] = guarded(64, sizeof(uint64_t));
    out[MODEL] = guarded(1, sizeof(bnn_model_t));
    out[TENSOR] = guarded(1, sizeof(bnn_tensor_t));
    out[SIZE] = guarded(1, sizeof(size_t));
    out[HANDLE] = guarded(1, sizeof(bnn_builder_t *));
    out[FILE_] = guarded(sizeof file, 1);
}

static void unwatch(void) {
    size_t i;
    for (i = 0; i < 7; i++) {
        release(out[i]);
    }
}

static void open_refuses(void) {
    bnn_model_t *place = payload(out[MODEL]);
    const uint8_t *bytes = (const uint8_t *)file;
    uint64_t copy[64];
    uint8_t *changed = (uint8_t *)copy;
    size_t i;
    REFUSES(BNN_ERROR_NULL, "bytes is NULL", bnn_model_open(NULL, len, place));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_model_open(bytes, len, NULL));
    REFUSES(BNN_ERROR_MISALIGNED, "out is at address",
            bnn_model_open(bytes, len, (bnn_model_t *)moved(place, 1)));
    memcpy(changed + 1, bytes, len);
    REFUSES(BNN_ERROR_MISALIGNED, "multiple of 8", bnn_model_open(changed + 1, len, place));
    REFUSES(BNN_ERROR_ZERO, "len is 0", bnn_model_open(bytes, 0, place));
    REFUSES(BNN_ERROR_OVERFLOW, "bytes is too large", bnn_model_open(bytes, SIZE_MAX, place));
    REFUSES(BNN_ERROR_OVERLAP, "out is written but overlaps bytes",
            bnn_model_open((const uint8_t *)place, sizeof *place, place));
    REFUSES(BNN_ERROR_MODEL_DAMAGED, "bytes, expected", bnn_model_open(bytes, len - 8, place));
    for (i = 0; i < len; i++) {
        bnn_status_t status;
        bnn_model_t model;
        memcpy(changed, bytes, len);
        changed[i] ^= 0x40;
        status = bnn_model_open(changed, len, &model);
        CHECK(status == BNN_ERROR_MODEL_FORMAT || status == BNN_ERROR_MODEL_DAMAGED);
        CHECK((status == BNN_ERROR_MODEL_FORMAT) == (i < 10));
    }
}

static void queries_refuse(const bnn_model_t *model, const bnn_model_t *closed) {
    bnn_tensor_t *tensor = payload(out[TENSOR]);
    size_t *shape = (size_t *)tensor;
    REFUSES(BNN_ERROR_NULL, "model is NULL", bnn_model_input(NULL, tensor));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_model_input(model, NULL));
    REFUSES(BNN_ERROR_NOT_OPEN, "model is not open", bnn_model_input(closed, tensor));
    REFUSES(BNN_ERROR_NULL, "model is NULL", bnn_model_output(NULL, tensor));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_model_output(model, NULL));
    REFUSES(BNN_ERROR_NOT_OPEN, "model is not open", bnn_model_output(closed, tensor));
    REFUSES(BNN_ERROR_NULL, "model is NULL", bnn_model_input_shape(NULL, shape));
    REFUSES(BNN_ERROR_NULL, "shape is NULL", bnn_model_input_shape(model, NULL));
    REFUSES(BNN_ERROR_NOT_OPEN, "model is not open", bnn_model_input_shape(closed, shape));
    REFUSES(BNN_ERROR_NULL, "model is NULL", bnn_model_output_shape(NULL, shape));
    REFUSES(BNN_ERROR_NULL, "shape is NULL", bnn_model_output_shape(model, NULL));
    REFUSES(BNN_ERROR_NOT_OPEN, "model is not open", bnn_model_output_shape(closed, shape));
    CHECK(bnn_model_scratch_bytes(NULL) == 0);
    CHECK(bnn_model_scratch_bytes(closed) == 0);
}

static void run_refuses(const bnn_model_t *model, const bnn_model_t *closed) {
    uint8_t x[IN] = {0, 1, 2, 3, 4, 5};
    const uint8_t large[IN] = {0, 1, 2, 3, 4, 8};
    int32_t *y = payload(out[OUTPUT]);
    uint64_t *scratch = payload(out[SCRATCH]);
    const size_t need = bnn_model_scratch_bytes(model), size = OUT * sizeof *y;
    int32_t own[OUT] = {7, 7};
    uint64_t room[64];
    CHECK(need > 0 && need <= sizeof room);
    REFUSES(BNN_ERROR_NULL, "model is NULL", bnn_model_run(NULL, x, IN, y, size, scratch, need));
    REFUSES(BNN_ERROR_NULL, "input is NULL",
            bnn_model_run(model, NULL, IN, y, size, scratch, need));
    REFUSES(BNN_ERROR_NULL, "output is NULL",
            bnn_model_run(model, x, IN, NULL, size, scratch, need));
    REFUSES(BNN_ERROR_NULL, "scratch is NULL", bnn_model_run(model, x, IN, y, size, NULL, need));
    REFUSES(BNN_ERROR_NOT_OPEN, "model is not open",
            bnn_model_run(closed, x, IN, y, size, scratch, need));
    REFUSES(BNN_ERROR_MISALIGNED, "model is at address",
            bnn_model_run((const bnn_model_t *)moved(model, 1), x, IN, y, size, scratch, need));
    REFUSES(BNN_ERROR_MISALIGNED, "output is at address",
            bnn_model_run(model, x, IN, moved(y, 1), size, scratch, need));
    REFUSES(BNN_ERROR_MISALIGNED, "scratch is at address",
            bnn_model_run(model, x, IN, y, size, moved(scratch, 4), need));
    REFUSES(BNN_ERROR_MISMATCH, "input_bytes: expected 6, found 5",
            bnn_model_run(model, x, IN - 1, y, size, scratch, need));
    REFUSES(BNN_ERROR_MISMATCH, "input_bytes: expected 6, found 7",
            bnn_model_run(model, x, IN + 1, y, size, scratch, need));
    REFUSES(BNN_ERROR_MISMATCH, "output_bytes: expected 8, found 7",
            bnn_model_run(model, x, IN, y, size - 1, scratch, need));
    REFUSES(BNN_ERROR_TOO_SHORT, "scratch_bytes: expected at least",
            bnn_model_run(model, x, IN, y, size, scratch, need - 1));
    REFUSES(BNN_ERROR_OVERLAP, "output is written but overlaps scratch",
            bnn_model_run(model, x, IN, scratch, size, scratch, need));
    REFUSES(BNN_ERROR_OVERLAP, "overlaps", /* which of the two is entered first is not said */
            bnn_model_run(model, y, IN, y, size, scratch, need));
    CHECK(bnn_model_run(model, large, IN, own, size, room, need) == BNN_ERROR_RANGE);
    CHECK(own[0] == 7 && own[1] == 7);

    REFUSES(BNN_ERROR_ZERO, "samples is 0",
            bnn_model_run_batch(model, 0, x, 0, y, 0, scratch, need));
    REFUSES(BNN_ERROR_OVERFLOW, "too large",
            bnn_model_run_batch(model, SIZE_MAX, x, IN, y, size, scratch, need));
    REFUSES(BNN_ERROR_MISMATCH, "input_bytes: expected 12, found 6",
            bnn_model_run_batch(model, 2, x, IN, y, size, scratch, need));
    REFUSES(BNN_ERROR_NULL, "model is NULL",
            bnn_model_run_batch(NULL, 1, x, IN, y, size, scratch, need));
}

void test_model_errors(void) {
    bnn_model_t model, closed;
    watch();
    memset(&closed, 0, sizeof closed);
    CHECK(bnn_model_open((const uint8_t *)file, len, &model) == BNN_OK);
    open_refuses();
    queries_refuse(&model, &closed);
    run_refuses(&model, &closed);
    unwatch();
}

static void adding_refuses(bnn_builder_t *b) {
    const float one[OUT] = {1.0f, 1.0f}, infinite[OUT] = {1.0f, INFINITY};
    const uint8_t text[] = {'a', 0xFF};
    REFUSES(BNN_ERROR_NULL, "builder is NULL", bnn_builder_meta(NULL, text, 1));
    REFUSES(BNN_ERROR_NULL, "text is NULL", bnn_builder_meta(b, NULL, 1));
    REFUSES(BNN_ERROR_RANGE, "expected UTF-8", bnn_builder_meta(b, text, 2));
    REFUSES(BNN_ERROR_NULL, "builder is NULL", bnn_builder_linear_f32(NULL, w, 1, OUT));
    REFUSES(BNN_ERROR_NULL, "w is NULL", bnn_builder_linear_f32(b, NULL, 1, OUT));
    REFUSES(BNN_ERROR_MISALIGNED, "w is at address",
            bnn_builder_linear_f32(b, moved(w, 1), 1, OUT));
    REFUSES(BNN_ERROR_ZERO, "n is 0", bnn_builder_linear_f32(b, w, 0, OUT));
    REFUSES(BNN_ERROR_ZERO, "k is 0", bnn_builder_linear_f32(b, w, 1, 0));
    REFUSES(BNN_ERROR_OVERFLOW, "too large", bnn_builder_linear_f32(b, w, SIZE_MAX, OUT));
    REFUSES(BNN_ERROR_NOT_FINITE, "w[1] is inf", bnn_builder_linear_f32(b, infinite, 1, OUT));
    REFUSES(BNN_ERROR_RANGE, "len: expected at most", bnn_builder_meta(b, text, SIZE_MAX));
    REFUSES(BNN_ERROR_LAYER, "it takes 3 columns, the layer before gives 2",
            bnn_builder_linear_f32(b, w, 1, 3));
    REFUSES(BNN_ERROR_NULL, "builder is NULL", bnn_builder_affine_f32(NULL, one, one, OUT));
    REFUSES(BNN_ERROR_ZERO, "n is 0", bnn_builder_affine_f32(b, one, one, 0));
    REFUSES(BNN_ERROR_MISALIGNED, "scale is at", bnn_builder_affine_f32(b, moved(one, 1), one, 1));
    REFUSES(BNN_ERROR_MISALIGNED, "bias is at", bnn_builder_affine_f32(b, one, moved(one, 1), 1));
    REFUSES(BNN_ERROR_LAYER, "layer `1` (affine) cannot be exported",
            bnn_builder_affine_f32(b, one, one, 1));
    REFUSES(BNN_ERROR_NOT_FINITE, "output 1", bnn_builder_affine_f32(b, infinite, one, OUT));
    REFUSES(BNN_ERROR_NULL, "mean is NULL",
            bnn_builder_batch_norm_f32(b, NULL, NULL, NULL, one, 1.0f, OUT));
    REFUSES(BNN_ERROR_NULL, "var is NULL",
            bnn_builder_batch_norm_f32(b, NULL, NULL, one, NULL, 1.0f, OUT));
    REFUSES(BNN_ERROR_ZERO, "n is 0",
            bnn_builder_batch_norm_f32(b, NULL, NULL, one, one, 1.0f, 0));
    REFUSES(BNN_ERROR_NOT_FINITE, "expected a finite number",
            bnn_builder_batch_norm_f32(b, NULL, NULL, one, one, -2.0f, OUT));
    REFUSES(BNN_ERROR_NULL, "builder is NULL", bnn_builder_sign(NULL));
}

void test_builder_errors(void) {
    const uint8_t thresholds[IN] = {0};
    bnn_builder_t **handle, *b, *empty = NULL;
    uint8_t *bytes;
    size_t *size;
    watch();
    handle = payload(out[HANDLE]);
    bytes = payload(out[FILE_]);
    size = payload(out[SIZE]);
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_builder_new(BNN_ELEMENT_BITS, 1, NULL));
    REFUSES(BNN_ERROR_RANGE, "element is 0 of 2 bits", bnn_builder_new(0, 2, handle));
    REFUSES(BNN_ERROR_RANGE, "element is 1 of 0 bits", bnn_builder_new(1, 0, handle));
    REFUSES(BNN_ERROR_RANGE, "element is 1 of 9 bits", bnn_builder_new(1, 9, handle));
    REFUSES(BNN_ERROR_RANGE, "element is 3 of 32 bits", bnn_builder_new(3, 32, handle));
    REFUSES(BNN_ERROR_RANGE, "element is -1", bnn_builder_new(-1, 1, handle));
    REFUSES(BNN_ERROR_NULL, "thresholds is NULL", bnn_builder_new_thresholds(NULL, 1, handle));
    REFUSES(BNN_ERROR_ZERO, "len is 0", bnn_builder_new_thresholds(thresholds, 0, handle));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_builder_new_thresholds(thresholds, 1, NULL));
    CHECK(bnn_builder_new_thresholds(thresholds, IN - 1, &empty) == BNN_OK);
    REFUSES(BNN_ERROR_LAYER, "the thresholds before it are",
            bnn_builder_linear_f32(empty, w, OUT, IN));
    bnn_builder_free(empty);
    CHECK(bnn_builder_new(BNN_ELEMENT_U8, BITS, &empty) == BNN_OK);
    REFUSES(BNN_ERROR_LAYER, "no layers", bnn_builder_finish(empty, size));
    REFUSES(BNN_ERROR_LAYER, "unsigned", bnn_builder_sign(empty));
    b = builder();
    adding_refuses(b);
    REFUSES(BNN_ERROR_LAYER, "not finished", bnn_builder_file(b, bytes, sizeof file));
    REFUSES(BNN_ERROR_NULL, "builder is NULL", bnn_builder_finish(NULL, size));
    REFUSES(BNN_ERROR_NULL, "file_bytes is NULL", bnn_builder_finish(b, NULL));
    CHECK(bnn_builder_finish(b, &len) == BNN_OK);
    REFUSES(BNN_ERROR_LAYER, "finished", bnn_builder_finish(b, size));
    REFUSES(BNN_ERROR_LAYER, "finished", bnn_builder_sign(b));
    REFUSES(BNN_ERROR_LAYER, "finished", bnn_builder_linear_f32(b, w, 1, OUT));
    REFUSES(BNN_ERROR_NULL, "builder is NULL", bnn_builder_file(NULL, bytes, sizeof file));
    REFUSES(BNN_ERROR_NULL, "bytes is NULL", bnn_builder_file(b, NULL, sizeof file));
    REFUSES(BNN_ERROR_TOO_SHORT, "len: expected at least", bnn_builder_file(b, bytes, len - 1));
    bnn_builder_free(b);
    bnn_builder_free(empty);
    unwatch();
}
