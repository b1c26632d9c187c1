/* Checks libbnn through include/bnn.h alone, against plain loops. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

int main(void) {
    const char *isa = bnn_isa();
    const char *asked = getenv("BNN_ISA");
    printf("bnn %s, instruction set '%s'\n", bnn_version(), isa);
    test_info();
    if (isa[0] == '\0') {
        test_refused_isa(asked != NULL ? asked : "");
    } else {
        test_pack();
        test_gemm();
        test_errors();
        test_threads();
        test_linear();
        test_linear_errors();
        test_conv2d();
        test_conv2d_errors();
        test_model();
        test_model_errors();
        test_packed_model();
        test_model_layers();
        test_builder_errors();
        test_builder_images();
        test_graph();
        test_stream();
        test_shared_layers();
        test_fork();
    }
    return summary();
}
