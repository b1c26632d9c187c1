/* A packed model allocates in the first run of a number of samples, and no more in the next ones. Linked with
 * `--wrap`, so that every allocation of the program, the library included, is counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bnn.h"

static unsigned long count;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
int __real_posix_memalign(void **place, size_t align, size_t size);

void *__wrap_malloc(size_t size) {
    count++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
    count++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size) {
    count++;
    return __real_realloc(old, size);
}

int __wrap_posix_memalign(void **place, size_t align, size_t size) {
    count++;
    return __real_posix_memalign(place, align, size);
}

static unsigned long passed, failed;

static void check(int right, const char *what, size_t samples, unsigned long found) {
    if (right) {
        passed++;
    } else {
        failed++;
        fprintf(stderr, "%s, %lu samples: failed (%lu)\n", what, (unsigned long)samples, found);
    }
}

enum { SIDE = 16, FILTERS = 64, OUT = 10, MOST = 100 };

static float w[FILTERS * 9 * FILTERS + OUT * SIDE * SIDE * FILTERS];
static uint8_t x[MOST * SIDE * SIDE];
static float y[MOST * OUT];

/* Of images, with two convolutions and a dense layer, or of rows, with two dense layers. */
static bnn_packed_model_t *model(int images) {
    bnn_builder_t *b = NULL;
    bnn_packed_model_t *packed = NULL;
    bnn_conv2d_options_t o;
    const float ones[OUT] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    uint8_t *file;
    size_t len = 0;
    bnn_builder_new(BNN_ELEMENT_U8, 8, &b);
    if (images) {
        bnn_conv2d_options_init(&o);
        o.height = o.width = SIDE;
        o.channels = 1;
        o.outputs = FILTERS;
        o.kernel_height = o.kernel_width = 3;
        o.pad_top = o.pad_bottom = o.pad_left = o.pad_right = 1;
        bnn_builder_image(b, SIDE, SIDE, 1);
        bnn_builder_conv2d_f32(b, &o, w);
        o.channels = FILTERS;
        bnn_builder_conv2d_f32(b, &o, w);
        bnn_builder_flatten(b);
        bnn_builder_linear_f32(b, w, OUT, SIDE * SIDE * FILTERS);
    } else {
        bnn_builder_linear_f32(b, w, FILTERS, SIDE * SIDE);
        bnn_builder_linear_f32(b, w, OUT, FILTERS);
    }
    bnn_builder_affine_f32(b, ones, NULL, OUT);
    check(bnn_builder_finish(b, &len) == BNN_OK, "building", 0, 0);
    file = malloc(len);
    check(file != NULL && bnn_builder_file(b, file, len) == BNN_OK, "the file", 0, 0);
    bnn_builder_free(b);
    check(bnn_packed_model_new(file, len, &packed) == BNN_OK, "packing", 0, 0);
    free(file);
    return packed;
}

static void run(const bnn_packed_model_t *packed, size_t samples) {
    const bnn_status_t status = bnn_packed_model_run(packed, samples, x, samples * SIDE * SIDE, y,
                                                     samples * OUT * sizeof *y);
    check(status == BNN_OK, "a run", samples, (unsigned long)status);
}

int main(void) {
    const size_t samples[] = {1, 2, 33, MOST};
    size_t i, images;
    for (i = 0; i < sizeof w / sizeof *w; i++) {
        w[i] = (float)(i * 7 % 13) - 6.0f;
    }
    for (i = 0; i < sizeof x; i++) {
        x[i] = (uint8_t)(i * 37);
    }
    check(bnn_set_num_threads(1) == BNN_OK, "one thread", 0, 0);
    for (images = 0; images < 2; images++) {
        bnn_packed_model_t *packed = model((int)images);
        check(count > 0, "allocations are counted", 0, 0);
        for (i = 0; i < sizeof samples / sizeof *samples; i++) {
            int round;
            run(packed, samples[i]);
            count = 0;
            for (round = 0; round < 5; round++) {
                run(packed, samples[i]);
                run(packed, samples[0]);
            }
            check(count == 0, images ? "allocations of a CNN" : "allocations of an MLP", samples[i],
                  count);
        }
        bnn_packed_model_free(packed);
    }
    printf("%lu passed, %lu failed\n", passed, failed);
    return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
