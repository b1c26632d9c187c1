/* What the library says about itself. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static void every_status_has_a_text_of_its_own(void) {
    int i, j;
    for (i = BNN_OK; i <= BNN_ERROR_FILE; i++) {
        CHECK(strlen(bnn_status_string(i)) > 0);
        CHECK(strcmp(bnn_status_string(i), "unknown status") != 0);
        for (j = BNN_OK; j < i; j++) {
            CHECK(strcmp(bnn_status_string(i), bnn_status_string(j)) != 0);
        }
    }
}

static void numbers_that_are_no_status_have_a_text_too(void) {
    const int32_t numbers[] = {-1, BNN_ERROR_FILE + 1, 255, 256, 257, INT32_MIN, INT32_MAX};
    size_t i;
    for (i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        CHECK(strcmp(bnn_status_string(numbers[i]), "unknown status") == 0);
    }
}

static void status_numbers_are_those_that_were_promised(void) {
    CHECK(BNN_OK == 0);
    CHECK(BNN_ERROR_NULL == 1);
    CHECK(BNN_ERROR_MISALIGNED == 2);
    CHECK(BNN_ERROR_ZERO == 3);
    CHECK(BNN_ERROR_OVERFLOW == 4);
    CHECK(BNN_ERROR_MISMATCH == 5);
    CHECK(BNN_ERROR_TOO_SHORT == 6);
    CHECK(BNN_ERROR_RANGE == 7);
    CHECK(BNN_ERROR_TAIL_BITS == 8);
    CHECK(BNN_ERROR_OVERLAP == 9);
    CHECK(BNN_ERROR_ISA_UNKNOWN == 10);
    CHECK(BNN_ERROR_ISA_ABSENT == 11);
    CHECK(BNN_ERROR_INTERNAL == 12);
    CHECK(BNN_ERROR_INDIVISIBLE == 13);
    CHECK(BNN_ERROR_UNSUPPORTED == 14);
    CHECK(BNN_ERROR_NOT_FINITE == 15);
    CHECK(BNN_ERROR_MODEL_FORMAT == 16);
    CHECK(BNN_ERROR_MODEL_DAMAGED == 17);
    CHECK(BNN_ERROR_MODEL_INVALID == 18);
    CHECK(BNN_ERROR_NOT_OPEN == 19);
    CHECK(BNN_ERROR_LAYER == 20);
    CHECK(BNN_ERROR_THREADS == 21);
    CHECK(BNN_ERROR_NO_MEMORY == 22);
    CHECK(BNN_ERROR_FILE == 23);
}

static void a_row_takes_whole_words(void) {
    CHECK(bnn_row_words(0) == 0);
    CHECK(bnn_row_words(1) == 1);
    CHECK(bnn_row_words(63) == 1);
    CHECK(bnn_row_words(64) == 1);
    CHECK(bnn_row_words(65) == 2);
    CHECK(bnn_row_words(SIZE_MAX) == SIZE_MAX / 64 + 1);
}

void test_info(void) {
    const char *asked = getenv("BNN_ISA");
    if (asked == NULL) {
        CHECK(strcmp(bnn_last_error_message(), "") == 0);
        CHECK(bnn_isa()[0] != '\0');
    } else if (bnn_isa()[0] != '\0') {
        CHECK(strcmp(bnn_isa(), asked) == 0);
    }
    CHECK(bnn_abi_version() == BNN_ABI_VERSION);
    CHECK(strchr(bnn_version(), '.') != NULL);
    every_status_has_a_text_of_its_own();
    numbers_that_are_no_status_have_a_text_too();
    status_numbers_are_those_that_were_promised();
    a_row_takes_whole_words();
}
