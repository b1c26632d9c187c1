/* Every way in which the convolution refuses a call. */
#include <math.h>

#include "check.h"

enum { BATCH = 2, IMAGE = 4 * 4 * 3, OUTPUT = 3 * 3 * 2, FILTER = 2 * 2 * 3, SAVED = 2 * BATCH };

static float w[2 * FILTER], x[BATCH * IMAGE], dy[BATCH * OUTPUT];
static uint64_t bits[2], saved[SAVED];
/* What a refused call must leave alone: y, saved, the four gradients, and the place of a handle. */
static guarded_t out[7];
enum { Y, SAVE, DX, DW, DSCALE, DBIAS, HANDLE };

#define REFUSES(status, text, call) REFUSED(out, 7, status, text, call)

static bnn_conv2d_options_t options(void) {
    bnn_conv2d_options_t o;
    bnn_conv2d_options_init(&o);
    o.height = o.width = 4;
    o.channels = 3;
    o.outputs = 2;
    o.kernel_height = o.kernel_width = 2;
    return o;
}

/* With one option spoilt. */
#define SPOILT(status, text, change)                                                               \
    do {                                                                                           \
        bnn_conv2d_options_t o = options();                                                        \
        change;                                                                                    \
        REFUSES(status, text, bnn_conv2d_new_f32(&o, w, NULL, NULL, payload(out[HANDLE])));        \
        REFUSES(status, text,                                                                      \
                bnn_conv2d_new_packed(&o, bits, 2, NULL, NULL, payload(out[HANDLE])));             \
    } while (0)

static void options_refuse(void) {
    REFUSES(BNN_ERROR_NULL, "options is NULL", bnn_conv2d_options_init(NULL));
    SPOILT(BNN_ERROR_ZERO, "height is 0", o.height = 0);
    SPOILT(BNN_ERROR_ZERO, "width is 0", o.width = 0);
    SPOILT(BNN_ERROR_ZERO, "channels is 0", o.channels = 0);
    SPOILT(BNN_ERROR_ZERO, "channels is 0", o.outputs = 0);
    SPOILT(BNN_ERROR_ZERO, "kernel height is 0", o.kernel_height = 0);
    SPOILT(BNN_ERROR_ZERO, "kernel width is 0", o.kernel_width = 0);
    SPOILT(BNN_ERROR_ZERO, "vertical stride is 0", o.stride_y = 0);
    SPOILT(BNN_ERROR_ZERO, "horizontal stride is 0", o.stride_x = 0);
    SPOILT(BNN_ERROR_ZERO, "vertical dilation is 0", o.dilation_y = 0);
    SPOILT(BNN_ERROR_ZERO, "horizontal dilation is 0", o.dilation_x = 0);
    SPOILT(BNN_ERROR_ZERO, "groups is 0", o.groups = 0);
    SPOILT(BNN_ERROR_INDIVISIBLE, "image channels, by groups: expected a multiple of 2, found 3",
           o.groups = 2);
    SPOILT(BNN_ERROR_INDIVISIBLE, "output channels, by groups", o.groups = 3);
    SPOILT(BNN_ERROR_RANGE, "kernel", o.kernel_height = 5);
    SPOILT(BNN_ERROR_RANGE, "kernel", o.dilation_x = 4);
    SPOILT(BNN_ERROR_OVERFLOW, "too large", o.pad_top = SIZE_MAX);
    SPOILT(BNN_ERROR_OVERFLOW, "too large", o.pad_right = SIZE_MAX);
    SPOILT(BNN_ERROR_OVERFLOW, "too large", o.height = SIZE_MAX / 2);
    SPOILT(BNN_ERROR_RANGE, "pad_value is 3", o.pad_value = 3);
    SPOILT(BNN_ERROR_RANGE, "pad_value is -1", o.pad_value = -1);
    SPOILT(BNN_ERROR_RANGE, "clip is 0", o.clip = 0.0f);
    SPOILT(BNN_ERROR_RANGE, "clip is NaN", o.clip = NAN);
}

static void new_refuses(void) {
    const bnn_conv2d_options_t o = options();
    bnn_conv2d_t **handle = payload(out[HANDLE]);
    uint64_t dirty[2] = {(uint64_t)1 << FILTER, 0};
    REFUSES(BNN_ERROR_NULL, "options is NULL", bnn_conv2d_new_f32(NULL, w, NULL, NULL, handle));
    REFUSES(BNN_ERROR_NULL, "w is NULL", bnn_conv2d_new_f32(&o, NULL, NULL, NULL, handle));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_conv2d_new_f32(&o, w, NULL, NULL, NULL));
    REFUSES(BNN_ERROR_MISALIGNED, "options is at address",
            bnn_conv2d_new_f32((const bnn_conv2d_options_t *)moved(&o, 1), w, NULL, NULL, handle));
    REFUSES(BNN_ERROR_MISALIGNED, "w is at address",
            bnn_conv2d_new_f32(&o, moved(w, 1), NULL, NULL, handle));
    REFUSES(BNN_ERROR_MISALIGNED, "scale is at address",
            bnn_conv2d_new_f32(&o, w, moved(w, 1), NULL, handle));
    REFUSES(BNN_ERROR_MISALIGNED, "bias is at address",
            bnn_conv2d_new_f32(&o, w, NULL, moved(w, 1), handle));
    w[1] = NAN;
    REFUSES(BNN_ERROR_NOT_FINITE, "w[1] is NaN", bnn_conv2d_new_f32(&o, w, NULL, NULL, handle));
    w[1] = INFINITY;
    REFUSES(BNN_ERROR_NOT_FINITE, "w[1] is inf", bnn_conv2d_new_f32(&o, w, NULL, NULL, handle));
    w[1] = 1.0f;
    REFUSES(BNN_ERROR_NULL, "options is NULL",
            bnn_conv2d_new_packed(NULL, bits, 2, NULL, NULL, handle));
    REFUSES(BNN_ERROR_NULL, "bits is NULL",
            bnn_conv2d_new_packed(&o, NULL, 2, NULL, NULL, handle));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_conv2d_new_packed(&o, bits, 2, NULL, NULL, NULL));
    REFUSES(BNN_ERROR_TOO_SHORT, "bits_words: expected at least 2, found 1",
            bnn_conv2d_new_packed(&o, bits, 1, NULL, NULL, handle));
    REFUSES(BNN_ERROR_TAIL_BITS, "bits: row 0 has a bit set after",
            bnn_conv2d_new_packed(&o, dirty, 2, NULL, NULL, handle));
}

static void forward_refuses(const bnn_conv2d_t *conv) {
    float *y = payload(out[Y]);
    uint64_t *save = payload(out[SAVE]);
    size_t h = 7;
    REFUSES(BNN_ERROR_NULL, "conv is NULL", bnn_conv2d_output_size(NULL, &h, &h));
    REFUSES(BNN_ERROR_NULL, "height is NULL", bnn_conv2d_output_size(conv, NULL, &h));
    REFUSES(BNN_ERROR_NULL, "width is NULL", bnn_conv2d_output_size(conv, &h, NULL));
    REFUSES(BNN_ERROR_OVERLAP, "width is written but overlaps height",
            bnn_conv2d_output_size(conv, &h, &h));
    CHECK(h == 7);
    CHECK(bnn_conv2d_saved_words(conv, BATCH) == SAVED);
    CHECK(bnn_conv2d_saved_words(conv, 0) == 0);
    CHECK(bnn_conv2d_saved_words(conv, SIZE_MAX) == 0);
    CHECK(bnn_conv2d_saved_words(NULL, BATCH) == 0);

    REFUSES(BNN_ERROR_NULL, "conv is NULL", bnn_conv2d_forward_f32(NULL, x, BATCH, y));
    REFUSES(BNN_ERROR_NULL, "x is NULL", bnn_conv2d_forward_f32(conv, NULL, BATCH, y));
    REFUSES(BNN_ERROR_NULL, "y is NULL", bnn_conv2d_forward_f32(conv, x, BATCH, NULL));
    REFUSES(BNN_ERROR_MISALIGNED, "x is at address",
            bnn_conv2d_forward_f32(conv, moved(x, 1), 1, y));
    REFUSES(BNN_ERROR_MISALIGNED, "y is at address",
            bnn_conv2d_forward_f32(conv, x, 1, moved(y, 1)));
    REFUSES(BNN_ERROR_ZERO, "batch is 0", bnn_conv2d_forward_f32(conv, x, 0, y));
    REFUSES(BNN_ERROR_OVERFLOW, "too large", bnn_conv2d_forward_f32(conv, x, SIZE_MAX, y));
    REFUSES(BNN_ERROR_OVERLAP, "y is written but overlaps x",
            bnn_conv2d_forward_f32(conv, y, BATCH, y));

    REFUSES(BNN_ERROR_NULL, "saved is NULL",
            bnn_conv2d_forward_saving_f32(conv, x, BATCH, y, NULL, SAVED));
    REFUSES(BNN_ERROR_NULL, "conv is NULL",
            bnn_conv2d_forward_saving_f32(NULL, x, BATCH, y, save, SAVED));
    REFUSES(BNN_ERROR_NULL, "x is NULL",
            bnn_conv2d_forward_saving_f32(conv, NULL, BATCH, y, save, SAVED));
    REFUSES(BNN_ERROR_NULL, "y is NULL",
            bnn_conv2d_forward_saving_f32(conv, x, BATCH, NULL, save, SAVED));
    REFUSES(BNN_ERROR_MISALIGNED, "saved is at address",
            bnn_conv2d_forward_saving_f32(conv, x, 1, y, moved(save, 4), SAVED));
    REFUSES(BNN_ERROR_ZERO, "batch is 0",
            bnn_conv2d_forward_saving_f32(conv, x, 0, y, save, SAVED));
    REFUSES(BNN_ERROR_TOO_SHORT, "saved_words: expected at least 4, found 3",
            bnn_conv2d_forward_saving_f32(conv, x, BATCH, y, save, SAVED - 1));
    REFUSES(BNN_ERROR_OVERLAP, "saved is written but overlaps x",
            bnn_conv2d_forward_saving_f32(conv, (const float *)payload(out[SAVE]), 1, y, save,
                                          SAVED));
}

static void backward_refuses(const bnn_conv2d_t *conv) {
    float *dx = payload(out[DX]), *dw = payload(out[DW]);
    float *ds = payload(out[DSCALE]), *db = payload(out[DBIAS]);
    uint64_t dirty[SAVED] = {0, 0, 0, (uint64_t)1 << IMAGE};
    REFUSES(BNN_ERROR_NULL, "conv is NULL",
            bnn_conv2d_backward_f32(NULL, saved, SAVED, dy, BATCH, dx, dw, ds, db));
    REFUSES(BNN_ERROR_NULL, "saved is NULL",
            bnn_conv2d_backward_f32(conv, NULL, SAVED, dy, BATCH, dx, dw, ds, db));
    REFUSES(BNN_ERROR_NULL, "grad_y is NULL",
            bnn_conv2d_backward_f32(conv, saved, SAVED, NULL, BATCH, dx, dw, ds, db));
    REFUSES(BNN_ERROR_MISALIGNED, "grad_x is at address",
            bnn_conv2d_backward_f32(conv, saved, SAVED, dy, BATCH, moved(dx, 1), dw, ds, db));
    REFUSES(BNN_ERROR_MISALIGNED, "grad_w is at address",
            bnn_conv2d_backward_f32(conv, saved, SAVED, dy, BATCH, dx, moved(dw, 1), ds, db));
    REFUSES(BNN_ERROR_MISALIGNED, "grad_scale is at address",
            bnn_conv2d_backward_f32(conv, saved, SAVED, dy, BATCH, dx, dw, moved(ds, 1), db));
    REFUSES(BNN_ERROR_MISALIGNED, "grad_bias is at address",
            bnn_conv2d_backward_f32(conv, saved, SAVED, dy, BATCH, dx, dw, ds, moved(db, 1)));
    REFUSES(BNN_ERROR_ZERO, "batch is 0",
            bnn_conv2d_backward_f32(conv, saved, SAVED, dy, 0, dx, dw, ds, db));
    REFUSES(BNN_ERROR_OVERFLOW, "too large",
            bnn_conv2d_backward_f32(conv, saved, SIZE_MAX, dy, SIZE_MAX, dx, dw, ds, db));
    REFUSES(BNN_ERROR_TOO_SHORT, "saved_words: expected at least 4, found 3",
            bnn_conv2d_backward_f32(conv, saved, SAVED - 1, dy, BATCH, dx, dw, ds, db));
    REFUSES(BNN_ERROR_OVERLAP, "grad_x is written but overlaps grad_y",
            bnn_conv2d_backward_f32(conv, saved, SAVED, dx, BATCH, dx, dw, ds, db));
    REFUSES(BNN_ERROR_OVERLAP, "grad_bias is written but overlaps grad_scale",
            bnn_conv2d_backward_f32(conv, saved, SAVED, dy, BATCH, dx, dw, ds, ds));
    REFUSES(BNN_ERROR_TAIL_BITS, "saved: row 1 has a bit set after",
            bnn_conv2d_backward_f32(conv, dirty, SAVED, dy, BATCH, dx, dw, ds, db));
}

void test_conv2d_errors(void) {
    const bnn_conv2d_options_t o = options();
    bnn_conv2d_t *conv = NULL;
    size_t i;
    eighths(w, 2 * FILTER, 1);
    eighths(x, BATCH * IMAGE, 2);
    out[Y] = guarded(BATCH * IMAGE, sizeof(float)); /* so large that it can stand for x */
    out[SAVE] = guarded(IMAGE, sizeof(uint64_t));   /* so large that it can stand for x */
    out[DX] = guarded(BATCH * IMAGE, sizeof(float));
    out[DW] = guarded(2 * FILTER, sizeof(float));
    out[DSCALE] = guarded(2, sizeof(float));
    out[DBIAS] = guarded(2, sizeof(float));
    out[HANDLE] = guarded(1, sizeof(bnn_conv2d_t *));
    CHECK(bnn_conv2d_new_f32(&o, w, NULL, NULL, &conv) == BNN_OK);
    CHECK(bnn_conv2d_forward_saving_f32(conv, x, BATCH, dy, saved, SAVED) == BNN_OK);
    options_refuse();
    new_refuses();
    forward_refuses(conv);
    backward_refuses(conv);
    bnn_conv2d_free(conv);
    for (i = 0; i < 7; i++) {
        release(out[i]);
    }
}
