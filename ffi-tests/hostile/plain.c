/* Functions without handles. */
#include "hostile.h"

static int status_string(void) {
    return bnn_status_string((int32_t)any64())[0] == '\0' ? BNN_ERROR_INTERNAL : BNN_OK;
}

static int last_error_message(void) {
    return bnn_last_error_message() == NULL ? BNN_ERROR_INTERNAL : BNN_OK;
}

static int abi_version(void) {
    return bnn_abi_version() == BNN_ABI_VERSION ? BNN_OK : BNN_ERROR_INTERNAL;
}

static int version(void) { return bnn_version()[0] == '\0' ? BNN_ERROR_INTERNAL : BNN_OK; }

static int isa(void) { return bnn_isa()[0] == '\0' ? BNN_ERROR_INTERNAL : BNN_OK; }

static int set_num_threads(void) {
    /* Not often more than a few: starting them takes time. */
    const size_t threads = dimension();
    return threads > 9 && threads <= 1024 ? SKIPPED : (int)bnn_set_num_threads(threads);
}

static int num_threads(void) { return bnn_num_threads() == 0 ? BNN_ERROR_INTERNAL : BNN_OK; }

static int row_words(void) {
    const size_t k = dimension();
    return bnn_row_words(k) == k / 64 + (k % 64 != 0) ? BNN_OK : BNN_ERROR_INTERNAL;
}

static int pack(void) {
    const size_t rows = dimension(), k = dimension(), stride = about(k);
    const size_t words = times(rows, bnn_row_words(k));
    const float *x = place(strided(rows, k, stride), sizeof *x);
    uint64_t *bits = output(words, sizeof *bits);
    if (x == NULL || bits == NULL) {
        return SKIPPED;
    }
    return (int)bnn_pack_f32(spoiled(x), rows, k, stride, spoiled(bits), about(words));
}

static int unpack(void) {
    const size_t rows = dimension(), k = dimension(), stride = about(k);
    const size_t words = times(rows, bnn_row_words(k));
    const uint64_t *bits = place(words, sizeof *bits);
    float *x = output(strided(rows, k, stride), sizeof *x);
    if (x == NULL || bits == NULL) {
        return SKIPPED;
    }
    return (int)bnn_unpack_f32(spoiled(bits), about(words), rows, k, spoiled(x), stride);
}

static int gemm(void) {
    const size_t m = dimension(), n = dimension(), k = dimension(), stride = about(n);
    const uint64_t *a = place(times(m, bnn_row_words(k)), sizeof *a);
    const uint64_t *b = place(times(n, bnn_row_words(k)), sizeof *b);
    int32_t *c = output(strided(m, n, stride), sizeof *c);
    if (a == NULL || b == NULL || c == NULL) {
        return SKIPPED;
    }
    return (int)bnn_gemm_i32(spoiled(a), spoiled(b), m, n, k, spoiled(c), stride);
}

const call_t plain_calls[] = {
    {"bnn_status_string", status_string}, {"bnn_last_error_message", last_error_message},
    {"bnn_abi_version", abi_version},     {"bnn_version", version},
    {"bnn_isa", isa},                     {"bnn_set_num_threads", set_num_threads},
    {"bnn_num_threads", num_threads},     {"bnn_row_words", row_words},
    {"bnn_pack_f32", pack},               {"bnn_unpack_f32", unpack},
    {"bnn_gemm_i32", gemm},               {NULL, NULL},
};
