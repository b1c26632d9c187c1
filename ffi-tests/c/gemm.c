/* Products against a loop over the floats that were packed. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* Packed rows of numbers that `x` keeps. */
static guarded_t packed(float *x, size_t rows, size_t k, uint32_t seed) {
    const size_t words = rows * bnn_row_words(k);
    guarded_t bits = guarded(words, sizeof(uint64_t));
    fill(x, rows * k, seed);
    CHECK(bnn_pack_f32(x, rows, k, k, payload(bits), words) == BNN_OK);
    return bits;
}

static int32_t dot(const float *a, const float *b, size_t k) {
    int32_t sum = 0;
    size_t l;
    for (l = 0; l < k; l++) {
        sum += sign(a[l]) * sign(b[l]);
    }
    return sum;
}

static void product(size_t m, size_t n, size_t k, size_t gap) {
    const size_t stride = n + gap;
    guarded_t x = guarded(m * k, sizeof(float)), w = guarded(n * k, sizeof(float));
    guarded_t c = guarded((m - 1) * stride + n, sizeof(int32_t));
    float *xs = payload(x), *ws = payload(w);
    guarded_t a = packed(xs, m, k, (uint32_t)k), b = packed(ws, n, k, (uint32_t)(k + 1));
    int32_t *sums = payload(c);
    int right = 1;
    size_t i, j;

    CHECK(bnn_gemm_i32(payload(a), payload(b), m, n, k, sums, stride) == BNN_OK);
    for (i = 0; i < m; i++) {
        for (j = 0; j < n; j++) {
            right &= sums[i * stride + j] == dot(xs + i * k, ws + j * k, k);
        }
        /* The pattern must have stayed between the rows. */
        memset(sums + i * stride, PATTERN, n * sizeof(int32_t));
    }
    CHECK(right);
    CHECK(untouched(c));

    release(x);
    release(w);
    release(a);
    release(b);
    release(c);
}

static void inputs_may_be_the_same_memory(void) {
    const uint64_t bits[2] = {5, 3};
    int32_t c[4];
    CHECK(bnn_gemm_i32(bits, bits, 2, 2, 3, c, 2) == BNN_OK);
    CHECK(c[0] == 3 && c[1] == -1 && c[2] == -1 && c[3] == 3);
}

void test_gemm(void) {
    const size_t sizes[] = {1, 2, 5, 17, 67}, ks[] = {1, 3, 63, 64, 65, 131, 257};
    size_t m, n, k;
    for (m = 0; m < sizeof sizes / sizeof *sizes; m++) {
        for (n = 0; n < sizeof sizes / sizeof *sizes; n++) {
            for (k = 0; k < sizeof ks / sizeof *ks; k++) {
                product(sizes[m], sizes[n], ks[k], (m + n) % 3);
            }
        }
    }
    /* Enough work to be shared out to threads: by rows, then by columns. */
    product(131, 67, 1031, 1);
    product(3, 521, 4099, 0);
    inputs_may_be_the_same_memory();
}
