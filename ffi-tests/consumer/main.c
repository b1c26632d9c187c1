/* The product of the guide's first example; prints "1 -3". */
#include <stdio.h>

#include <bnn.h>

int main(void) {
    const float x[3] = {0.5f, -2.0f, 0.0f};
    const float w[6] = {1.0f, 1.0f, 1.0f, -1.0f, 1.0f, -1.0f};
    uint64_t a[1], b[2];
    int32_t y[2];
    if (bnn_abi_version() != BNN_ABI_VERSION || bnn_pack_f32(x, 1, 3, 3, a, 1) != BNN_OK ||
        bnn_pack_f32(w, 2, 3, 3, b, 2) != BNN_OK || bnn_gemm_i32(a, b, 1, 2, 3, y, 2) != BNN_OK) {
        fprintf(stderr, "failed: %s\n", bnn_last_error_message());
        return 1;
    }
    printf("%d %d\n", (int)y[0], (int)y[1]);
    return 0;
}
