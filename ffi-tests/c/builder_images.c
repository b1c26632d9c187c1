/* Models of images: what the builder makes of convolutions, pools and thresholds, against plain loops. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { HEIGHT = 5, WIDTH = 4, CHANNELS = 3, FILTERS = 6, TAPS = 9, OUT = 2 };
/* A pool of 2 x 2 with a stride of 1 over images of 5 x 4. */
enum { POOLED_HEIGHT = HEIGHT - 1, POOLED_WIDTH = WIDTH - 1 };
enum { FLAT = POOLED_HEIGHT * POOLED_WIDTH * FILTERS };

static float filters[FILTERS * TAPS * CHANNELS], w[OUT * FLAT];
static uint8_t x[HEIGHT * WIDTH * CHANNELS];
static const int32_t thresholds[FILTERS] = {-40, 0, 7, 55, 1000, -1000};

/* The sum of a window of 3 x 3 pixels around one, with zeros outside. */
static int32_t sum_at(size_t row, size_t col, size_t filter) {
    int32_t sum = 0;
    size_t tap, channel;
    for (tap = 0; tap < TAPS; tap++) {
        const size_t i = row + tap / 3 - 1, j = col + tap % 3 - 1; /* -1 wraps around */
        for (channel = 0; i < HEIGHT && j < WIDTH && channel < CHANNELS; channel++) {
            sum += x[(i * WIDTH + j) * CHANNELS + channel] * sign(filters[(filter * TAPS + tap) * CHANNELS + channel]);
        }
    }
    return sum;
}

/* The sign of the largest of four neighbours. */
static int pooled(size_t row, size_t col, size_t filter) {
    size_t at;
    for (at = 0; at < 4; at++) {
        if (sum_at(row + at / 2, col + at % 2, filter) >= thresholds[filter]) {
            return 1;
        }
    }
    return -1;
}

static bnn_conv2d_options_t windows(void) {
    bnn_conv2d_options_t o;
    CHECK(bnn_conv2d_options_init(&o) == BNN_OK);
    o.height = HEIGHT;
    o.width = WIDTH;
    o.channels = CHANNELS;
    o.outputs = FILTERS;
    o.kernel_height = o.kernel_width = 3;
    o.pad_top = o.pad_bottom = o.pad_left = o.pad_right = 1;
    return o;
}

/* Runs the model on `x`; frees the builder. */
static void run(bnn_builder_t *builder, int32_t *y, size_t outputs) {
    size_t len = 0;
    uint64_t *file, *scratch;
    bnn_model_t model;
    CHECK(bnn_builder_finish(builder, &len) == BNN_OK);
    file = allocated(len + 8);
    CHECK(bnn_builder_file(builder, (uint8_t *)file, len) == BNN_OK);
    bnn_builder_free(builder);
    CHECK(bnn_model_open((const uint8_t *)file, len, &model) == BNN_OK);
    scratch = allocated(bnn_model_scratch_bytes(&model) + 8);
    CHECK(bnn_model_run(&model, x, sizeof x, y, outputs * sizeof *y, scratch,
                        bnn_model_scratch_bytes(&model)) == BNN_OK);
    free(scratch);
    free(file);
}

void test_builder_images(void) {
    const bnn_conv2d_options_t conv = windows();
    bnn_conv2d_options_t other = windows();
    bnn_pool2d_options_t pool;
    bnn_builder_t *builder;
    int32_t sums[HEIGHT * WIDTH * FILTERS], scores[OUT];
    size_t i, j;
    eighths(filters, sizeof filters / sizeof *filters, 1);
    eighths(w, sizeof w / sizeof *w, 2);
    for (i = 0; i < sizeof x; i++) {
        x[i] = (uint8_t)(i * 37 % 64);
    }

    CHECK(bnn_builder_new(BNN_ELEMENT_U8, 6, &builder) == BNN_OK);
    CHECK(bnn_builder_conv2d_f32(builder, &conv, filters) == BNN_ERROR_LAYER); /* no images yet */
    CHECK(bnn_builder_image(builder, HEIGHT, WIDTH, CHANNELS) == BNN_OK);
    other.height++;
    CHECK(bnn_builder_conv2d_f32(builder, &other, filters) == BNN_ERROR_LAYER);
    CHECK(strstr(bnn_last_error_message(), "images [6, 4, 3], expected [5, 4, 3]") != NULL);
    CHECK(bnn_builder_conv2d_f32(builder, &conv, filters) == BNN_OK);
    run(builder, sums, HEIGHT * WIDTH * FILTERS);
    for (i = 0; i < HEIGHT * WIDTH * FILTERS; i++) {
        CHECK(sums[i] == sum_at(i / FILTERS / WIDTH, i / FILTERS % WIDTH, i % FILTERS));
    }

    CHECK(bnn_pool2d_options_init(&pool) == BNN_OK);
    pool.kernel_height = pool.kernel_width = 2;
    pool.stride_y = pool.stride_x = 1;
    CHECK(bnn_builder_new(BNN_ELEMENT_U8, 6, &builder) == BNN_OK);
    CHECK(bnn_builder_image(builder, HEIGHT, WIDTH, CHANNELS) == BNN_OK);
    CHECK(bnn_builder_conv2d_f32(builder, &conv, filters) == BNN_OK);
    CHECK(bnn_builder_threshold_i32(builder, thresholds, FILTERS) == BNN_OK);
    CHECK(bnn_builder_max_pool2d(builder, &pool) == BNN_OK);
    CHECK(bnn_builder_flatten(builder) == BNN_OK);
    CHECK(bnn_builder_linear_f32(builder, w, OUT, FLAT) == BNN_OK);
    run(builder, scores, OUT);
    for (j = 0; j < OUT; j++) {
        int32_t sum = 0;
        for (i = 0; i < FLAT; i++) {
            const size_t pixel = i / FILTERS;
            sum += pooled(pixel / POOLED_WIDTH, pixel % POOLED_WIDTH, i % FILTERS) * sign(w[j * FLAT + i]);
        }
        CHECK(scores[j] == sum);
    }
}
