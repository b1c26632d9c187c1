/* Graphs: a residual network and fixed point that the builder of graphs makes, against plain loops; and
 * what it refuses. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { HEIGHT = 5, WIDTH = 4, CHANNELS = 3, FILTERS = 6, TAPS = 9, OUT = 2 };
enum { PIXELS = HEIGHT * WIDTH };

static float stem[FILTERS * TAPS * CHANNELS], block[FILTERS * TAPS * FILTERS];
static float scale[FILTERS], bias[FILTERS], slope[FILTERS], shift[FILTERS];
static int8_t head[OUT * FILTERS];
static uint8_t x[PIXELS * CHANNELS];

/* The float that is stored: nothing is kept in wider registers, nothing is fused. */
static float stored(float value) {
    volatile float memory = value;
    return memory;
}

/* What 3 x 3 filters of signs make of a padded image of `channels` numbers per pixel. */
static void convolved(const float *image, size_t channels, const float *w, float *sums) {
    size_t pixel, filter, tap, channel;
    for (pixel = 0; pixel < PIXELS; pixel++) {
        for (filter = 0; filter < FILTERS; filter++) {
            float sum = 0.0f;
            for (tap = 0; tap < TAPS; tap++) {
                /* -1 wraps around */
                const size_t i = pixel / WIDTH + tap / 3 - 1, j = pixel % WIDTH + tap % 3 - 1;
                for (channel = 0; i < HEIGHT && j < WIDTH && channel < channels; channel++) {
                    sum += image[(i * WIDTH + j) * channels + channel] *
                           (float)sign(w[(filter * TAPS + tap) * channels + channel]);
                }
            }
            sums[pixel * FILTERS + filter] = sum;
        }
    }
}

/* The scores, one operation after another. */
static void expected_scores(float *scores) {
    float image[PIXELS * CHANNELS], first[PIXELS * FILTERS], signs[PIXELS * FILTERS], second[PIXELS * FILTERS];
    size_t i, j;
    for (i = 0; i < PIXELS * CHANNELS; i++) {
        image[i] = x[i];
    }
    convolved(image, CHANNELS, stem, first);
    for (i = 0; i < PIXELS * FILTERS; i++) {
        first[i] = stored(stored(scale[i % FILTERS] * first[i]) + bias[i % FILTERS]);
        signs[i] = (float)sign(first[i]);
    }
    convolved(signs, FILTERS, block, second);
    for (i = 0; i < PIXELS * FILTERS; i++) {
        const size_t c = i % FILTERS;
        float y = stored(stored(second[i] + shift[c]) + first[i]);
        second[i] = y >= 0.0f ? y : stored(slope[c] * y);
    }
    for (j = 0; j < OUT; j++) {
        float sum = 0.0f;
        for (i = 0; i < FILTERS; i++) {
            float mean = 0.0f;
            size_t pixel;
            for (pixel = 0; pixel < PIXELS; pixel++) {
                mean = stored(mean + second[pixel * FILTERS + i]);
            }
            mean = stored(mean / (float)PIXELS);
            sum = stored(sum + stored(mean * (float)head[j * FILTERS + i]));
        }
        scores[j] = sum;
    }
}

static bnn_conv2d_options_t windows(void) {
    bnn_conv2d_options_t o;
    CHECK(bnn_conv2d_options_init(&o) == BNN_OK);
    o.outputs = FILTERS;
    o.kernel_height = o.kernel_width = 3;
    o.pad_top = o.pad_bottom = o.pad_left = o.pad_right = 1;
    return o;
}

static bnn_graph_t *network(void) {
    const bnn_conv2d_options_t conv = windows();
    bnn_conv2d_options_t dense;
    bnn_pool2d_options_t whole;
    bnn_graph_t *g = NULL;
    const float zeros[FILTERS] = {0};
    size_t first = 99, y = 99;
    CHECK(bnn_conv2d_options_init(&dense) == BNN_OK);
    dense.outputs = OUT;
    CHECK(bnn_pool2d_options_init(&whole) == BNN_OK);
    CHECK(bnn_graph_new(BNN_ELEMENT_U8, 8, HEIGHT, WIDTH, CHANNELS, &g) == BNN_OK);
    CHECK(bnn_graph_meta(g, (const uint8_t *)"name=graph\n", 11) == BNN_OK);
    CHECK(bnn_graph_conv2d_f32(g, 0, &conv, BNN_WEIGHTS_SIGNS, stem, scale, bias, &first) == BNN_OK);
    CHECK(first == 1);
    CHECK(bnn_graph_sign_f32(g, first, zeros, FILTERS, &y) == BNN_OK);
    CHECK(bnn_graph_conv2d_f32(g, y, &conv, BNN_WEIGHTS_SIGNS, block, NULL, NULL, &y) == BNN_OK);
    CHECK(bnn_graph_affine_f32(g, y, NULL, shift, FILTERS, &y) == BNN_OK);
    CHECK(bnn_graph_add(g, y, first, &y) == BNN_OK);
    CHECK(bnn_graph_prelu_f32(g, y, NULL, slope, NULL, FILTERS, &y) == BNN_OK);
    CHECK(bnn_graph_average_pool2d(g, y, &whole, &y) == BNN_OK);
    CHECK(bnn_graph_conv2d_f32(g, y, &dense, BNN_WEIGHTS_I8, head, NULL, NULL, &y) == BNN_OK);
    CHECK(y == 8);
    return g;
}

/* Runs the file in place and packed. */
static void run(const uint64_t *file, size_t len, const float *expected) {
    bnn_model_t model;
    bnn_packed_model_t *packed = NULL;
    bnn_tensor_t output;
    float y[OUT], z[OUT];
    uint64_t *scratch;
    CHECK(bnn_model_open((const uint8_t *)file, len, &model) == BNN_OK);
    CHECK(bnn_model_output(&model, &output) == BNN_OK);
    CHECK(output.element == BNN_ELEMENT_F32 && output.elements == OUT);
    scratch = allocated(bnn_model_scratch_bytes(&model));
    CHECK(bnn_model_run(&model, x, sizeof x, y, sizeof y, scratch, bnn_model_scratch_bytes(&model)) == BNN_OK);
    CHECK(bnn_packed_model_new((const uint8_t *)file, len, &packed) == BNN_OK);
    CHECK(bnn_packed_model_run(packed, 1, x, sizeof x, z, sizeof z) == BNN_OK);
    CHECK(memcmp(y, expected, sizeof y) == 0);
    CHECK(memcmp(z, expected, sizeof z) == 0);
    bnn_packed_model_free(packed);
    free(scratch);
}

static void a_residual_network_is_what_the_loops_compute(void) {
    bnn_graph_t *g = network();
    size_t len = 0, shape[3] = {0, 0, 0};
    int32_t element = -1;
    float expected[OUT];
    uint64_t *file;
    CHECK(bnn_graph_node(g, 6, &element, shape) == BNN_OK);
    CHECK(element == BNN_ELEMENT_F32 && shape[0] == HEIGHT && shape[1] == WIDTH && shape[2] == FILTERS);
    CHECK(bnn_graph_node(g, 2, &element, shape) == BNN_OK);
    CHECK(element == BNN_ELEMENT_BITS);
    CHECK(bnn_graph_finish(g, &len) == BNN_OK);
    file = allocated(len + 8);
    CHECK(bnn_graph_file(g, (uint8_t *)file, len) == BNN_OK);
    bnn_graph_free(g);
    expected_scores(expected);
    run(file, len, expected);
    free(file);
}

/* `round(v * factor / 2^shift) + bias`, as signed integers of 16 bits have it. */
static int32_t step(int32_t v, int32_t factor, int32_t shift, int32_t bias) {
    int64_t y = ((int64_t)v * factor + ((int64_t)1 << (shift - 1))) >> shift;
    y += bias;
    return y > 32767 ? 32767 : y < -32768 ? -32768 : (int32_t)y;
}

/* Integers from the first node to the last: what is computed on a device without floats. */
static void fixed_point_is_what_the_loops_compute(void) {
    const bnn_fixed_t inside = {BNN_ELEMENT_I16, 4, 3}, outside = {BNN_ELEMENT_I32, 9, 1};
    const int32_t factor[CHANNELS] = {5, -900, 4000}, bias[CHANNELS] = {-7, 0, 300}, slope[CHANNELS] = {-3, 1, 2};
    const int32_t ones[OUT] = {1, 3}, zeros[OUT] = {0, -5};
    bnn_conv2d_options_t dense;
    bnn_graph_t *g = NULL;
    size_t y, z, len = 0, i, j;
    uint64_t *file, *scratch;
    bnn_model_t model;
    int8_t w[OUT * PIXELS * CHANNELS];
    int32_t scores[OUT];
    for (i = 0; i < sizeof w; i++) {
        w[i] = (int8_t)((int)(i * 41 % 255) - 127);
    }
    CHECK(bnn_conv2d_options_init(&dense) == BNN_OK);
    dense.outputs = OUT;
    CHECK(bnn_graph_new(BNN_ELEMENT_U8, 8, HEIGHT, WIDTH, CHANNELS, &g) == BNN_OK);
    CHECK(bnn_graph_affine_fixed_i32(g, 0, &inside, factor, bias, CHANNELS, &y) == BNN_OK);
    CHECK(bnn_graph_prelu_fixed_i32(g, y, NULL, slope, NULL, 2, CHANNELS, &z) == BNN_OK);
    CHECK(bnn_graph_add_fixed(g, y, z, 3, &y) == BNN_OK);
    CHECK(bnn_graph_clamp_i32(g, y, -20000, 25000, &y) == BNN_OK);
    CHECK(bnn_graph_conv2d_fixed_i32(g, y, &dense, BNN_WEIGHTS_I8, w, &outside, ones, zeros, &y) == BNN_OK);
    CHECK(y == 5);
    CHECK(bnn_graph_finish(g, &len) == BNN_OK);
    file = allocated(len + 8);
    CHECK(bnn_graph_file(g, (uint8_t *)file, len) == BNN_OK);
    bnn_graph_free(g);
    CHECK(bnn_model_open((const uint8_t *)file, len, &model) == BNN_OK);
    scratch = allocated(bnn_model_scratch_bytes(&model));
    CHECK(bnn_model_run(&model, x, sizeof x, scores, sizeof scores, scratch, bnn_model_scratch_bytes(&model)) == BNN_OK);
    for (j = 0; j < OUT; j++) {
        int64_t sum = 0;
        for (i = 0; i < PIXELS * CHANNELS; i++) {
            const size_t c = i % CHANNELS;
            const int32_t v = step(x[i], factor[c], 3, bias[c]);
            const int32_t r = v >= 0 ? v : step(v, slope[c], 2, 0);
            int32_t s = step(v + r, 1, 1, 0); /* from an exponent of 4 to one of 3 */
            s = s > 25000 ? 25000 : s < -20000 ? -20000 : s;
            sum += s * w[j * PIXELS * CHANNELS + i];
        }
        CHECK(scores[j] == (int32_t)((sum * ones[j] + 1) >> 1) + zeros[j]);
    }
    free(scratch);
    free(file);
}

static void what_does_not_fit_is_refused_by_name(void) {
    const bnn_conv2d_options_t conv = windows();
    bnn_graph_t *g = network();
    const guarded_t node = guarded(1, sizeof(size_t)), none = guarded(1, 1);
    size_t *number = payload(node), len;
    uint8_t byte;
    REFUSED(&node, 1, BNN_ERROR_NULL, "graph is NULL", bnn_graph_relu(NULL, 1, number));
    REFUSED(&node, 1, BNN_ERROR_NULL, "node is NULL", bnn_graph_relu(g, 1, NULL));
    REFUSED(&node, 1, BNN_ERROR_RANGE, "x: expected at most 8, found 9", bnn_graph_relu(g, 9, number));
    REFUSED(&node, 1, BNN_ERROR_LAYER, "x is node 2, of +-1 bits, expected f32", bnn_graph_relu(g, 2, number));
    REFUSED(&node, 1, BNN_ERROR_LAYER, "x is node 0, of u8, expected f32, fixed point or bits", bnn_graph_flatten(g, 0, number));
    REFUSED(&node, 1, BNN_ERROR_LAYER, "node 1 is [5, 4, 6] of f32, node 7 is [1, 1, 6] of f32: expected one shape",
            bnn_graph_add(g, 1, 7, number));
    REFUSED(&node, 1, BNN_ERROR_LAYER, "n is 2, expected 6",
            bnn_graph_sign_f32(g, 1, slope, 2, number));
    REFUSED(&node, 1, BNN_ERROR_LAYER, "weights is BNN_WEIGHTS_F32, expected one of [BNN_WEIGHTS_SIGNS, BNN_WEIGHTS_BITS, BNN_WEIGHTS_I8]: x is of u8",
            bnn_graph_conv2d_f32(g, 0, &conv, BNN_WEIGHTS_F32, stem, NULL, NULL, number));
    REFUSED(&node, 1, BNN_ERROR_UNSUPPORTED, "expected NULL: multiply the weights by it",
            bnn_graph_conv2d_f32(g, 1, &conv, BNN_WEIGHTS_F32, block, scale, NULL, number));
    REFUSED(&node, 1, BNN_ERROR_RANGE, "weights is 9, expected a bnn_weights_t",
            bnn_graph_conv2d_f32(g, 0, &conv, 9, stem, NULL, NULL, number));
    REFUSED(&none, 1, BNN_ERROR_LAYER, "expected bnn_graph_finish before", bnn_graph_file(g, &byte, 1));
    CHECK(bnn_graph_relu(g, 1, number) == BNN_OK && *number == 9);
    REFUSED(&none, 1, BNN_ERROR_LAYER, "node 8: expected a later node that reads it", bnn_graph_finish(g, &len));
    bnn_graph_free(g);
    bnn_graph_free(NULL);
    release(node);
    release(none);
}

void test_graph(void) {
    size_t i;
    eighths(stem, sizeof stem / sizeof *stem, 1);
    eighths(block, sizeof block / sizeof *block, 2);
    eighths(scale, FILTERS, 3);
    eighths(bias, FILTERS, 4);
    eighths(slope, FILTERS, 5);
    eighths(shift, FILTERS, 6);
    for (i = 0; i < sizeof x; i++) {
        x[i] = (uint8_t)(i * 37 % 256);
    }
    for (i = 0; i < sizeof head; i++) {
        head[i] = (int8_t)((int)(i * 29 % 255) - 127);
    }
    a_residual_network_is_what_the_loops_compute();
    fixed_point_is_what_the_loops_compute();
    what_does_not_fit_is_refused_by_name();
}
