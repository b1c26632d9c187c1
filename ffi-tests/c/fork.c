/* A process that forks after large calls: its children make large calls of their own. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef UNDER_ADDRESS_SANITIZER
#define UNDER_ADDRESS_SANITIZER 0
#endif

/* Products large enough that the library shares them out; gradients are shared out at any size. */
enum { M = 64, N = 96, K = 2200, WORDS = (K + 63) / 64, INPUTS = 300, THREADS = 2, CHILDREN = 2 };

static uint64_t a[M * WORDS], b[N * WORDS];
static float *x, *w;
static bnn_linear_t *linear;
static bnn_packed_model_t *packed;

typedef struct results_t {
    int32_t c[M * N];
    float y[M * N], dx[M * INPUTS], dw[N * INPUTS], dscale[N];
    int32_t sums[M * N];
} results_t;

static results_t *expected;

/* Products, models and gradients, which take different ways through the library. */
static int large_calls(results_t *r) {
    const size_t words = bnn_linear_saved_words(M, INPUTS);
    uint64_t *saved = malloc(words * sizeof *saved);
    const int done =
        saved != NULL && bnn_gemm_i32(a, b, M, N, K, r->c, N) == BNN_OK &&
        bnn_packed_model_run(packed, M, a, sizeof a, r->sums, sizeof r->sums) == BNN_OK &&
        bnn_linear_forward_saving_f32(linear, x, M, r->y, saved, words) == BNN_OK &&
        bnn_linear_backward_f32(linear, saved, words, r->y, M, r->dx, r->dw, r->dscale, NULL) ==
            BNN_OK;
    free(saved);
    return done;
}

static int large_calls_are_right(void) {
    results_t *own = calloc(1, sizeof *own);
    const int right = own != NULL && large_calls(own) && memcmp(own, expected, sizeof *own) == 0;
    free(own);
    return right;
}

static int fork_and(int (*work)(void));

static int child_of_a_child(void) {
    return large_calls_are_right() && fork_and(large_calls_are_right) && large_calls_are_right();
}

static int other_number_of_threads(void) {
    const size_t threads = bnn_num_threads() == 2 ? 3 : 2;
    return bnn_set_num_threads(threads) == BNN_OK && bnn_num_threads() == threads &&
           large_calls_are_right();
}

/* Whether `work` succeeds in a child. */
static int fork_and(int (*work)(void)) {
    int ends[2];
    char answer = 0;
    pid_t child;
    if (pipe(ends) != 0) {
        return 0;
    }
    child = fork();
    if (child == 0) {
        alarm(600); /* or a child that hangs would hang the test */
        answer = work() ? 'y' : 'n';
        if (write(ends[1], &answer, 1) != 1) {
            _exit(1);
        }
        /* Not by `exit`: what the parent's threads left behind is none of the child's leaks. */
        raise(SIGKILL);
    }
    close(ends[1]);
    if (child < 0 || read(ends[0], &answer, 1) != 1) {
        answer = 0;
    }
    close(ends[0]);
    if (child > 0) {
        waitpid(child, NULL, 0);
    }
    return answer == 'y';
}

static void *fork_often(void *unused) {
    int i;
    (void)unused;
    for (i = 0; i < CHILDREN; i++) {
        CHECK(large_calls_are_right());
        CHECK(fork_and(large_calls_are_right));
    }
    return NULL;
}

/* Children that are forked while other threads are inside the library. The address sanitizer's
 * allocator, other than the system's, may be left locked in such a child; so it is not tested
 * there. */
static void several_threads_fork(void) {
    pthread_t threads[THREADS];
    size_t i;
    if (UNDER_ADDRESS_SANITIZER) {
        printf("skipped children of several threads: the sanitizer's allocator does not survive them\n");
        return;
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, fork_often, NULL) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static size_t threads_of_the_parent;

static int as_many_threads(void) {
    return bnn_num_threads() == threads_of_the_parent;
}

/* A model of the product of `a` with `numbers`. */
static bnn_packed_model_t *packed_model(const float *numbers) {
    bnn_builder_t *builder = NULL;
    bnn_packed_model_t *made = NULL;
    uint8_t *file;
    size_t len = 0;
    CHECK(bnn_builder_new(BNN_ELEMENT_BITS, 1, &builder) == BNN_OK);
    CHECK(bnn_builder_linear_f32(builder, numbers, N, K) == BNN_OK);
    CHECK(bnn_builder_finish(builder, &len) == BNN_OK);
    file = allocated(len);
    CHECK(bnn_builder_file(builder, file, len) == BNN_OK);
    bnn_builder_free(builder);
    CHECK(bnn_packed_model_new(file, len, &made) == BNN_OK);
    free(file);
    return made;
}

void test_fork(void) {
    const size_t before = bnn_num_threads(), counts[] = {2, 1, 3};
    float *numbers = some_eighths(N * K, 11);
    size_t i;
    int again;
    x = some_eighths(M * K, 12);
    w = some_eighths(N * INPUTS, 13);
    expected = allocated(sizeof *expected);
    memset(expected, 0, sizeof *expected);
    CHECK(bnn_pack_f32(x, M, K, K, a, M * WORDS) == BNN_OK);
    CHECK(bnn_pack_f32(numbers, N, K, K, b, N * WORDS) == BNN_OK);
    CHECK(bnn_linear_new_f32(w, N, INPUTS, NULL, NULL, &linear) == BNN_OK);
    packed = packed_model(numbers);
    CHECK(large_calls(expected));
    CHECK(memcmp(expected->sums, expected->c, sizeof expected->c) == 0);

    CHECK(fork_and(large_calls_are_right));
    for (i = 0; i < 3; i++) {
        CHECK(bnn_set_num_threads(counts[i]) == BNN_OK);
        threads_of_the_parent = counts[i];
        /* Chosen, but no call has been made with them: the child knows all the same. */
        CHECK(fork_and(as_many_threads));
        CHECK(large_calls_are_right());
        for (again = 0; again < CHILDREN; again++) {
            CHECK(fork_and(large_calls_are_right));
        }
        CHECK(fork_and(child_of_a_child));
        CHECK(fork_and(other_number_of_threads));
        several_threads_fork();
        CHECK(large_calls_are_right());
    }
    CHECK(bnn_set_num_threads(before) == BNN_OK);
    bnn_linear_free(linear);
    bnn_packed_model_free(packed);
    free(expected);
    free(numbers);
    free(x);
    free(w);
}
