/* Runs a model of handwritten digits, which stays in flash, on 100 images, and compares every score with the
 * host's, bit for bit. The exit code is not 0 on any difference.
 *
 * `digits.h` and `digits.c` come from `bnn export digits.bnn --to c`, the vectors from `bnn test-vectors`.
 * `ci/c-firmware.sh` builds this for Cortex-M boards and runs it in an emulator. */
#include <string.h>

#include "board.h"
#include "digits.h"

extern const uint8_t digits_inputs[], digits_inputs_end[], digits_outputs[], digits_outputs_end[];

/* The type of a score: `float`, or `int32_t` for a model whose scores are integers. */
#ifndef SCORE
#define SCORE float
#endif

enum {
    IMAGES = 100,
    MOST_STACK = 1600
};

static uint64_t scratch[DIGITS_SCRATCH_WORDS];
static bnn_model_t model;

/* Says what is wrong, and gives the exit code. */
static int wrong(const char *what)
{
    board_print("digits: ");
    board_print(what);
    board_print("\n");
    return 1;
}

int main(void)
{
    const uint8_t *pixels = digits_inputs, *expected = digits_outputs;
    size_t for_open, for_run, i;
    board_stack_paint();
    if (digits_open(&model) != BNN_OK) {
        return wrong(bnn_last_error_message());
    }
    for_open = board_stack_used();
    if (bnn_model_scratch_bytes(&model) > sizeof scratch) {
        return wrong("the header has too little scratch memory");
    }
    if ((size_t)(digits_inputs_end - digits_inputs) != IMAGES * sizeof *pixels * DIGITS_INPUT_LENGTH) {
        return wrong("not 100 images");
    }
    board_stack_paint();
    for (i = 0; i < IMAGES; i++) {
        SCORE scores[DIGITS_OUTPUT_LENGTH];
        if (digits_run(&model, pixels, scores, scratch) != BNN_OK) {
            return wrong(bnn_last_error_message());
        }
        if ((size_t)(digits_outputs_end - expected) < sizeof scores) {
            return wrong("fewer outputs than images");
        }
        if (memcmp(scores, expected, sizeof scores) != 0) {
            return wrong("a score differs from the host's");
        }
        pixels += DIGITS_INPUT_LENGTH;
        expected += sizeof scores;
    }
    if (expected != digits_outputs_end) {
        return wrong("more outputs than images");
    }
    for_run = board_stack_used();
    board_print("bytes of stack, main's own and that of the library: open ");
    board_print_number(for_open);
    board_print(", run ");
    board_print_number(for_run);
    if (for_open > MOST_STACK || for_run > MOST_STACK) {
        board_print("\n");
        return wrong("more stack than the budget");
    }
    board_print("; scratch memory: ");
    board_print_number(sizeof scratch);
    board_print(" bytes\n100 images: every score is the host's, bit for bit\n");
    return 0;
}
