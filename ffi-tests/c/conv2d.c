/* The convolution against its definition; every sum here is exact, so that results are equal. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { BATCH = 2 };

/* A convolution, and the floats it was made of. */
typedef struct case_t {
    bnn_conv2d_t *conv;
    bnn_conv2d_options_t o;
    float *w, *scale, *bias;
    size_t depth, filter, image, out_height, out_width, out_image;
} case_t;

static case_t new_case(bnn_conv2d_options_t o) {
    case_t c;
    c.o = o;
    c.depth = o.channels / o.groups;
    c.filter = o.kernel_height * o.kernel_width * c.depth;
    c.image = o.height * o.width * o.channels;
    c.w = some_eighths(o.outputs * c.filter, 1);
    c.scale = some_eighths(o.outputs, 2);
    c.bias = some_eighths(o.outputs, 3);
    c.conv = NULL;
    CHECK(bnn_conv2d_new_f32(&c.o, c.w, c.scale, c.bias, &c.conv) == BNN_OK);
    CHECK(bnn_conv2d_output_size(c.conv, &c.out_height, &c.out_width) == BNN_OK);
    c.out_image = c.out_height * c.out_width * o.outputs;
    return c;
}

static void free_case(case_t c) {
    bnn_conv2d_free(c.conv);
    free(c.w);
    free(c.scale);
    free(c.bias);
}

/* The element of an image under a tap; SIZE_MAX in the padding. */
static size_t under(const case_t *c, size_t oy, size_t ox, size_t ky, size_t kx, size_t channel) {
    /* Wraps around where it lies before the image. */
    const size_t y = oy * c->o.stride_y + ky * c->o.dilation_y - c->o.pad_top;
    const size_t x = ox * c->o.stride_x + kx * c->o.dilation_x - c->o.pad_left;
    if (y >= c->o.height || x >= c->o.width) {
        return SIZE_MAX;
    }
    return (y * c->o.width + x) * c->o.channels + channel;
}

/* What every output sees: adds to the sum, or hands the gradient of the sum back. */
static float window(const case_t *c, const float *x, size_t oy, size_t ox, size_t output,
                    const float *dsum, float *dx, float *dw) {
    const float paddings[] = {0.0f, -1.0f, 1.0f};
    const size_t group = output / (c->o.outputs / c->o.groups);
    float sum = 0.0f;
    size_t ky, kx, l;
    for (ky = 0; ky < c->o.kernel_height; ky++) {
        for (kx = 0; kx < c->o.kernel_width; kx++) {
            for (l = 0; l < c->depth; l++) {
                const size_t at = under(c, oy, ox, ky, kx, group * c->depth + l);
                const size_t tap = (ky * c->o.kernel_width + kx) * c->depth + l;
                const float w = (float)sign(c->w[output * c->filter + tap]);
                const float a =
                    at == SIZE_MAX ? paddings[c->o.pad_value] : (float)sign(x[at]);
                sum += a * w;
                if (dsum != NULL) {
                    dw[output * c->filter + tap] += *dsum * a;
                    if (at != SIZE_MAX && fabsf(x[at]) <= c->o.clip) {
                        dx[at] += *dsum * w;
                    }
                }
            }
        }
    }
    return sum;
}

/* Outputs and gradients by their definition; the latter are added to zeros. */
static void define(const case_t *c, const float *x, const float *dy, float *y, float *dx, float *dw,
                   float *dscale, float *dbias) {
    size_t b, oy, ox, output;
    for (b = 0; b < BATCH; b++) {
        for (oy = 0; oy < c->out_height; oy++) {
            for (ox = 0; ox < c->out_width; ox++) {
                for (output = 0; output < c->o.outputs; output++) {
                    const size_t at = b * c->out_image +
                                      (oy * c->out_width + ox) * c->o.outputs + output;
                    const float dsum = dy[at] * c->scale[output];
                    const float sum = window(c, x + b * c->image, oy, ox, output, &dsum,
                                             dx + b * c->image, dw);
                    y[at] = c->scale[output] * sum + c->bias[output];
                    dscale[output] += dy[at] * sum;
                    dbias[output] += dy[at];
                }
            }
        }
    }
}

static float *zeros(size_t count) {
    float *x = allocated(count * sizeof *x);
    memset(x, 0, count * sizeof *x);
    return x;
}

/* Equal, or zeros of either sign, and guards whole; releases and frees both. */
static int is(guarded_t found, float *expected, size_t count) {
    const float *x = payload(found);
    int same = guards_intact(found);
    size_t i;
    for (i = 0; i < count; i++) {
        same = same && x[i] == expected[i];
    }
    release(found);
    free(expected);
    return same;
}

static void passes_are_right(bnn_conv2d_options_t options) {
    const case_t c = new_case(options);
    const size_t xs = BATCH * c.image, ys = BATCH * c.out_image, n = options.outputs;
    const size_t ws = n * c.filter, words = bnn_conv2d_saved_words(c.conv, BATCH);
    float *x = some_eighths(xs, 4), *dy = some_eighths(ys, 5), *ey = zeros(ys), *again = zeros(ys);
    float *ex = zeros(xs), *ew = zeros(ws), *es = zeros(n), *eb = zeros(n);
    guarded_t y = guarded(ys, sizeof(float)), y2 = guarded(ys, sizeof(float));
    guarded_t dx = guarded(xs, sizeof(float)), dw = guarded(ws, sizeof(float));
    guarded_t ds = guarded(n, sizeof(float)), db = guarded(n, sizeof(float));
    guarded_t saved = guarded(words, sizeof(uint64_t));

    define(&c, x, dy, ey, ex, ew, es, eb);
    memcpy(again, ey, ys * sizeof *ey);
    CHECK(words == 2 * BATCH * bnn_row_words(c.image));
    CHECK(bnn_conv2d_forward_f32(c.conv, x, BATCH, payload(y)) == BNN_OK);
    CHECK(is(y, ey, ys));
    CHECK(bnn_conv2d_forward_saving_f32(c.conv, x, BATCH, payload(y2), payload(saved), words) ==
          BNN_OK);
    CHECK(is(y2, again, ys) && guards_intact(saved));
    CHECK(bnn_conv2d_backward_f32(c.conv, payload(saved), words, dy, BATCH, NULL, NULL, NULL,
                                  NULL) == BNN_OK);
    CHECK(untouched(dx) && untouched(dw) && untouched(ds) && untouched(db));
    CHECK(bnn_conv2d_backward_f32(c.conv, payload(saved), words, dy, BATCH, payload(dx),
                                  payload(dw), payload(ds), payload(db)) == BNN_OK);
    CHECK(is(dx, ex, xs));
    CHECK(is(dw, ew, ws));
    CHECK(is(ds, es, n));
    CHECK(is(db, eb, n));
    release(saved), free(x), free(dy);
    free_case(c);
}

void test_conv2d(void) {
    const size_t shapes[][3] = {{3, 4, 1}, {4, 6, 2}, {5, 5, 5}, {65, 3, 1}};
    bnn_conv2d_options_t o;
    size_t shape, way;
    int32_t pad_value;
    for (shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
        for (way = 0; way < 8; way++) {
            for (pad_value = BNN_PAD_ZERO; pad_value <= BNN_PAD_PLUS_ONE; pad_value++) {
                CHECK(bnn_conv2d_options_init(&o) == BNN_OK);
                CHECK(o.stride_y == 1 && o.groups == 1 && o.pad_left == 0 && o.clip == 1.0f);
                o.height = 5;
                o.width = 6;
                o.kernel_height = 3;
                o.kernel_width = 2;
                o.channels = shapes[shape][0];
                o.outputs = shapes[shape][1];
                o.groups = shapes[shape][2];
                o.stride_y = way & 1 ? 2 : 1;
                o.dilation_x = way & 2 ? 2 : 1;
                if (way & 4) {
                    o.pad_top = 1;
                    o.pad_bottom = 2;
                    o.pad_left = 2;
                }
                o.pad_value = pad_value;
                o.clip = way & 1 ? 0.5f : 1.0f;
                passes_are_right(o);
            }
        }
    }
    bnn_conv2d_free(NULL);
}
