/* Linear layers and convolutions. */
#include <string.h>

#include "hostile.h"

enum { SLOTS = 8 };

static bnn_linear_t *linears[SLOTS];
static bnn_conv2d_t *convs[SLOTS];
/* Elements of an image and of an output image of each convolution. */
static struct {
    size_t image, output, filters, outputs;
} sizes[SLOTS];

/* Where a constructor writes its handle: memory that is watched, because it must not be written else. */
static union {
    bnn_linear_t *linear;
    bnn_conv2d_t *conv;
} *made;

static void *handle_place(void) {
    made = output(1, sizeof *made);
    return spoiled(made);
}

static float any_clip(void) {
    static const uint32_t patterns[] = {0,          0x80000000, 0xbf800000, 0x7fc00000,
                                        0x7f800000, 0xff800000, 1,          0x40000000};
    const uint32_t one = 0x3f800000, pattern = one_in(4) ? patterns[below(8)] : one;
    float clip;
    memcpy(&clip, &pattern, sizeof clip);
    return clip;
}

static void keep_linear(int status, size_t slot) {
    if (status == BNN_OK) {
        bnn_linear_free(linears[slot]);
        linears[slot] = made->linear;
    }
}

static int linear_new(int packed, int with_options) {
    const size_t n = dimension(), k = dimension(), slot = below(SLOTS);
    const size_t words = times(n, bnn_row_words(k));
    const void *w = packed ? place(words, 8) : place(times(n, k), sizeof(float));
    const float *scale = or_null(place(n, sizeof *scale)), *bias = or_null(place(n, sizeof *bias));
    bnn_linear_options_t *options = place(1, sizeof *options);
    void *out = handle_place();
    bnn_linear_options_t own;
    int status;
    if (w == NULL || (n > BLOCK_BYTES / 4 && (scale != NULL || bias != NULL))) {
        return SKIPPED; /* a NULL of `place` cannot be told from one that is meant */
    }
    own.clip = any_clip();
    options = one_in(4) ? options : &own;
    w = spoiled(w);
    scale = one_in(20) ? spoiled(scale) : scale;
    options = spoiled(options);
    if (packed) {
        const size_t bits_words = about(words);
        status = with_options ? (int)bnn_linear_new_with_options_packed(options, w, bits_words, n, k,
                                                                        scale, bias, out)
                              : (int)bnn_linear_new_packed(w, bits_words, n, k, scale, bias, out);
    } else {
        status = with_options
                     ? (int)bnn_linear_new_with_options_f32(options, w, n, k, scale, bias, out)
                     : (int)bnn_linear_new_f32(w, n, k, scale, bias, out);
    }
    keep_linear(status, slot);
    return status;
}

static int linear_new_f32(void) { return linear_new(0, 0); }
static int linear_new_packed(void) { return linear_new(1, 0); }
static int linear_new_options_f32(void) { return linear_new(0, 1); }
static int linear_new_options_packed(void) { return linear_new(1, 1); }

static int linear_options_init(void) {
    return (int)bnn_linear_options_init(spoiled(output(1, sizeof(bnn_linear_options_t))));
}

static int linear_free(void) {
    const size_t slot = below(SLOTS);
    if (one_in(4)) {
        bnn_linear_free(linears[slot]);
        linears[slot] = NULL;
    }
    bnn_linear_free(NULL);
    return BNN_OK;
}

static const bnn_linear_t *some_linear(size_t *n, size_t *k) {
    const bnn_linear_t *linear = linears[below(SLOTS)];
    *n = *k = 1;
    if (linear != NULL) {
        bnn_linear_size(linear, n, k);
    }
    return linear;
}

static int linear_size(void) {
    size_t n, k;
    const bnn_linear_t *linear = some_linear(&n, &k);
    size_t *first = output(1, sizeof n), *second = output(1, sizeof k);
    return (int)bnn_linear_size(spoiled(linear), spoiled(first), spoiled(second));
}

static int linear_saved_words(void) {
    bnn_linear_saved_words(dimension(), dimension());
    return BNN_OK;
}

static int linear_forward(int saving) {
    size_t n, k;
    const bnn_linear_t *linear = some_linear(&n, &k);
    const size_t m = dimension(), words = bnn_linear_saved_words(m, k);
    const float *x = place(times(m, k), sizeof *x);
    float *y = output(times(m, n), sizeof *y);
    uint64_t *saved = output(words == 0 ? SIZE_MAX : words, sizeof *saved);
    if (x == NULL || y == NULL || saved == NULL) {
        return SKIPPED;
    }
    x = spoiled(x);
    y = spoiled(y);
    return saving ? (int)bnn_linear_forward_saving_f32(spoiled(linear), x, m, y, spoiled(saved),
                                                       about(words))
                  : (int)bnn_linear_forward_f32(spoiled(linear), x, m, y);
}

static int linear_forward_plain(void) { return linear_forward(0); }
static int linear_forward_saving(void) { return linear_forward(1); }

/* A gradient that may be asked for; `skip` if there is no room. */
static float *gradient(size_t count, int *skip) {
    float *grad = output(count, sizeof *grad);
    *skip = *skip || grad == NULL;
    return one_in(3) ? NULL : one_in(30) ? spoiled(grad) : grad;
}

static int linear_backward(void) {
    size_t n, k;
    int skip = 0;
    const bnn_linear_t *linear = some_linear(&n, &k);
    const size_t m = dimension(), words = bnn_linear_saved_words(m, k);
    const uint64_t *saved = place(words == 0 ? SIZE_MAX : words, sizeof *saved);
    const float *dy = place(times(m, n), sizeof *dy);
    float *dx = gradient(times(m, k), &skip), *dw = gradient(times(n, k), &skip);
    float *dscale = gradient(n, &skip), *dbias = gradient(n, &skip);
    if (saved == NULL || dy == NULL || skip) {
        return SKIPPED;
    }
    return (int)bnn_linear_backward_f32(spoiled(linear), spoiled(saved), about(words), spoiled(dy),
                                        m, dx, dw, dscale, dbias);
}

static size_t hostile_dimension(size_t usual) {
    return one_in(12) ? dimension() : one_in(24) ? (size_t)1 << below(64) : usual;
}

static bnn_conv2d_options_t any_options(void) {
    bnn_conv2d_options_t o;
    bnn_conv2d_options_init(&o);
    o.groups = hostile_dimension(one_in(3) ? 2 : 1);
    o.height = hostile_dimension(1 + below(6));
    o.width = hostile_dimension(1 + below(6));
    o.channels = hostile_dimension(2 * (1 + below(4)));
    o.outputs = hostile_dimension(2 * (1 + below(3)));
    o.kernel_height = hostile_dimension(1 + below(3));
    o.kernel_width = hostile_dimension(1 + below(3));
    o.stride_y = hostile_dimension(1 + below(2));
    o.stride_x = hostile_dimension(1 + below(2));
    o.dilation_y = hostile_dimension(1);
    o.dilation_x = hostile_dimension(1 + below(2));
    o.pad_top = hostile_dimension(below(3));
    o.pad_bottom = hostile_dimension(below(3));
    o.pad_left = hostile_dimension(below(3));
    o.pad_right = hostile_dimension(below(3));
    o.pad_value = one_in(20) ? (int32_t)any64() : (int32_t)below(3);
    o.clip = any_clip();
    return o;
}

static int conv2d_new(int packed) {
    bnn_conv2d_options_t own = any_options();
    const size_t per_group = own.groups == 0 ? 0 : own.channels / own.groups;
    const size_t patch = times(times(own.kernel_height, own.kernel_width), per_group);
    const size_t words = times(own.outputs, bnn_row_words(patch)), slot = below(SLOTS);
    const void *w =
        packed ? place(words, 8) : place(times(own.outputs, patch), sizeof(float));
    const float *scale = or_null(place(own.outputs, sizeof *scale));
    const float *bias = or_null(place(own.outputs, sizeof *bias));
    void *out = handle_place();
    int status;
    if (w == NULL || (own.outputs > BLOCK_BYTES / 4 && (scale != NULL || bias != NULL))) {
        return SKIPPED;
    }
    w = spoiled(w);
    status = packed ? (int)bnn_conv2d_new_packed(spoiled(&own), w, about(words), scale, bias, out)
                    : (int)bnn_conv2d_new_f32(spoiled(&own), w, scale, bias, out);
    if (status == BNN_OK) {
        size_t height = 0, width = 0;
        bnn_conv2d_free(convs[slot]);
        convs[slot] = made->conv;
        bnn_conv2d_output_size(convs[slot], &height, &width);
        sizes[slot].image = times(times(own.height, own.width), own.channels);
        sizes[slot].output = times(times(height, width), own.outputs);
        sizes[slot].filters = times(own.outputs, patch);
        sizes[slot].outputs = own.outputs;
    }
    return status;
}

static int conv2d_new_f32(void) { return conv2d_new(0); }
static int conv2d_new_packed(void) { return conv2d_new(1); }

static int conv2d_options_init(void) {
    return (int)bnn_conv2d_options_init(spoiled(output(1, sizeof(bnn_conv2d_options_t))));
}

static int conv2d_free(void) {
    const size_t slot = below(SLOTS);
    if (one_in(4)) {
        bnn_conv2d_free(convs[slot]);
        convs[slot] = NULL;
    }
    bnn_conv2d_free(NULL);
    return BNN_OK;
}

static int conv2d_output_size(void) {
    size_t *height = output(1, sizeof *height), *width = output(1, sizeof *width);
    return (int)bnn_conv2d_output_size(spoiled(convs[below(SLOTS)]), spoiled(height),
                                       spoiled(width));
}

static int conv2d_saved_words(void) {
    bnn_conv2d_saved_words(convs[below(SLOTS)], dimension());
    return BNN_OK;
}

static int conv2d_forward(int saving) {
    const size_t slot = below(SLOTS), batch = dimension();
    const bnn_conv2d_t *conv = convs[slot];
    const size_t words = bnn_conv2d_saved_words(conv, batch);
    const float *x = place(times(batch, sizes[slot].image), sizeof *x);
    float *y = output(times(batch, sizes[slot].output), sizeof *y);
    uint64_t *saved = output(words == 0 ? SIZE_MAX : words, sizeof *saved);
    if (x == NULL || y == NULL || saved == NULL) {
        return SKIPPED;
    }
    x = spoiled(x);
    y = spoiled(y);
    return saving ? (int)bnn_conv2d_forward_saving_f32(spoiled(conv), x, batch, y, spoiled(saved),
                                                       about(words))
                  : (int)bnn_conv2d_forward_f32(spoiled(conv), x, batch, y);
}

static int conv2d_forward_plain(void) { return conv2d_forward(0); }
static int conv2d_forward_saving(void) { return conv2d_forward(1); }

static int conv2d_backward(void) {
    const size_t slot = below(SLOTS), batch = dimension();
    const bnn_conv2d_t *conv = convs[slot];
    const size_t words = bnn_conv2d_saved_words(conv, batch);
    int skip = 0;
    const uint64_t *saved = place(words == 0 ? SIZE_MAX : words, sizeof *saved);
    const float *dy = place(times(batch, sizes[slot].output), sizeof *dy);
    float *dx = gradient(times(batch, sizes[slot].image), &skip);
    float *dw = gradient(sizes[slot].filters, &skip);
    float *dscale = gradient(sizes[slot].outputs, &skip);
    float *dbias = gradient(sizes[slot].outputs, &skip);
    if (saved == NULL || dy == NULL || skip) {
        return SKIPPED;
    }
    return (int)bnn_conv2d_backward_f32(spoiled(conv), spoiled(saved), about(words), spoiled(dy),
                                        batch, dx, dw, dscale, dbias);
}

void free_layers(void) {
    size_t i;
    for (i = 0; i < SLOTS; i++) {
        bnn_linear_free(linears[i]);
        bnn_conv2d_free(convs[i]);
    }
}

const call_t layer_calls[] = {
    {"bnn_linear_options_init", linear_options_init},
    {"bnn_linear_new_f32", linear_new_f32},
    {"bnn_linear_new_packed", linear_new_packed},
    {"bnn_linear_new_with_options_f32", linear_new_options_f32},
    {"bnn_linear_new_with_options_packed", linear_new_options_packed},
    {"bnn_linear_free", linear_free},
    {"bnn_linear_size", linear_size},
    {"bnn_linear_forward_f32", linear_forward_plain},
    {"bnn_linear_saved_words", linear_saved_words},
    {"bnn_linear_forward_saving_f32", linear_forward_saving},
    {"bnn_linear_backward_f32", linear_backward},
    {"bnn_conv2d_options_init", conv2d_options_init},
    {"bnn_conv2d_new_f32", conv2d_new_f32},
    {"bnn_conv2d_new_packed", conv2d_new_packed},
    {"bnn_conv2d_free", conv2d_free},
    {"bnn_conv2d_output_size", conv2d_output_size},
    {"bnn_conv2d_forward_f32", conv2d_forward_plain},
    {"bnn_conv2d_saved_words", conv2d_saved_words},
    {"bnn_conv2d_forward_saving_f32", conv2d_forward_saving},
    {"bnn_conv2d_backward_f32", conv2d_backward},
    {NULL, NULL},
};
