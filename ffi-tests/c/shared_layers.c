/* Threads that share a layer, forward, saving and backward at once, with any number of threads inside
 * the library: all give what one thread gives. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { THREADS = 4, ROUNDS = 2 };
/* Large enough that the library shares the work out. */
enum { M = 64, N = 130, K = 1100, BATCH = 3, SIDE = 12, CHANNELS = 40, OUTPUTS = 24 };
enum { IMAGE = SIDE * SIDE * CHANNELS, OUTPUT = SIDE * SIDE * OUTPUTS };
enum { FILTERS = OUTPUTS * 9 * CHANNELS };

static bnn_linear_t *linear;
static bnn_conv2d_t *conv;

/* All that one pass of both layers gives. */
typedef struct results_t {
    float y[M * N], dx[M * K], dw[N * K], dscale[N], dbias[N];
    float cy[BATCH * OUTPUT], cdx[BATCH * IMAGE], cdw[FILTERS], cdscale[OUTPUTS], cdbias[OUTPUTS];
} results_t;

static void pass(const float *x, const float *dy, results_t *r) {
    const size_t words = bnn_linear_saved_words(M, K), cwords = bnn_conv2d_saved_words(conv, BATCH);
    uint64_t *saved = allocated(words * 8), *csaved = allocated(cwords * 8);
    CHECK(bnn_linear_forward_saving_f32(linear, x, M, r->y, saved, words) == BNN_OK);
    CHECK(bnn_linear_backward_f32(linear, saved, words, dy, M, r->dx, r->dw, r->dscale,
                                  r->dbias) == BNN_OK);
    CHECK(bnn_linear_forward_f32(linear, x, M, r->y) == BNN_OK);
    CHECK(bnn_conv2d_forward_saving_f32(conv, x, BATCH, r->cy, csaved, cwords) == BNN_OK);
    CHECK(bnn_conv2d_backward_f32(conv, csaved, cwords, dy, BATCH, r->cdx, r->cdw, r->cdscale,
                                  r->cdbias) == BNN_OK);
    CHECK(bnn_conv2d_forward_f32(conv, x, BATCH, r->cy) == BNN_OK);
    free(saved);
    free(csaved);
}

static float *inputs, *cotangents;
static results_t *expected;

static void *work(void *unused) {
    results_t *own = allocated(sizeof *own);
    int round;
    (void)unused;
    for (round = 0; round < ROUNDS; round++) {
        memset(own, PATTERN, sizeof *own);
        pass(inputs, cotangents, own);
        CHECK(memcmp(own, expected, sizeof *own) == 0);
    }
    free(own);
    return NULL;
}

static void all_at_once(void) {
    pthread_t threads[THREADS];
    size_t i;
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static void numbers_of_threads_are_checked(void) {
    const size_t before = bnn_num_threads();
    CHECK(before >= 1);
    CHECK(bnn_set_num_threads(0) == BNN_ERROR_ZERO);
    CHECK(bnn_set_num_threads(1025) == BNN_ERROR_RANGE);
    CHECK(bnn_num_threads() == before);
}

void test_shared_layers(void) {
    const size_t counts[] = {3, 1, 2};
    float *w = some_eighths(FILTERS > N * K ? FILTERS : N * K, 1), *scale = some_eighths(N, 2);
    bnn_conv2d_options_t o;
    size_t i;
    bnn_conv2d_options_init(&o);
    o.height = o.width = SIDE;
    o.channels = CHANNELS;
    o.outputs = OUTPUTS;
    o.kernel_height = o.kernel_width = 3;
    o.pad_top = o.pad_bottom = o.pad_left = o.pad_right = 1;
    CHECK(bnn_linear_new_f32(w, N, K, scale, scale, &linear) == BNN_OK);
    CHECK(bnn_conv2d_new_f32(&o, w, scale, scale, &conv) == BNN_OK);
    inputs = some_eighths(BATCH * IMAGE > M * K ? BATCH * IMAGE : M * K, 3);
    cotangents = some_eighths(BATCH * OUTPUT > M * N ? BATCH * OUTPUT : M * N, 4);
    /* No sum here is exact by itself: an order that depended on threads would be seen. */
    for (i = 0; i < (size_t)(BATCH * OUTPUT > M * N ? BATCH * OUTPUT : M * N); i++) {
        cotangents[i] /= 3.0f;
    }
    expected = allocated(sizeof *expected);
    memset(expected, PATTERN, sizeof *expected);
    pass(inputs, cotangents, expected);

    numbers_of_threads_are_checked();
    all_at_once();
    for (i = 0; i < sizeof counts / sizeof *counts; i++) {
        CHECK(bnn_set_num_threads(counts[i]) == BNN_OK);
        CHECK(bnn_num_threads() == counts[i]);
        all_at_once();
    }
    free(w);
    free(scale);
    free(inputs);
    free(cotangents);
    free(expected);
    bnn_linear_free(linear);
    bnn_conv2d_free(conv);
}
