/* What the library does where the system has no memory left: every constructor, and every call that
 * works in memory of its own, says so or succeeds, and the process goes on. For each amount of memory
 * there is a child process that may have no more. */
#define _POSIX_C_SOURCE 200809L
#ifdef __linux__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bnn.h"

/* Large enough that what is allocated is asked of the system and does not come from the allocator's
 * stock. */
enum { N = 2048, K = 4096, WORDS = N * K / 64, ROWS = 64, WIDE = N * K / 8 };
enum { SIDE = 16, CHANNELS = 256, OUTPUTS = 256, IMAGES = 2, STEPS = 64 };

static float *w, *x, *y, *dx, *dw;
static uint64_t *bits, *saved;
static size_t saved_words;
static uint8_t *thresholds;
static bnn_conv2d_options_t options, depthwise;
static bnn_linear_t *linear;
static bnn_conv2d_t *conv;
static uint8_t *file;
static size_t file_bytes;
static bnn_packed_model_t *packed;

static bnn_status_t linear_f32(void) {
    bnn_linear_t *made;
    return bnn_linear_new_f32(w, N, K, NULL, NULL, &made);
}

static bnn_status_t linear_packed(void) {
    bnn_linear_t *made;
    return bnn_linear_new_packed(bits, WORDS, N, K, w, w, &made);
}

static bnn_status_t linear_with_many_outputs(void) {
    bnn_linear_t *made;
    return bnn_linear_new_packed(bits, WORDS, WORDS, 1, w, w, &made);
}

static bnn_status_t conv2d_f32(void) {
    bnn_conv2d_t *made;
    return bnn_conv2d_new_f32(&options, w, NULL, NULL, &made);
}

static bnn_status_t conv2d_packed(void) {
    bnn_conv2d_t *made;
    return bnn_conv2d_new_packed(&options, bits, WORDS, w, w, &made);
}

static bnn_status_t conv2d_depthwise(void) {
    bnn_conv2d_t *made;
    return bnn_conv2d_new_f32(&depthwise, w, NULL, NULL, &made);
}

static bnn_status_t builder(void) {
    bnn_builder_t *made;
    return bnn_builder_new(BNN_ELEMENT_BITS, 1, &made);
}

static bnn_status_t builder_thresholds(void) {
    bnn_builder_t *made;
    return bnn_builder_new_thresholds(thresholds, N * K, &made);
}

/* A dense layer of floats, of which the file is written twice: by itself, and with the graph. */
static bnn_status_t graph(void) {
    bnn_graph_t *made;
    bnn_conv2d_options_t dense;
    size_t node, len;
    bnn_status_t status = bnn_graph_new(BNN_ELEMENT_U8, 8, 1, 1, K, &made);
    if (status != BNN_OK) {
        return status;
    }
    bnn_conv2d_options_init(&dense);
    dense.outputs = N;
    if ((status = bnn_graph_affine_f32(made, 0, w, w, K, &node)) == BNN_OK &&
        (status = bnn_graph_conv2d_f32(made, node, &dense, BNN_WEIGHTS_F32, w, NULL, w, &node)) == BNN_OK) {
        status = bnn_graph_finish(made, &len);
    }
    bnn_graph_free(made);
    return status;
}

/* A dense layer of one output over floats. The step that makes floats of samples, with which the
 * layer is tried, is larger than its weights. */
static bnn_status_t wide_graph(void) {
    bnn_graph_t *made;
    bnn_conv2d_options_t dense;
    size_t node;
    bnn_status_t status = bnn_graph_new(BNN_ELEMENT_U8, 8, 1, 1, WIDE, &made);
    if (status != BNN_OK) {
        return status;
    }
    bnn_conv2d_options_init(&dense);
    dense.outputs = 1;
    if ((status = bnn_graph_affine_f32(made, 0, w, w, WIDE, &node)) == BNN_OK) {
        status = bnn_graph_conv2d_f32(made, node, &dense, BNN_WEIGHTS_I8, thresholds, NULL, NULL, &node);
    }
    bnn_graph_free(made);
    return status;
}

/* As many outputs, of fixed point, which a step makes floats of where the layer is tried. */
static bnn_status_t wide_fixed_graph(void) {
    const bnn_fixed_t to = {BNN_ELEMENT_I16, 0, 0};
    const int32_t *zero = (const int32_t *)y;
    bnn_graph_t *made;
    bnn_conv2d_options_t dense;
    size_t node;
    bnn_status_t status = bnn_graph_new(BNN_ELEMENT_U8, 8, 1, 1, 1, &made);
    if (status != BNN_OK) {
        return status;
    }
    bnn_conv2d_options_init(&dense);
    dense.outputs = WIDE;
    status = bnn_graph_conv2d_fixed_i32(made, 0, &dense, BNN_WEIGHTS_I8, thresholds, &to, zero, zero, &node);
    bnn_graph_free(made);
    return status;
}

static bnn_status_t graph_batch_norm(void) {
    bnn_graph_t *made;
    size_t node;
    bnn_status_t status = bnn_graph_new(BNN_ELEMENT_U8, 8, 1, 1, WIDE, &made);
    if (status != BNN_OK) {
        return status;
    }
    status = bnn_graph_batch_norm_f32(made, 0, w, w, w, w, 1.0f, WIDE, &node);
    bnn_graph_free(made);
    return status;
}

/* Zeros, which are UTF-8. */
static bnn_status_t graph_meta(void) {
    bnn_graph_t *made;
    bnn_status_t status = bnn_graph_new(BNN_ELEMENT_BITS, 1, 1, 1, 1, &made);
    if (status != BNN_OK) {
        return status;
    }
    status = bnn_graph_meta(made, thresholds, N * K);
    bnn_graph_free(made);
    return status;
}

/* Layer after layer, each of which writes the one before it, and the file. */
static bnn_status_t builder_layers(void) {
    bnn_builder_t *made;
    size_t len;
    bnn_status_t status = bnn_builder_new(BNN_ELEMENT_BITS, 1, &made);
    if (status != BNN_OK) {
        return status;
    }
    if ((status = bnn_builder_linear_f32(made, w, N, K)) == BNN_OK &&
        (status = bnn_builder_affine_f32(made, w, NULL, N)) == BNN_OK &&
        (status = bnn_builder_linear_f32(made, w, K, N)) == BNN_OK &&
        (status = bnn_builder_meta(made, thresholds, N * K)) == BNN_OK) {
        status = bnn_builder_finish(made, &len);
    }
    bnn_builder_free(made);
    return status;
}

/* Many outputs, so that what is computed of each is larger than the weights. */
static bnn_status_t builder_wide(int as_bits) {
    const int32_t *zero = (const int32_t *)y;
    bnn_builder_t *made;
    size_t len;
    bnn_status_t status = bnn_builder_new(BNN_ELEMENT_BITS, 1, &made);
    if (status != BNN_OK) {
        return status;
    }
    if ((status = bnn_builder_linear_f32(made, w, WIDE, 1)) == BNN_OK) {
        status = as_bits ? bnn_builder_threshold_i32(made, zero, WIDE)
                         : bnn_builder_batch_norm_f32(made, w, w, w, w, 1.0f, WIDE);
    }
    if (status == BNN_OK) {
        status = bnn_builder_finish(made, &len);
    }
    bnn_builder_free(made);
    return status;
}

static bnn_status_t builder_scores(void) { return builder_wide(0); }

static bnn_status_t builder_bits(void) { return builder_wide(1); }

/* Many inputs, each with a threshold. */
static bnn_status_t builder_of_thresholds(void) {
    bnn_builder_t *made;
    size_t len;
    bnn_status_t status = bnn_builder_new_thresholds(thresholds, WIDE, &made);
    if (status != BNN_OK) {
        return status;
    }
    if ((status = bnn_builder_linear_f32(made, w, 1, WIDE)) == BNN_OK) {
        status = bnn_builder_finish(made, &len);
    }
    bnn_builder_free(made);
    return status;
}

static bnn_status_t builder_meta(void) {
    bnn_builder_t *made;
    bnn_status_t status = bnn_builder_new(BNN_ELEMENT_BITS, 1, &made);
    if (status != BNN_OK) {
        return status;
    }
    status = bnn_builder_meta(made, thresholds, N * K);
    bnn_builder_free(made);
    return status;
}

static bnn_status_t threads(void) { return bnn_set_num_threads(7); }

static bnn_status_t gemm(void) {
    int32_t *sums = (int32_t *)y;
    const bnn_status_t status = bnn_gemm_i32(bits, bits, ROWS, N, K, sums, N);
    int i;
    for (i = 0; status == BNN_OK && i < ROWS * N; i++) {
        if (sums[i] != K) { /* the rows are equal, whatever memory they were multiplied in */
            return BNN_ERROR_INTERNAL;
        }
    }
    return status;
}

static bnn_status_t linear_saving(void) {
    return bnn_linear_forward_saving_f32(linear, x, ROWS, y, saved, saved_words);
}

static bnn_status_t linear_backward(void) {
    return bnn_linear_backward_f32(linear, saved, saved_words, y, ROWS, dx, dw, NULL, NULL);
}

static bnn_status_t conv2d_saving(void) {
    return bnn_conv2d_forward_saving_f32(conv, x, IMAGES, y, saved, saved_words);
}

static bnn_status_t conv2d_backward(void) {
    return bnn_conv2d_backward_f32(conv, saved, saved_words, y, IMAGES, dx, dw, NULL, NULL);
}

static bnn_status_t packed_new(void) {
    bnn_packed_model_t *made;
    return bnn_packed_model_new(file, file_bytes, &made);
}

static bnn_status_t packed_borrowing(void) {
    bnn_packed_model_t *made;
    return bnn_packed_model_new_borrowing(file, file_bytes, &made);
}

/* A first run, which works in memory that the model then keeps. */
static bnn_status_t packed_run(void) {
    return bnn_packed_model_run(packed, IMAGES, bits, IMAGES * SIDE * SIDE * CHANNELS / 8, y,
                                IMAGES * SIDE * SIDE * OUTPUTS * sizeof(int32_t));
}

typedef bnn_status_t (*work_t)(void);

static unsigned long failed, passed;

static void check(int right, const char *what, long more) {
    if (right) {
        passed++;
    } else {
        failed++;
        fprintf(stderr, "%s with %ld bytes more: failed\n", what, more);
    }
}

/* Bytes of address space in use. */
static long in_use(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld", &pages) != 1) {
        exit(EXIT_FAILURE);
    }
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* What comes of `work` in a child that gets `more` bytes of address space; -1 for one that was killed. */
static int status_with(work_t work, long more) {
    int status;
    const pid_t child = fork();
    if (child == 0) {
        struct rlimit limit;
        limit.rlim_cur = limit.rlim_max = (rlim_t)(in_use() + more);
        _exit(setrlimit(RLIMIT_AS, &limit) == 0 ? (int)work() : 255);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

static void try_with(work_t work, const char *what, int large) {
    int refused = 0, i;
    for (i = 0; i < STEPS; i++) {
        const long more = i * i * 32L * 1024;
        const int status = status_with(work, more);
        refused += status == BNN_ERROR_NO_MEMORY || status == BNN_ERROR_THREADS;
        check(status == BNN_OK || status == BNN_ERROR_NO_MEMORY || status == BNN_ERROR_THREADS,
              what, more);
    }
    check(!large || refused > 0, what, 0);
    check(status_with(work, 4L << 30) == BNN_OK, what, 4L << 30);
}

#define TRY(work, large) try_with(work, #work, large)

static void *zeros(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) {
        exit(EXIT_FAILURE);
    }
    return memory;
}

/* A model of two convolutions, which gives sums. */
static void make_packed(void) {
    bnn_builder_t *builder;
    check(bnn_builder_new(BNN_ELEMENT_BITS, 1, &builder) == BNN_OK &&
              bnn_builder_image(builder, SIDE, SIDE, CHANNELS) == BNN_OK &&
              bnn_builder_conv2d_f32(builder, &options, w) == BNN_OK &&
              bnn_builder_conv2d_f32(builder, &options, w) == BNN_OK &&
              bnn_builder_finish(builder, &file_bytes) == BNN_OK,
          "a model", 0);
    file = zeros(file_bytes, 1);
    check(bnn_builder_file(builder, file, file_bytes) == BNN_OK, "its file", 0);
    bnn_builder_free(builder);
    check(bnn_packed_model_new(file, file_bytes, &packed) == BNN_OK, "a packed model", 0);
}

int main(void) {
    const size_t floats = (size_t)N * K;
#ifdef M_ARENA_MAX
    /* For the first allocation of a thread, glibc reserves 64 MiB of address space where that is
     * left; of what is measured here little would be left, at some limits and not at others. */
    mallopt(M_ARENA_MAX, 1);
#endif
    w = zeros(floats, sizeof *w);
    x = zeros(floats, sizeof *x);
    y = zeros(floats, sizeof *y);
    dx = zeros(floats, sizeof *dx);
    dw = zeros(floats, sizeof *dw);
    bits = zeros(WORDS, sizeof *bits);
    saved_words = 2 * bnn_row_words(K) * ROWS + 2 * IMAGES * bnn_row_words(SIDE * SIDE * CHANNELS);
    saved = zeros(saved_words, sizeof *saved);
    thresholds = zeros((size_t)N * K, 1);
    bnn_conv2d_options_init(&options);
    options.height = options.width = SIDE;
    options.channels = CHANNELS;
    options.outputs = OUTPUTS;
    options.kernel_height = options.kernel_width = 3;
    options.pad_top = options.pad_bottom = options.pad_left = options.pad_right = 1;
    depthwise = options;
    depthwise.channels = depthwise.outputs = depthwise.groups = floats / 9;
    check(bnn_linear_new_f32(w, N, K, NULL, NULL, &linear) == BNN_OK, "a layer", 0);
    check(bnn_conv2d_new_f32(&options, w, NULL, NULL, &conv) == BNN_OK, "a convolution", 0);
    make_packed();
    TRY(linear_f32, 1);
    TRY(linear_packed, 1);
    TRY(linear_with_many_outputs, 1);
    TRY(conv2d_f32, 0);
    TRY(conv2d_packed, 0);
    TRY(conv2d_depthwise, 1);
    TRY(builder, 0);
    TRY(builder_thresholds, 1);
    TRY(graph, 1);
    TRY(wide_graph, 1);
    TRY(wide_fixed_graph, 1);
    TRY(graph_batch_norm, 1);
    TRY(graph_meta, 1);
    TRY(builder_meta, 1);
    TRY(builder_layers, 1);
    TRY(builder_scores, 1);
    TRY(builder_bits, 1);
    TRY(builder_of_thresholds, 1);
    TRY(threads, 1);
    TRY(gemm, 0);
    TRY(linear_saving, 0);
    TRY(linear_backward, 1);
    TRY(conv2d_saving, 0);
    TRY(conv2d_backward, 1);
    TRY(packed_new, 0);
    TRY(packed_borrowing, 0);
    TRY(packed_run, 0);
    printf("%lu passed, %lu failed\n", passed, failed);
    return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
