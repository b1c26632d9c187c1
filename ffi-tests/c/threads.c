/* Calls from several threads at once: products stay right, messages stay apart. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

enum { THREADS = 4, ROUNDS = 200 };

static void *work(void *argument) {
    const size_t own = *(const size_t *)argument;
    const uint64_t a = 0, b = ((uint64_t)1 << own) - 1; /* they differ in `own` bits */
    char expected[64];
    int32_t c;
    int round;
    sprintf(expected, "bits_words: expected at least 1000, found %u", (unsigned)own);
    for (round = 0; round < ROUNDS; round++) {
        float x[1] = {1.0f};
        uint64_t bits[THREADS + 1];
        CHECK(bnn_pack_f32(x, 1000, 1, 1, bits, own) == BNN_ERROR_TOO_SHORT);
        CHECK(bnn_gemm_i32(&a, &b, 1, 1, 64, &c, 1) == BNN_OK);
        CHECK(c == 64 - 2 * (int32_t)own);
        CHECK(strcmp(bnn_last_error_message(), expected) == 0);
    }
    return NULL;
}

void test_threads(void) {
    pthread_t threads[THREADS];
    size_t own[THREADS], i;
    for (i = 0; i < THREADS; i++) {
        own[i] = i + 1;
        CHECK(pthread_create(&threads[i], NULL, work, &own[i]) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}
