/* Builders of model files. */
#include <string.h>

#include "hostile.h"

enum { SLOTS = 6 };

static bnn_builder_t *builders[SLOTS];

static int keep(int status, bnn_builder_t **made) {
    const size_t slot = below(SLOTS);
    if (status == BNN_OK) {
        bnn_builder_free(builders[slot]);
        builders[slot] = *made;
    }
    return status;
}

static int builder_new(void) {
    bnn_builder_t **made = output(1, sizeof *made);
    const int32_t element = one_in(6) ? (int32_t)any64() : (int32_t)below(2);
    const int32_t bits = one_in(6) ? (int32_t)any64() : element == 0 ? 1 : (int32_t)(1 + below(8));
    return keep((int)bnn_builder_new(element, bits, spoiled(made)), made);
}

static int builder_new_thresholds(void) {
    bnn_builder_t **made = output(1, sizeof *made);
    const size_t len = dimension();
    const uint8_t *thresholds = place(len, 1);
    if (thresholds == NULL) {
        return SKIPPED;
    }
    return keep((int)bnn_builder_new_thresholds(or_null(thresholds), len, spoiled(made)), made);
}

static int builder_free(void) {
    const size_t slot = below(SLOTS);
    if (one_in(8)) {
        bnn_builder_free(builders[slot]);
        builders[slot] = NULL;
    }
    bnn_builder_free(NULL);
    return BNN_OK;
}

static bnn_builder_t *some_builder(void) { return spoiled(builders[below(SLOTS)]); }

static int builder_meta(void) {
    const size_t len = dimension();
    const uint8_t *text = place(len, 1);
    return text == NULL ? SKIPPED : (int)bnn_builder_meta(some_builder(), or_null(text), len);
}

static int builder_linear(void) {
    /* Of few sizes, so that layers often fit each other. */
    const size_t n = one_in(8) ? dimension() : 3, k = one_in(8) ? dimension() : 3;
    const float *w = place(times(n, k), sizeof *w);
    return w == NULL ? SKIPPED : (int)bnn_builder_linear_f32(some_builder(), spoiled(w), n, k);
}

static int builder_affine(void) {
    const size_t n = one_in(8) ? dimension() : 3;
    const float *scale = place(n, sizeof *scale), *bias = place(n, sizeof *bias);
    if (scale == NULL || bias == NULL || n > BLOCK_BYTES) {
        return SKIPPED;
    }
    return (int)bnn_builder_affine_f32(some_builder(), spoiled(scale), spoiled(bias), n);
}

static int builder_batch_norm(void) {
    const size_t n = one_in(8) ? dimension() : 3;
    const float *gamma = or_null(place(n, 4)), *beta = or_null(place(n, 4));
    const float *mean = place(n, 4), *var = place(n, 4);
    float eps = 1e-5f;
    uint32_t bits = (uint32_t)any64();
    if (mean == NULL || var == NULL || n > BLOCK_BYTES) {
        return SKIPPED;
    }
    if (one_in(4)) {
        memcpy(&eps, &bits, sizeof eps);
    }
    return (int)bnn_builder_batch_norm_f32(some_builder(), gamma, beta, spoiled(mean), spoiled(var),
                                           eps, n);
}

static int builder_threshold(void) {
    const size_t n = one_in(8) ? dimension() : 3;
    const int32_t *thresholds = place(n, sizeof *thresholds);
    if (thresholds == NULL) {
        return SKIPPED;
    }
    return (int)bnn_builder_threshold_i32(some_builder(), spoiled(thresholds), n);
}

static int builder_tolerance(void) {
    const uint32_t bits = (uint32_t)any64();
    float tolerance = (float)(bits % 5) / 4.0f;
    if (one_in(3)) {
        memcpy(&tolerance, &bits, sizeof tolerance);
    }
    return (int)bnn_builder_set_tolerance(some_builder(), tolerance);
}

/* Images of few sizes, so that layers often fit each other. */
static size_t side(void) { return one_in(16) ? dimension() : 3; }

static int builder_image(void) {
    const size_t height = side(), width = side();
    return (int)bnn_builder_image(some_builder(), height, width, side());
}

static int builder_conv2d(void) {
    bnn_conv2d_options_t options;
    const float *w;
    bnn_conv2d_options_init(&options);
    options.height = side();
    options.width = side();
    options.channels = side();
    options.outputs = side();
    options.kernel_height = one_in(8) ? side() : 1;
    options.kernel_width = one_in(8) ? side() : 1;
    options.groups = one_in(8) ? side() : 1;
    options.stride_y = one_in(8) ? dimension() : 1;
    options.dilation_x = one_in(8) ? dimension() : 1;
    options.pad_left = one_in(8) ? dimension() : 0;
    options.pad_bottom = one_in(8) ? dimension() : 0;
    options.pad_value = one_in(8) ? (int32_t)any64() : (int32_t)below(3);
    w = place(times(times(options.kernel_height, options.kernel_width),
                    times(options.outputs, options.channels)),
              sizeof *w);
    return w == NULL ? SKIPPED
                     : (int)bnn_builder_conv2d_f32(some_builder(), spoiled(&options), spoiled(w));
}

static int pool2d_options_init(void) {
    return (int)bnn_pool2d_options_init(spoiled(output(1, sizeof(bnn_pool2d_options_t))));
}

static int builder_max_pool2d(void) {
    bnn_pool2d_options_t options;
    bnn_pool2d_options_init(&options);
    options.kernel_height = one_in(4) ? dimension() : 1;
    options.kernel_width = one_in(4) ? dimension() : 1;
    options.stride_y = one_in(4) ? dimension() : 1;
    options.pad_top = one_in(8) ? dimension() : 0;
    options.pad_right = one_in(8) ? dimension() : 0;
    return (int)bnn_builder_max_pool2d(some_builder(), spoiled(&options));
}

static int builder_flatten(void) { return (int)bnn_builder_flatten(some_builder()); }

static int builder_sign(void) { return (int)bnn_builder_sign(some_builder()); }

static int builder_finish(void) {
    return (int)bnn_builder_finish(some_builder(), spoiled(output(1, sizeof(size_t))));
}

static int builder_file(void) {
    const size_t len = below(BLOCK_BYTES);
    void *bytes = output(len, 1);
    return (int)bnn_builder_file(some_builder(), or_null(bytes), len);
}

void free_builders(void) {
    size_t i;
    for (i = 0; i < SLOTS; i++) {
        bnn_builder_free(builders[i]);
    }
}

const call_t builder_calls[] = {
    {"bnn_builder_new", builder_new},
    {"bnn_builder_new_thresholds", builder_new_thresholds},
    {"bnn_builder_free", builder_free},
    {"bnn_builder_meta", builder_meta},
    {"bnn_builder_linear_f32", builder_linear},
    {"bnn_builder_affine_f32", builder_affine},
    {"bnn_builder_batch_norm_f32", builder_batch_norm},
    {"bnn_builder_threshold_i32", builder_threshold},
    {"bnn_builder_set_tolerance", builder_tolerance},
    {"bnn_builder_image", builder_image},
    {"bnn_builder_conv2d_f32", builder_conv2d},
    {"bnn_pool2d_options_init", pool2d_options_init},
    {"bnn_builder_max_pool2d", builder_max_pool2d},
    {"bnn_builder_flatten", builder_flatten},
    {"bnn_builder_sign", builder_sign},
    {"bnn_builder_finish", builder_finish},
    {"bnn_builder_file", builder_file},
    {NULL, NULL},
};
