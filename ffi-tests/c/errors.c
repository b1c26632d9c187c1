/* Every way to be refused: the status, the message, and that nothing was written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { ROWS = 3, K = 70, WORDS = ROWS * 2 };

/* A shape that is right for every function here, to spoil one argument of at a time: outputs, which
 * must stay untouched, and inputs. */
static guarded_t outputs[3];
#define bits_out outputs[0]
#define x_out outputs[1]
#define c_out outputs[2]
#define REFUSES(status, text, call) REFUSED(outputs, 3, status, text, call)
/* Three rows of 70 bits whose tails are 0. Read from bits[1] on, row 1 ends in a word of ones. */
static uint64_t bits[WORDS] = {3, 1, 1, 1, UINT64_MAX, 1};
static float x[ROWS * K];

static void pack_refuses(void) {
    uint64_t *out = payload(bits_out);
    REFUSES(BNN_ERROR_NULL, "x is NULL", bnn_pack_f32(NULL, ROWS, K, K, out, WORDS));
    REFUSES(BNN_ERROR_NULL, "bits is NULL", bnn_pack_f32(x, ROWS, K, K, NULL, WORDS));
    REFUSES(BNN_ERROR_MISALIGNED, "multiple of 4",
            bnn_pack_f32(moved(x, 1), ROWS, K, K, out, WORDS));
    REFUSES(BNN_ERROR_MISALIGNED, "bits is at address",
            bnn_pack_f32(x, ROWS, K, K, moved(out, 2), WORDS));
    REFUSES(BNN_ERROR_ZERO, "rows is 0", bnn_pack_f32(x, 0, K, K, out, WORDS));
    REFUSES(BNN_ERROR_ZERO, "k is 0", bnn_pack_f32(x, ROWS, 0, K, out, WORDS));
    REFUSES(BNN_ERROR_TOO_SHORT, "x_stride: expected at least 70, found 69",
            bnn_pack_f32(x, ROWS, K, K - 1, out, WORDS));
    REFUSES(BNN_ERROR_TOO_SHORT, "bits_words: expected at least 6, found 5",
            bnn_pack_f32(x, ROWS, K, K, out, WORDS - 1));
    REFUSES(BNN_ERROR_OVERFLOW, "too large", bnn_pack_f32(x, SIZE_MAX, K, K, out, SIZE_MAX));
    REFUSES(BNN_ERROR_OVERFLOW, "too large", bnn_pack_f32(x, 2, SIZE_MAX, SIZE_MAX, out, SIZE_MAX));
    REFUSES(BNN_ERROR_OVERFLOW, "x_stride", bnn_pack_f32(x, ROWS, K, SIZE_MAX, out, WORDS));
    REFUSES(BNN_ERROR_OVERFLOW, "x is too", bnn_pack_f32(x, 2, K, SIZE_MAX / 8, out, WORDS));
    REFUSES(BNN_ERROR_OVERLAP, "bits is written but overlaps x",
            bnn_pack_f32(payload(bits_out), 1, 2, 2, out, 1));
    REFUSES(BNN_ERROR_OVERLAP, "overlaps", /* by its last float, after a gap */
            bnn_pack_f32(moved(out, 0), 2, 1, 2, moved(out, 8), 2));
}

static void unpack_refuses(void) {
    float *out = payload(x_out);
    REFUSES(BNN_ERROR_NULL, "bits is NULL", bnn_unpack_f32(NULL, WORDS, ROWS, K, out, K));
    REFUSES(BNN_ERROR_NULL, "x is NULL", bnn_unpack_f32(bits, WORDS, ROWS, K, NULL, K));
    REFUSES(BNN_ERROR_MISALIGNED, "bits is at address",
            bnn_unpack_f32(moved(bits, 1), WORDS, ROWS, K, out, K));
    REFUSES(BNN_ERROR_MISALIGNED, "x is at address",
            bnn_unpack_f32(bits, WORDS, ROWS, K, moved(out, 1), K));
    REFUSES(BNN_ERROR_ZERO, "rows is 0", bnn_unpack_f32(bits, WORDS, 0, K, out, K));
    REFUSES(BNN_ERROR_ZERO, "k is 0", bnn_unpack_f32(bits, WORDS, ROWS, 0, out, K));
    REFUSES(BNN_ERROR_TOO_SHORT, "bits_words: expected at least 6, found 5",
            bnn_unpack_f32(bits, WORDS - 1, ROWS, K, out, K));
    REFUSES(BNN_ERROR_TOO_SHORT, "x_stride: expected at least 70, found 1",
            bnn_unpack_f32(bits, WORDS, ROWS, K, out, 1));
    REFUSES(BNN_ERROR_OVERFLOW, "too large",
            bnn_unpack_f32(bits, SIZE_MAX, SIZE_MAX, K, out, K));
    REFUSES(BNN_ERROR_OVERFLOW, "x_stride",
            bnn_unpack_f32(bits, WORDS, ROWS, K, out, SIZE_MAX));
    REFUSES(BNN_ERROR_OVERFLOW, "x is too",
            bnn_unpack_f32(bits, WORDS, ROWS, K, out, SIZE_MAX / 16));
    REFUSES(BNN_ERROR_TAIL_BITS, "bits: row 0 has a bit set after",
            bnn_unpack_f32(bits, WORDS, 1, 1, out, 1));
    REFUSES(BNN_ERROR_OVERLAP, "x is written but overlaps bits",
            bnn_unpack_f32(bits, WORDS, ROWS, K, moved(bits, sizeof bits - 4), K));
}

static void gemm_refuses(void) {
    int32_t *c = payload(c_out);
    REFUSES(BNN_ERROR_NULL, "a is NULL", bnn_gemm_i32(NULL, bits, ROWS, ROWS, K, c, ROWS));
    REFUSES(BNN_ERROR_NULL, "b is NULL", bnn_gemm_i32(bits, NULL, ROWS, ROWS, K, c, ROWS));
    REFUSES(BNN_ERROR_NULL, "c is NULL", bnn_gemm_i32(bits, bits, ROWS, ROWS, K, NULL, ROWS));
    REFUSES(BNN_ERROR_MISALIGNED, "a is at address",
            bnn_gemm_i32(moved(bits, 1), bits, 1, 1, K, c, 1));
    REFUSES(BNN_ERROR_MISALIGNED, "b is at address",
            bnn_gemm_i32(bits, moved(bits, 2), 1, 1, K, c, 1));
    REFUSES(BNN_ERROR_MISALIGNED, "expected a multiple of 4",
            bnn_gemm_i32(bits, bits, 1, 1, K, moved(c, 2), 1));
    REFUSES(BNN_ERROR_ZERO, "m is 0", bnn_gemm_i32(bits, bits, 0, ROWS, K, c, ROWS));
    REFUSES(BNN_ERROR_ZERO, "n is 0", bnn_gemm_i32(bits, bits, ROWS, 0, K, c, ROWS));
    REFUSES(BNN_ERROR_ZERO, "k is 0", bnn_gemm_i32(bits, bits, ROWS, ROWS, 0, c, ROWS));
    REFUSES(BNN_ERROR_RANGE, "k: expected at most 2147483647, found 2147483648",
            bnn_gemm_i32(bits, bits, 1, 1, (size_t)2147483648u, c, 1));
    REFUSES(BNN_ERROR_TOO_SHORT, "c_stride: expected at least 3, found 2",
            bnn_gemm_i32(bits, bits, ROWS, ROWS, K, c, ROWS - 1));
    REFUSES(BNN_ERROR_OVERFLOW, "c_stride", bnn_gemm_i32(bits, bits, ROWS, 1, K, c, SIZE_MAX));
    REFUSES(BNN_ERROR_OVERFLOW, "c is too", bnn_gemm_i32(bits, bits, ROWS, 1, K, c, SIZE_MAX / 8));
    REFUSES(BNN_ERROR_OVERFLOW, "a: rows", bnn_gemm_i32(bits, bits, SIZE_MAX, 1, K, c, 1));
    REFUSES(BNN_ERROR_OVERFLOW, "b: rows",
            bnn_gemm_i32(bits, bits, 1, SIZE_MAX / 8, K, c, SIZE_MAX / 8));
    REFUSES(BNN_ERROR_TAIL_BITS, "a: row 1 has a bit set after",
            bnn_gemm_i32(bits + 1, bits, 2, 1, 64 + 5, c, 1));
    REFUSES(BNN_ERROR_TAIL_BITS, "b: row 1 has a bit set after",
            bnn_gemm_i32(bits, bits + 1, 1, 2, 64 + 5, c, 2));
    REFUSES(BNN_ERROR_OVERLAP, "c is written but overlaps a",
            bnn_gemm_i32(bits, bits + 2, 1, 1, K, moved(bits, 12), 1));
    REFUSES(BNN_ERROR_OVERLAP, "c is written but overlaps b",
            bnn_gemm_i32(bits, bits + 2, 1, 1, K, moved(bits, 28), 1));
}

static void a_success_leaves_the_message(void) {
    float back[1];
    CHECK(bnn_pack_f32(NULL, 1, 1, 1, bits, 1) == BNN_ERROR_NULL);
    CHECK(bnn_unpack_f32(bits + 1, 1, 1, 64, x, 64) == BNN_OK);
    CHECK(bnn_row_words(1) == 1);
    CHECK(strcmp(bnn_last_error_message(), "x is NULL") == 0);
    CHECK(bnn_unpack_f32(bits, 1, 1, 0, back, 1) == BNN_ERROR_ZERO);
    CHECK(strcmp(bnn_last_error_message(), "k is 0, expected at least 1") == 0);
}

void test_errors(void) {
    bits_out = guarded(WORDS, sizeof(uint64_t));
    x_out = guarded(ROWS * K, sizeof(float));
    c_out = guarded(ROWS * ROWS, sizeof(int32_t));
    pack_refuses();
    unpack_refuses();
    gemm_refuses();
    a_success_leaves_the_message();
    release(bits_out);
    release(x_out);
    release(c_out);
}

static void refused_isa(bnn_status_t status, const char *asked) {
    CHECK(status == BNN_ERROR_ISA_UNKNOWN || status == BNN_ERROR_ISA_ABSENT);
    CHECK((status == BNN_ERROR_ISA_UNKNOWN) == (strcmp(asked, "nonsense") == 0));
    CHECK(strstr(bnn_last_error_message(), asked) != NULL);
}

void test_refused_isa(const char *asked) {
    const uint64_t one = 1;
    const float number = 1.0f;
    guarded_t c = guarded(1, sizeof(int32_t)), b = guarded(1, sizeof(uint64_t));
    guarded_t f = guarded(1, sizeof(float)), layer = guarded(1, sizeof(bnn_linear_t *));
    refused_isa(bnn_gemm_i32(&one, &one, 1, 1, 1, payload(c), 1), asked);
    refused_isa(bnn_pack_f32(&number, 1, 1, 1, payload(b), 1), asked);
    refused_isa(bnn_unpack_f32(&one, 1, 1, 1, payload(f), 1), asked);
    refused_isa(bnn_linear_new_f32(&number, 1, 1, NULL, NULL, payload(layer)), asked);
    refused_isa(bnn_linear_new_packed(&one, 1, 1, 1, NULL, NULL, payload(layer)), asked);
    CHECK(untouched(layer));
    release(layer);
    CHECK(untouched(c));
    CHECK(untouched(b));
    CHECK(untouched(f));
    release(c);
    release(b);
    release(f);
}
