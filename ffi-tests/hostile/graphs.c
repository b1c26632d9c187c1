/* Builders of graphs. */
#include <string.h>

#include "hostile.h"

enum { SLOTS = 6, NODES = 12 };

static bnn_graph_t *graphs[SLOTS];

static int keep(int status, bnn_graph_t **made) {
    const size_t slot = below(SLOTS);
    if (status == BNN_OK) {
        bnn_graph_free(graphs[slot]);
        graphs[slot] = *made;
    }
    return status;
}

/* Of few sizes, so that nodes often fit each other. */
static size_t side(void) { return one_in(24) ? dimension() : 3; }

static int graph_new(void) {
    bnn_graph_t **made = output(1, sizeof *made);
    const int32_t element = one_in(6) ? (int32_t)any64() : (int32_t)below(2);
    const int32_t bits = one_in(6) ? (int32_t)any64() : element == 0 ? 1 : (int32_t)(1 + below(8));
    const size_t height = side(), width = side();
    /* Not often, so that graphs grow. */
    if (!one_in(8)) {
        return SKIPPED;
    }
    return keep((int)bnn_graph_new(element, bits, height, width, side(), spoiled(made)), made);
}

static int graph_free(void) {
    const size_t slot = below(SLOTS);
    if (one_in(32)) {
        bnn_graph_free(graphs[slot]);
        graphs[slot] = NULL;
    }
    bnn_graph_free(NULL);
    return BNN_OK;
}

static bnn_graph_t *some_graph(void) { return spoiled(graphs[below(SLOTS)]); }

/* The number of a node, mostly of one that there is: small ones are drawn more often. */
static size_t node(void) { return one_in(24) ? dimension() : below(1 + below(NODES)); }

static void *new_node(void) { return spoiled(output(1, sizeof(size_t))); }

static int graph_meta(void) {
    const size_t len = dimension();
    const uint8_t *text = place(len, 1);
    return text == NULL ? SKIPPED : (int)bnn_graph_meta(some_graph(), or_null(text), len);
}

static int graph_node(void) {
    void *element = output(1, sizeof(int32_t)), *shape = output(3, sizeof(size_t));
    return (int)bnn_graph_node(some_graph(), node(), spoiled(element), spoiled(shape));
}

static bnn_conv2d_options_t windows(void) {
    bnn_conv2d_options_t options;
    bnn_conv2d_options_init(&options);
    options.height = one_in(8) ? side() : 0;
    options.width = one_in(8) ? side() : 0;
    options.channels = one_in(2) ? side() : 0;
    options.outputs = side();
    options.kernel_height = one_in(8) ? side() : 1;
    options.kernel_width = one_in(8) ? side() : one_in(8) ? 0 : 1;
    options.groups = one_in(8) ? side() : 1;
    options.stride_x = one_in(8) ? dimension() : 1;
    options.dilation_y = one_in(8) ? dimension() : 1;
    options.pad_top = one_in(8) ? dimension() : 0;
    options.pad_right = one_in(8) ? dimension() : 0;
    options.pad_value = one_in(8) ? (int32_t)any64() : one_in(4) ? (int32_t)below(3) : 0;
    return options;
}

/* Weights for these options over images of any node, which has at most as many pixels and channels as a
 * block has bytes: the library may read so many, of up to 8 bytes each, and there are no more in a block. */
static const void *weights_for(const bnn_conv2d_options_t *o, bnn_graph_t *graph, size_t x) {
    size_t shape[3] = {1, 1, 1}, height, width, channels;
    int32_t element;
    if (graph != NULL && ((uintptr_t)graph & 7) == 0) {
        bnn_graph_node(graph, x, &element, shape);
    }
    height = o->kernel_height == 0 ? shape[0] : o->kernel_height;
    width = o->kernel_width == 0 ? shape[1] : o->kernel_width;
    channels = o->channels == 0 ? shape[2] : o->channels;
    return place(times(times(height, width), times(o->outputs, channels)), sizeof(uint64_t));
}

static int32_t kind_of_weights(void) { return one_in(12) ? (int32_t)any64() : (int32_t)below(4); }

static int graph_conv2d(void) {
    const bnn_conv2d_options_t options = windows();
    bnn_graph_t *graph = some_graph();
    const size_t x = node();
    const void *w = weights_for(&options, graph, x);
    const float *scale = place(options.outputs, 4), *bias = place(options.outputs, 4);
    const int32_t kind = kind_of_weights();
    if (w == NULL || scale == NULL || bias == NULL) {
        return SKIPPED;
    }
    scale = or_null(scale);
    bias = or_null(spoiled(bias));
    w = spoiled(w);
    return (int)bnn_graph_conv2d_f32(graph, x, spoiled(&options), kind, w, scale, bias, new_node());
}

static int graph_conv2d_threshold(void) {
    const bnn_conv2d_options_t options = windows();
    bnn_graph_t *graph = some_graph();
    const size_t x = node();
    const void *w = weights_for(&options, graph, x);
    const int32_t *thresholds = place(options.outputs, 4), kind = kind_of_weights();
    if (w == NULL || thresholds == NULL) {
        return SKIPPED;
    }
    thresholds = spoiled(thresholds);
    w = spoiled(w);
    return (int)bnn_graph_conv2d_threshold_i32(graph, x, spoiled(&options), kind, w, thresholds, new_node());
}

static int graph_affine(void) {
    const size_t n = one_in(8) ? dimension() : 3;
    const float *scale = place(n, sizeof *scale), *bias = place(n, sizeof *bias);
    if (scale == NULL || bias == NULL) {
        return SKIPPED;
    }
    scale = or_null(scale);
    bias = or_null(spoiled(bias));
    return (int)bnn_graph_affine_f32(some_graph(), node(), scale, bias, n, new_node());
}

static int graph_batch_norm(void) {
    const size_t n = one_in(8) ? dimension() : 3;
    const float *gamma = or_null(place(n, 4)), *beta = or_null(place(n, 4));
    const float *mean = place(n, 4), *var = place(n, 4);
    float eps = 1e-5f;
    const uint32_t bits = (uint32_t)any64();
    if (mean == NULL || var == NULL) {
        return SKIPPED;
    }
    if (one_in(4)) {
        memcpy(&eps, &bits, sizeof eps);
    }
    mean = spoiled(mean);
    return (int)bnn_graph_batch_norm_f32(some_graph(), node(), gamma, beta, mean, spoiled(var), eps, n, new_node());
}

static int graph_sign_f32(void) {
    const size_t n = one_in(8) ? dimension() : 3;
    const float *thresholds = place(n, 4);
    if (thresholds == NULL) {
        return SKIPPED;
    }
    return (int)bnn_graph_sign_f32(some_graph(), node(), spoiled(thresholds), n, new_node());
}

static int graph_sign_i32(void) {
    const size_t n = one_in(8) ? dimension() : 3;
    const int32_t *thresholds = place(n, 4);
    if (thresholds == NULL) {
        return SKIPPED;
    }
    return (int)bnn_graph_sign_i32(some_graph(), one_in(2) ? 0 : node(), spoiled(thresholds), n, new_node());
}

static int graph_prelu(void) {
    const size_t n = one_in(8) ? dimension() : 3;
    const float *before = or_null(place(n, 4)), *slope = place(n, 4), *after = or_null(place(n, 4));
    if (slope == NULL) {
        return SKIPPED;
    }
    return (int)bnn_graph_prelu_f32(some_graph(), node(), before, spoiled(slope), after, n, new_node());
}

static int graph_relu(void) { return (int)bnn_graph_relu(some_graph(), node(), new_node()); }

static float number(void) {
    const uint32_t bits = (uint32_t)any64();
    float x = (float)(bits % 9) - 4.0f;
    if (one_in(4)) {
        memcpy(&x, &bits, sizeof x);
    }
    return x;
}

static int graph_clamp(void) {
    const float low = number();
    return (int)bnn_graph_clamp_f32(some_graph(), node(), low, number(), new_node());
}

static bnn_fixed_t fixed(void) {
    bnn_fixed_t to;
    to.element = one_in(12) ? (int32_t)any64() : one_in(8) ? BNN_ELEMENT_I32 : BNN_ELEMENT_I16;
    to.exponent = one_in(12) ? (int32_t)any64() : one_in(4) ? (int32_t)below(48) - 16 : 8;
    to.shift = one_in(12) ? (int32_t)any64() : (int32_t)below(63);
    return to;
}

static int graph_conv2d_fixed(void) {
    const bnn_conv2d_options_t options = windows();
    const bnn_fixed_t to = fixed();
    bnn_graph_t *graph = some_graph();
    const size_t x = one_in(2) ? 0 : node();
    const void *w = weights_for(&options, graph, x);
    const int32_t *factor = place(options.outputs, 4), *bias = place(options.outputs, 4);
    const int32_t kind = kind_of_weights();
    if (w == NULL || factor == NULL || bias == NULL) {
        return SKIPPED;
    }
    factor = spoiled(factor);
    w = spoiled(w);
    return (int)bnn_graph_conv2d_fixed_i32(graph, x, spoiled(&options), kind, w, spoiled(&to), factor, bias,
                                           new_node());
}

static int graph_affine_fixed(void) {
    const bnn_fixed_t to = fixed();
    const size_t n = one_in(8) ? dimension() : 3;
    const int32_t *factor = place(n, 4), *bias = place(n, 4);
    if (factor == NULL || bias == NULL) {
        return SKIPPED;
    }
    factor = spoiled(factor);
    return (int)bnn_graph_affine_fixed_i32(some_graph(), one_in(2) ? 0 : node(), spoiled(&to), factor, bias, n,
                                           new_node());
}

static int graph_prelu_fixed(void) {
    const size_t n = one_in(8) ? dimension() : 3;
    const int32_t *before = or_null(place(n, 4)), *slope = place(n, 4), *after = or_null(place(n, 4));
    const int32_t shift = one_in(8) ? (int32_t)any64() : (int32_t)below(63);
    if (slope == NULL) {
        return SKIPPED;
    }
    return (int)bnn_graph_prelu_fixed_i32(some_graph(), node(), before, spoiled(slope), after, shift, n, new_node());
}

static int graph_clamp_i32(void) {
    const int32_t low = (int32_t)any64();
    return (int)bnn_graph_clamp_i32(some_graph(), node(), low, (int32_t)any64(), new_node());
}

static int graph_add_fixed(void) {
    const size_t a = node();
    const int32_t exponent = one_in(6) ? (int32_t)any64() : (int32_t)below(48) - 16;
    return (int)bnn_graph_add_fixed(some_graph(), a, one_in(2) ? a : node(), exponent, new_node());
}

static bnn_pool2d_options_t pool(void) {
    bnn_pool2d_options_t options;
    bnn_pool2d_options_init(&options);
    options.kernel_height = one_in(4) ? dimension() : 1;
    options.kernel_width = one_in(4) ? dimension() : 1;
    options.stride_x = one_in(4) ? dimension() : 1;
    options.pad_left = one_in(8) ? dimension() : 0;
    options.pad_bottom = one_in(8) ? dimension() : 0;
    return options;
}

static int graph_max_pool2d(void) {
    const bnn_pool2d_options_t options = pool();
    return (int)bnn_graph_max_pool2d(some_graph(), node(), spoiled(&options), new_node());
}

static int graph_average_pool2d(void) {
    const bnn_pool2d_options_t options = pool();
    return (int)bnn_graph_average_pool2d(some_graph(), node(), spoiled(&options), new_node());
}

static int graph_add(void) {
    const size_t a = node();
    return (int)bnn_graph_add(some_graph(), a, node(), new_node());
}

static int graph_concat(void) {
    /* Not often: channels that double ask for much memory. */
    const size_t a = node();
    return one_in(4) ? (int)bnn_graph_concat(some_graph(), a, node(), new_node()) : SKIPPED;
}

static int graph_flatten(void) {
    return one_in(4) ? (int)bnn_graph_flatten(some_graph(), node(), new_node()) : SKIPPED;
}

static int graph_finish(void) {
    return one_in(12) ? (int)bnn_graph_finish(some_graph(), spoiled(output(1, sizeof(size_t)))) : SKIPPED;
}

static int graph_file(void) {
    const size_t len = below(BLOCK_BYTES);
    void *bytes = output(len, 1);
    return (int)bnn_graph_file(some_graph(), or_null(bytes), len);
}

void free_graphs(void) {
    size_t i;
    for (i = 0; i < SLOTS; i++) {
        bnn_graph_free(graphs[i]);
    }
}

const call_t graph_calls[] = {
    {"bnn_graph_new", graph_new},
    {"bnn_graph_free", graph_free},
    {"bnn_graph_meta", graph_meta},
    {"bnn_graph_node", graph_node},
    {"bnn_graph_conv2d_f32", graph_conv2d},
    {"bnn_graph_conv2d_threshold_i32", graph_conv2d_threshold},
    {"bnn_graph_affine_f32", graph_affine},
    {"bnn_graph_batch_norm_f32", graph_batch_norm},
    {"bnn_graph_sign_f32", graph_sign_f32},
    {"bnn_graph_sign_i32", graph_sign_i32},
    {"bnn_graph_relu", graph_relu},
    {"bnn_graph_prelu_f32", graph_prelu},
    {"bnn_graph_clamp_f32", graph_clamp},
    {"bnn_graph_max_pool2d", graph_max_pool2d},
    {"bnn_graph_average_pool2d", graph_average_pool2d},
    {"bnn_graph_add", graph_add},
    {"bnn_graph_concat", graph_concat},
    {"bnn_graph_flatten", graph_flatten},
    {"bnn_graph_conv2d_fixed_i32", graph_conv2d_fixed},
    {"bnn_graph_affine_fixed_i32", graph_affine_fixed},
    {"bnn_graph_prelu_fixed_i32", graph_prelu_fixed},
    {"bnn_graph_clamp_i32", graph_clamp_i32},
    {"bnn_graph_add_fixed", graph_add_fixed},
    {"bnn_graph_finish", graph_finish},
    {"bnn_graph_file", graph_file},
    {NULL, NULL},
};
