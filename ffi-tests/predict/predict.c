/* Prints the class of every row of a CSV file, as `bnn predict MODEL.bnn ROWS.csv` does, for models of
 * unsigned integers that give out scores. C99 that is C++11 too.
 *
 * usage: predict MODEL.bnn ROWS.csv */
#include <stdio.h>
#include <stdlib.h>

#include "bnn.h"

/* Says what is wrong and ends the program. */
static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void check(const char *what, bnn_status_t status) {
    if (status != BNN_OK) {
        fail(what, bnn_last_error_message());
    }
}

static void *allocated(size_t bytes) {
    void *memory = malloc(bytes > 0 ? bytes : 1);
    if (memory == NULL) {
        fail("memory", "there is none left");
    }
    return memory;
}

/* The bytes of a file, from an address that suits any type, as `malloc` gives it. */
static uint8_t *contents(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    uint8_t *bytes;
    long size;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        fail(path, "cannot be read");
        return NULL;
    }
    rewind(file);
    *len = (size_t)size;
    bytes = (uint8_t *)allocated(*len);
    if (fread(bytes, 1, *len, file) != *len) {
        fail(path, "cannot be read");
    }
    fclose(file);
    return bytes;
}

/* Reads one number of a row; gives 0 at the end of the file. */
static int next(FILE *rows, uint8_t *x) {
    unsigned number;
    if (fscanf(rows, "%u", &number) != 1 || number > 255) {
        return 0;
    }
    *x = (uint8_t)number;
    number = (unsigned)fgetc(rows); /* a comma, or the end of the line */
    return 1;
}

/* The first of the largest. */
static size_t argmax(const float *scores, size_t count) {
    size_t best = 0, i;
    for (i = 1; i < count; i++) {
        if (scores[i] > scores[best]) {
            best = i;
        }
    }
    return best;
}

int main(int argc, char **argv) {
    bnn_model_t model;
    bnn_tensor_t in, out;
    uint8_t *file, *x;
    float *scores;
    void *scratch;
    size_t len = 0, scratch_bytes, filled;
    FILE *rows;

    if (argc != 3) {
        fail("usage", "predict MODEL.bnn ROWS.csv");
    }
    file = contents(argv[1], &len);
    check(argv[1], bnn_model_open(file, len, &model));
    check(argv[1], bnn_model_input(&model, &in));
    check(argv[1], bnn_model_output(&model, &out));
    if (in.element != BNN_ELEMENT_U8 || out.element != BNN_ELEMENT_F32) {
        fail(argv[1], "expected a model from unsigned integers to scores");
    }
    scratch_bytes = bnn_model_scratch_bytes(&model);
    x = (uint8_t *)allocated(in.bytes);
    scores = (float *)allocated(out.bytes);
    scratch = allocated(scratch_bytes);
    rows = fopen(argv[2], "r");
    if (rows == NULL) {
        fail(argv[2], "cannot be read");
        return EXIT_FAILURE;
    }
    for (filled = 0; next(rows, &x[filled]);) {
        if (++filled == in.elements) {
            check(argv[2], bnn_model_run(&model, x, in.bytes, scores, out.bytes, scratch,
                                         scratch_bytes));
            printf("%lu\n", (unsigned long)argmax(scores, out.elements));
            filled = 0;
        }
    }
    if (filled != 0 || !feof(rows)) {
        fail(argv[2], "expected whole rows of numbers");
    }
    fclose(rows);
    free(file);
    free(x);
    free(scores);
    free(scratch);
    return EXIT_SUCCESS;
}
