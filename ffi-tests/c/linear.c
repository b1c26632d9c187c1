/* The linear layer against plain loops; every sum here is exact, so that results are equal. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* A layer and the floats it was made of. */
typedef struct case_t {
    bnn_linear_t *layer;
    float *w, *scale, *bias;
    size_t n, k;
} case_t;

static case_t new_case(size_t n, size_t k) {
    case_t c;
    c.n = n;
    c.k = k;
    c.w = some_eighths(n * k, 1);
    c.scale = some_eighths(n, 2);
    c.bias = some_eighths(n, 3);
    c.layer = NULL;
    CHECK(bnn_linear_new_f32(c.w, n, k, c.scale, c.bias, &c.layer) == BNN_OK);
    CHECK(c.layer != NULL);
    return c;
}

static void free_case(case_t c) {
    bnn_linear_free(c.layer);
    free(c.w);
    free(c.scale);
    free(c.bias);
}

static float sum_of(const case_t *c, const float *x, size_t i, size_t j) {
    float sum = 0.0f;
    size_t l;
    for (l = 0; l < c->k; l++) {
        sum += (float)(sign(x[i * c->k + l]) * sign(c->w[j * c->k + l]));
    }
    return sum;
}

static int outputs_are_right(const case_t *c, const float *x, size_t m, const float *y) {
    size_t i, j;
    for (i = 0; i < m; i++) {
        for (j = 0; j < c->n; j++) {
            if (y[i * c->n + j] != c->scale[j] * sum_of(c, x, i, j) + c->bias[j]) {
                return 0;
            }
        }
    }
    return 1;
}

/* The four gradients by their definition; each is zeroed here. */
static void define(const case_t *c, const float *x, const float *dy, size_t m, float *dx, float *dw,
                   float *dscale, float *dbias) {
    size_t i, j, l;
    memset(dx, 0, m * c->k * sizeof *dx);
    memset(dw, 0, c->n * c->k * sizeof *dw);
    memset(dscale, 0, c->n * sizeof *dscale);
    memset(dbias, 0, c->n * sizeof *dbias);
    for (i = 0; i < m; i++) {
        for (j = 0; j < c->n; j++) {
            const float d = dy[i * c->n + j];
            for (l = 0; l < c->k; l++) {
                const float xl = x[i * c->k + l];
                if (fabsf(xl) <= 1.0f) {
                    dx[i * c->k + l] += d * c->scale[j] * (float)sign(c->w[j * c->k + l]);
                }
                dw[j * c->k + l] += d * c->scale[j] * (float)sign(xl);
            }
            dscale[j] += d * sum_of(c, x, i, j);
            dbias[j] += d;
        }
    }
}

static int equal(guarded_t found, const float *expected, size_t count) {
    const float *x = payload(found);
    size_t i;
    for (i = 0; i < count; i++) {
        if (x[i] != expected[i]) { /* 0.0 and -0.0 are equal */
            return 0;
        }
    }
    return guards_intact(found);
}

static void passes_are_right(size_t m, size_t n, size_t k) {
    const case_t c = new_case(n, k);
    const size_t words = bnn_linear_saved_words(m, k);
    float *x = some_eighths(m * k, 4), *dy = some_eighths(m * n, 5);
    guarded_t y = guarded(m * n, sizeof(float)), saved = guarded(words, sizeof(uint64_t));
    guarded_t dx = guarded(m * k, sizeof(float)), dw = guarded(n * k, sizeof(float));
    guarded_t dscale = guarded(n, sizeof(float)), dbias = guarded(n, sizeof(float));
    float *ex = some_eighths(m * k, 0), *ew = some_eighths(n * k, 0);
    float *es = some_eighths(n, 0), *eb = some_eighths(n, 0);
    size_t found_n = 0, found_k = 0;

    CHECK(bnn_linear_size(c.layer, &found_n, &found_k) == BNN_OK);
    CHECK(found_n == n && found_k == k);
    CHECK(words == 2 * m * bnn_row_words(k));
    CHECK(bnn_linear_forward_f32(c.layer, x, m, payload(y)) == BNN_OK);
    CHECK(outputs_are_right(&c, x, m, payload(y)) && guards_intact(y));
    eighths(payload(y), m * n, 9);
    CHECK(bnn_linear_forward_saving_f32(c.layer, x, m, payload(y), payload(saved), words) ==
          BNN_OK);
    CHECK(outputs_are_right(&c, x, m, payload(y)) && guards_intact(y) && guards_intact(saved));

    define(&c, x, dy, m, ex, ew, es, eb);
    CHECK(bnn_linear_backward_f32(c.layer, payload(saved), words, dy, m, NULL, NULL, NULL, NULL) ==
          BNN_OK);
    CHECK(untouched(dx) && untouched(dw) && untouched(dscale) && untouched(dbias));
    CHECK(bnn_linear_backward_f32(c.layer, payload(saved), words, dy, m, NULL, payload(dw), NULL,
                                  NULL) == BNN_OK);
    CHECK(equal(dw, ew, n * k) && untouched(dx) && untouched(dscale) && untouched(dbias));
    CHECK(bnn_linear_backward_f32(c.layer, payload(saved), words, dy, m, payload(dx), payload(dw),
                                  payload(dscale), payload(dbias)) == BNN_OK);
    CHECK(equal(dx, ex, m * k));
    CHECK(equal(dw, ew, n * k));
    CHECK(equal(dscale, es, n));
    CHECK(equal(dbias, eb, n));

    release(y), release(saved), release(dx), release(dw), release(dscale), release(dbias);
    free(x), free(dy), free(ex), free(ew), free(es), free(eb);
    free_case(c);
}

static void what_was_saved_is_signs_and_mask(void) {
    const float w[3] = {1.0f, 1.0f, 1.0f}, x[3] = {0.5f, -0.0f, -3.0f};
    bnn_linear_options_t options;
    bnn_linear_t *layer = NULL;
    float y = 0.0f;
    uint64_t saved[2];
    CHECK(bnn_linear_options_init(&options) == BNN_OK);
    CHECK(options.clip == 1.0f);
    CHECK(bnn_linear_new_with_options_f32(&options, w, 1, 3, NULL, NULL, &layer) == BNN_OK);
    CHECK(bnn_linear_forward_saving_f32(layer, x, 1, &y, saved, 2) == BNN_OK);
    CHECK(y == 1.0f && saved[0] == 3 && saved[1] == 3);
    bnn_linear_free(layer);
    options.clip = INFINITY;
    CHECK(bnn_linear_new_with_options_packed(&options, saved, 1, 1, 3, NULL, NULL, &layer) ==
          BNN_OK);
    CHECK(bnn_linear_forward_saving_f32(layer, x, 1, &y, saved, 2) == BNN_OK);
    CHECK(y == 3.0f && saved[0] == 3 && saved[1] == 7);
    bnn_linear_free(layer);
}

void test_linear(void) {
    const size_t sizes[] = {1, 2, 63, 64, 65, 127, 193};
    const size_t count = sizeof sizes / sizeof *sizes;
    size_t i, j;
    for (i = 0; i < count; i++) {
        for (j = 0; j < count; j++) {
            passes_are_right(sizes[(i + j) % count], sizes[i], sizes[j]);
        }
    }
    what_was_saved_is_signs_and_mask();
    CHECK(bnn_linear_saved_words(0, 3) == 0);
    CHECK(bnn_linear_saved_words(SIZE_MAX, 64) == 0);
    bnn_linear_free(NULL);
}
