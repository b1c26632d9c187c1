/* Makes CALLS hostile calls of the functions of bnn.h, from the random SEED: `hostile CALLS SEED`. After
 * each of them nothing may have been written but what a call that succeeded may write, the status must be
 * one that the header promises, and never BNN_ERROR_INTERNAL. That the process survives is a part of the
 * test; so is the address sanitizer, where the library is built with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

/* Made of the header by the test that compiles this: each function and the statuses that it lists. */
#include "statuses.h"

enum { STATUSES = 32, MAX_CALLS = 128 };

static const call_t *calls[MAX_CALLS];
static const promise_t *promised[MAX_CALLS];
static size_t counts[MAX_CALLS][STATUSES], call_count;

static void add(const call_t *table) {
    for (; table->function != NULL; table++) {
        size_t i;
        for (i = 0; i < sizeof promises / sizeof *promises; i++) {
            if (strcmp(promises[i].function, table->function) == 0) {
                promised[call_count] = &promises[i];
            }
        }
        if (promised[call_count] == NULL) {
            fprintf(stderr, "%s is not in the header\n", table->function);
            exit(EXIT_FAILURE);
        }
        calls[call_count++] = table;
    }
}

/* Every function of the header has a call here. */
static size_t missing(void) {
    size_t found = 0, i, j;
    for (i = 0; i < sizeof promises / sizeof *promises; i++) {
        int has = 0;
        for (j = 0; j < call_count; j++) {
            has = has || promised[j] == &promises[i];
        }
        if (!has) {
            fprintf(stderr, "no call of %s\n", promises[i].function);
            found++;
        }
    }
    return found;
}

/* Statuses that the header lists and that never came, for people to read. */
static void report(void) {
    size_t i;
    int s;
    for (i = 0; i < call_count; i++) {
        printf("%s:", calls[i]->function);
        for (s = 0; s < STATUSES; s++) {
            if (counts[i][s] > 0) {
                printf(" %d x %lu", s, (unsigned long)counts[i][s]);
            } else if (promised[i]->statuses >> s & 1) {
                printf(" (%d never)", s);
            }
        }
        printf("\n");
    }
}

int main(int argc, char **arguments) {
    unsigned long total = argc > 1 ? strtoul(arguments[1], NULL, 10) : 1000, done = 0, failed = 0;
    const uint64_t first = argc > 2 ? strtoul(arguments[2], NULL, 10) : 1;
    seed(first);
    make_blocks();
    make_models();
    add(plain_calls);
    add(layer_calls);
    add(model_calls);
    add(builder_calls);
    add(graph_calls);
    failed += missing();
    while (done < total && failed < 20) {
        const size_t i = below(call_count);
        int status, intact, right;
        if (one_in(8)) {
            refill();
        }
        begin_call();
        status = calls[i]->make();
        if (status == SKIPPED) {
            continue;
        }
        done++;
        counts[i][status % STATUSES]++;
        intact = check_memory(status == BNN_OK);
        right = (promised[i]->statuses >> status & 1) != 0;
        if (!intact || !right) {
            failed++;
            fprintf(stderr, "seed %lu, call %lu, %s: status %d%s%s (last error: %s)\n",
                    (unsigned long)first, done, calls[i]->function, status,
                    intact ? "" : ", memory was written", right ? "" : ", not listed",
                    bnn_last_error_message());
        }
        if (!intact) {
            break; /* all that follows would be found written, too */
        }
    }
    if (getenv("BNN_HOSTILE_REPORT") != NULL) {
        report();
    }
    free_layers();
    free_builders();
    free_graphs();
    free_models();
    free_blocks();
    printf("%lu passed, %lu failed\n", done, failed);
    return failed == 0 && done == total ? EXIT_SUCCESS : EXIT_FAILURE;
}
