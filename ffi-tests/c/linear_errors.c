/* Every way in which the linear layer refuses a call. */
#include <math.h>
#include <string.h>

#include "check.h"

enum { M = 2, N = 3, K = 70, ROW = 2, SAVED = 2 * M * ROW };

static float w[N * K], x[M * K], numbers[N], dy[M * N];
static uint64_t bits[N * ROW], saved[SAVED];
/* What a refused call must leave alone: y, saved, the four gradients, and the place of a handle. */
static guarded_t out[7];
enum { Y, SAVE, DX, DW, DSCALE, DBIAS, HANDLE };

#define REFUSES(status, text, call) REFUSED(out, 7, status, text, call)

static void new_refuses(void) {
    bnn_linear_t **handle = payload(out[HANDLE]);
    REFUSES(BNN_ERROR_NULL, "w is NULL", bnn_linear_new_f32(NULL, N, K, NULL, NULL, handle));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_linear_new_f32(w, N, K, NULL, NULL, NULL));
    REFUSES(BNN_ERROR_MISALIGNED, "w is at address",
            bnn_linear_new_f32(moved(w, 1), N, K, NULL, NULL, handle));
    REFUSES(BNN_ERROR_MISALIGNED, "scale is at address",
            bnn_linear_new_f32(w, N, K, moved(numbers, 2), NULL, handle));
    REFUSES(BNN_ERROR_MISALIGNED, "bias is at address",
            bnn_linear_new_f32(w, N, K, NULL, moved(numbers, 2), handle));
    REFUSES(BNN_ERROR_MISALIGNED, "out is at address",
            bnn_linear_new_f32(w, N, K, NULL, NULL, moved(handle, 1)));
    REFUSES(BNN_ERROR_ZERO, "n is 0", bnn_linear_new_f32(w, 0, K, NULL, NULL, handle));
    REFUSES(BNN_ERROR_ZERO, "k is 0", bnn_linear_new_f32(w, N, 0, NULL, NULL, handle));
    REFUSES(BNN_ERROR_RANGE, "k: expected at most 2147483647",
            bnn_linear_new_f32(w, 1, (size_t)2147483648u, NULL, NULL, handle));
    REFUSES(BNN_ERROR_OVERFLOW, "too large",
            bnn_linear_new_f32(w, SIZE_MAX, K, NULL, NULL, handle));
    REFUSES(BNN_ERROR_OVERFLOW, "too large",
            bnn_linear_new_f32(w, SIZE_MAX / 64, K, NULL, NULL, handle));
    REFUSES(BNN_ERROR_OVERFLOW, "w is too large",
            bnn_linear_new_f32(w, SIZE_MAX / 2, 1, numbers, NULL, handle));
    w[K + 3] = NAN;
    REFUSES(BNN_ERROR_NOT_FINITE, "w[73] is NaN, expected a finite number",
            bnn_linear_new_f32(w, N, K, NULL, NULL, handle));
    w[K + 3] = -INFINITY;
    REFUSES(BNN_ERROR_NOT_FINITE, "w[73] is -inf", bnn_linear_new_f32(w, N, K, NULL, NULL, handle));
    w[K + 3] = 0.5f;
    REFUSES(BNN_ERROR_OVERLAP, "out is written but overlaps scale",
            bnn_linear_new_f32(w, 1, 1, payload(out[HANDLE]), NULL, handle));
}

static void new_packed_refuses(void) {
    bnn_linear_t **handle = payload(out[HANDLE]);
    uint64_t tail = 2;
    REFUSES(BNN_ERROR_NULL, "bits is NULL",
            bnn_linear_new_packed(NULL, N * ROW, N, K, NULL, NULL, handle));
    REFUSES(BNN_ERROR_NULL, "out is NULL",
            bnn_linear_new_packed(bits, N * ROW, N, K, NULL, NULL, NULL));
    REFUSES(BNN_ERROR_MISALIGNED, "bits is at address",
            bnn_linear_new_packed(moved(bits, 1), N * ROW, N, K, NULL, NULL, handle));
    REFUSES(BNN_ERROR_TOO_SHORT, "bits_words: expected at least 6, found 5",
            bnn_linear_new_packed(bits, N * ROW - 1, N, K, NULL, NULL, handle));
    REFUSES(BNN_ERROR_ZERO, "n is 0",
            bnn_linear_new_packed(bits, N * ROW, 0, K, NULL, NULL, handle));
    REFUSES(BNN_ERROR_ZERO, "k is 0",
            bnn_linear_new_packed(bits, N * ROW, N, 0, NULL, NULL, handle));
    REFUSES(BNN_ERROR_RANGE, "k: expected at most",
            bnn_linear_new_packed(bits, SIZE_MAX, N, SIZE_MAX, NULL, NULL, handle));
    REFUSES(BNN_ERROR_OVERFLOW, "too large",
            bnn_linear_new_packed(bits, SIZE_MAX, SIZE_MAX, K, NULL, NULL, handle));
    REFUSES(BNN_ERROR_TAIL_BITS, "bits: row 0 has a bit set after",
            bnn_linear_new_packed(&tail, 1, 1, 1, NULL, NULL, handle));
    REFUSES(BNN_ERROR_OVERLAP, "out is written but overlaps bits",
            bnn_linear_new_packed((uint64_t *)payload(out[HANDLE]), 1, 1, 64, NULL, NULL, handle));
}

static void options_refuse(void) {
    bnn_linear_t **handle = payload(out[HANDLE]);
    bnn_linear_options_t options;
    const float clips[] = {0.0f, -1.0f, NAN, -INFINITY};
    size_t i;
    REFUSES(BNN_ERROR_NULL, "options is NULL", bnn_linear_options_init(NULL));
    REFUSES(BNN_ERROR_MISALIGNED, "options is at address",
            bnn_linear_options_init((bnn_linear_options_t *)moved(&options, 1)));
    REFUSES(BNN_ERROR_NULL, "options is NULL",
            bnn_linear_new_with_options_f32(NULL, w, N, K, NULL, NULL, handle));
    REFUSES(BNN_ERROR_NULL, "options is NULL",
            bnn_linear_new_with_options_packed(NULL, bits, N * ROW, N, K, NULL, NULL, handle));
    for (i = 0; i < 4; i++) {
        options.clip = clips[i];
        REFUSES(BNN_ERROR_RANGE, "expected more than 0",
                bnn_linear_new_with_options_f32(&options, w, N, K, NULL, NULL, handle));
        REFUSES(BNN_ERROR_RANGE, "expected more than 0",
                bnn_linear_new_with_options_packed(&options, bits, N * ROW, N, K, NULL, NULL,
                                                   handle));
    }
}

static void forward_refuses(const bnn_linear_t *layer) {
    float *y = payload(out[Y]);
    uint64_t *save = payload(out[SAVE]);
    size_t n = 7;
    REFUSES(BNN_ERROR_NULL, "linear is NULL", bnn_linear_size(NULL, &n, &n));
    REFUSES(BNN_ERROR_NULL, "n is NULL", bnn_linear_size(layer, NULL, &n));
    REFUSES(BNN_ERROR_NULL, "k is NULL", bnn_linear_size(layer, &n, NULL));
    REFUSES(BNN_ERROR_OVERLAP, "k is written but overlaps n", bnn_linear_size(layer, &n, &n));
    CHECK(n == 7);
    REFUSES(BNN_ERROR_NULL, "linear is NULL", bnn_linear_forward_f32(NULL, x, M, y));
    REFUSES(BNN_ERROR_NULL, "x is NULL", bnn_linear_forward_f32(layer, NULL, M, y));
    REFUSES(BNN_ERROR_NULL, "y is NULL", bnn_linear_forward_f32(layer, x, M, NULL));
    REFUSES(BNN_ERROR_MISALIGNED, "linear is at address",
            bnn_linear_forward_f32((const bnn_linear_t *)moved(layer, 1), x, M, y));
    REFUSES(BNN_ERROR_MISALIGNED, "x is at address",
            bnn_linear_forward_f32(layer, moved(x, 1), 1, y));
    REFUSES(BNN_ERROR_MISALIGNED, "y is at address",
            bnn_linear_forward_f32(layer, x, 1, moved(y, 2)));
    REFUSES(BNN_ERROR_ZERO, "m is 0", bnn_linear_forward_f32(layer, x, 0, y));
    REFUSES(BNN_ERROR_OVERFLOW, "too large", bnn_linear_forward_f32(layer, x, SIZE_MAX, y));
    REFUSES(BNN_ERROR_OVERFLOW, "x is too large",
            bnn_linear_forward_f32(layer, x, SIZE_MAX / K / 2, y));
    REFUSES(BNN_ERROR_OVERLAP, "y is written but overlaps x",
            bnn_linear_forward_f32(layer, y, M, y));

    REFUSES(BNN_ERROR_NULL, "linear is NULL",
            bnn_linear_forward_saving_f32(NULL, x, M, y, save, SAVED));
    REFUSES(BNN_ERROR_NULL, "x is NULL",
            bnn_linear_forward_saving_f32(layer, NULL, M, y, save, SAVED));
    REFUSES(BNN_ERROR_NULL, "y is NULL",
            bnn_linear_forward_saving_f32(layer, x, M, NULL, save, SAVED));
    REFUSES(BNN_ERROR_NULL, "saved is NULL",
            bnn_linear_forward_saving_f32(layer, x, M, y, NULL, SAVED));
    REFUSES(BNN_ERROR_MISALIGNED, "saved is at address",
            bnn_linear_forward_saving_f32(layer, x, M, y, moved(save, 4), SAVED));
    REFUSES(BNN_ERROR_ZERO, "m is 0",
            bnn_linear_forward_saving_f32(layer, x, 0, y, save, SAVED));
    REFUSES(BNN_ERROR_TOO_SHORT, "saved_words: expected at least 8, found 7",
            bnn_linear_forward_saving_f32(layer, x, M, y, save, SAVED - 1));
    REFUSES(BNN_ERROR_OVERFLOW, "too large",
            bnn_linear_forward_saving_f32(layer, x, SIZE_MAX, y, save, SIZE_MAX));
    REFUSES(BNN_ERROR_OVERLAP, "saved is written but overlaps y",
            bnn_linear_forward_saving_f32(layer, x, 1, (float *)payload(out[SAVE]), save, SAVED));
}

static void backward_refuses(const bnn_linear_t *layer) {
    float *dx = payload(out[DX]), *dw = payload(out[DW]);
    float *ds = payload(out[DSCALE]), *db = payload(out[DBIAS]);
    uint64_t dirty[SAVED];
    REFUSES(BNN_ERROR_NULL, "linear is NULL",
            bnn_linear_backward_f32(NULL, saved, SAVED, dy, M, dx, dw, ds, db));
    REFUSES(BNN_ERROR_NULL, "saved is NULL",
            bnn_linear_backward_f32(layer, NULL, SAVED, dy, M, dx, dw, ds, db));
    REFUSES(BNN_ERROR_NULL, "grad_y is NULL",
            bnn_linear_backward_f32(layer, saved, SAVED, NULL, M, dx, dw, ds, db));
    REFUSES(BNN_ERROR_MISALIGNED, "saved is at address",
            bnn_linear_backward_f32(layer, moved(saved, 4), SAVED, dy, 1, dx, dw, ds, db));
    REFUSES(BNN_ERROR_MISALIGNED, "grad_y is at address",
            bnn_linear_backward_f32(layer, saved, SAVED, moved(dy, 1), 1, dx, dw, ds, db));
    REFUSES(BNN_ERROR_MISALIGNED, "grad_x is at address",
            bnn_linear_backward_f32(layer, saved, SAVED, dy, M, moved(dx, 1), dw, ds, db));
    REFUSES(BNN_ERROR_MISALIGNED, "grad_w is at address",
            bnn_linear_backward_f32(layer, saved, SAVED, dy, M, dx, moved(dw, 1), ds, db));
    REFUSES(BNN_ERROR_MISALIGNED, "grad_scale is at address",
            bnn_linear_backward_f32(layer, saved, SAVED, dy, M, dx, dw, moved(ds, 1), db));
    REFUSES(BNN_ERROR_MISALIGNED, "grad_bias is at address",
            bnn_linear_backward_f32(layer, saved, SAVED, dy, M, dx, dw, ds, moved(db, 1)));
    REFUSES(BNN_ERROR_ZERO, "m is 0",
            bnn_linear_backward_f32(layer, saved, SAVED, dy, 0, dx, dw, ds, db));
    REFUSES(BNN_ERROR_TOO_SHORT, "saved_words: expected at least 8, found 7",
            bnn_linear_backward_f32(layer, saved, SAVED - 1, dy, M, dx, dw, ds, db));
    REFUSES(BNN_ERROR_OVERFLOW, "too large",
            bnn_linear_backward_f32(layer, saved, SIZE_MAX, dy, SIZE_MAX, dx, dw, ds, db));
    REFUSES(BNN_ERROR_OVERLAP, "grad_x is written but overlaps grad_y",
            bnn_linear_backward_f32(layer, saved, SAVED, dx, M, dx, dw, ds, db));
    REFUSES(BNN_ERROR_OVERLAP, "grad_w is written but overlaps grad_x",
            bnn_linear_backward_f32(layer, saved, SAVED, dy, M, dx, dx, ds, db));
    REFUSES(BNN_ERROR_OVERLAP, "grad_bias is written but overlaps grad_scale",
            bnn_linear_backward_f32(layer, saved, SAVED, dy, M, dx, dw, ds, ds));
    memset(dirty, 0, sizeof dirty);
    dirty[1] = (uint64_t)1 << 63; /* after the 70th sign of row 0 */
    REFUSES(BNN_ERROR_TAIL_BITS, "saved: row 0 has a bit set after",
            bnn_linear_backward_f32(layer, dirty, SAVED, dy, M, dx, dw, ds, db));
    dirty[1] = 0;
    dirty[SAVED - 1] = (uint64_t)1 << 63; /* in the mask */
    REFUSES(BNN_ERROR_TAIL_BITS, "saved: row 1 has a bit set after",
            bnn_linear_backward_f32(layer, dirty, SAVED, dy, M, dx, dw, ds, db));
}

void test_linear_errors(void) {
    bnn_linear_t *layer = NULL;
    size_t i;
    eighths(w, N * K, 1);
    eighths(x, M * K, 2);
    out[Y] = guarded(M * K, sizeof(float)); /* so large that it can stand for x */
    out[SAVE] = guarded(SAVED, sizeof(uint64_t));
    out[DX] = guarded(N * K, sizeof(float)); /* so large that it can stand for grad_w */
    out[DW] = guarded(N * K, sizeof(float));
    out[DSCALE] = guarded(N, sizeof(float));
    out[DBIAS] = guarded(N, sizeof(float));
    out[HANDLE] = guarded(1, sizeof(bnn_linear_t *));
    CHECK(bnn_linear_new_f32(w, N, K, NULL, NULL, &layer) == BNN_OK);
    CHECK(bnn_linear_forward_saving_f32(layer, x, M, dy, saved, SAVED) == BNN_OK);
    new_refuses();
    new_packed_refuses();
    options_refuse();
    forward_refuses(layer);
    backward_refuses(layer);
    bnn_linear_free(layer);
    for (i = 0; i < 7; i++) {
        release(out[i]);
    }
}
