/* Packing and unpacking against the bit law, with and without gaps between rows. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

static void pack_and_unpack(size_t rows, size_t k, size_t gap) {
    const size_t stride = k + gap, len = (rows - 1) * stride + k;
    const size_t row_words = bnn_row_words(k), words = rows * row_words;
    guarded_t x = guarded(len, sizeof(float)), back = guarded(len, sizeof(float));
    guarded_t bits = guarded(words, sizeof(uint64_t));
    const uint64_t *got = payload(bits);
    float *numbers = payload(x), *unpacked = payload(back);
    int right = 1, signs = 1;
    size_t r, j;

    fill(numbers, len, (uint32_t)(rows * 1000 + k));
    CHECK(bnn_pack_f32(numbers, rows, k, stride, payload(bits), words) == BNN_OK);
    for (r = 0; r < rows; r++) {
        for (j = 0; j < row_words * 64; j++) {
            const uint64_t bit = got[r * row_words + j / 64] >> (j % 64) & 1;
            right &= bit == (j < k && sign(numbers[r * stride + j]) == 1);
        }
    }
    CHECK(right);
    CHECK(guards_intact(bits));

    CHECK(bnn_unpack_f32(got, words, rows, k, unpacked, stride) == BNN_OK);
    for (r = 0; r < rows; r++) {
        for (j = 0; j < k; j++) {
            signs &= unpacked[r * stride + j] == (float)sign(numbers[r * stride + j]);
        }
        /* The pattern must have stayed between the rows: put it over the numbers, then compare. */
        memset(unpacked + r * stride, PATTERN, k * sizeof(float));
    }
    CHECK(signs);
    CHECK(untouched(back));

    release(x);
    release(back);
    release(bits);
}

static void what_lies_behind_a_larger_buffer_s_words_stays(void) {
    const float x[3] = {1.0f, -1.0f, 0.0f};
    guarded_t bits = guarded(4, sizeof(uint64_t));
    uint64_t *words = payload(bits);
    float back[3];
    CHECK(bnn_pack_f32(x, 1, 3, 3, words, 4) == BNN_OK);
    CHECK(words[0] == 5);
    CHECK(bnn_unpack_f32(words, 4, 1, 3, back, 3) == BNN_OK);
    CHECK(back[0] == 1.0f && back[1] == -1.0f && back[2] == 1.0f);
    memset(words, PATTERN, sizeof *words);
    CHECK(untouched(bits));
    release(bits);
}

void test_pack(void) {
    const size_t rows[] = {1, 2, 7}, ks[] = {1, 2, 31, 63, 64, 65, 127, 128, 131, 521};
    size_t r, k;
    for (r = 0; r < sizeof rows / sizeof *rows; r++) {
        for (k = 0; k < sizeof ks / sizeof *ks; k++) {
            pack_and_unpack(rows[r], ks[k], 0);
            pack_and_unpack(rows[r], ks[k], 3);
        }
    }
    what_lies_behind_a_larger_buffer_s_words_stays();
}
