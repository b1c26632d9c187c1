/* The shared library is loaded, makes large calls on its threads, is closed and loaded again, many times
 * and from several threads. Its argument is the library's path. */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bnn.h"

enum { M = 64, N = 96, K = 2200, WORDS = (K + 63) / 64, ROUNDS = 50, THREADS = 4 };

static const char *path;
static uint64_t a[M * WORDS], b[N * WORDS];

/* POSIX lets a `void *` be a pointer to a function, C does not. */
#define LOOK_UP(function) (*(void **)&function = dlsym(library, #function))

static int works_once(void) {
    bnn_status_t (*bnn_gemm_i32)(const uint64_t *, const uint64_t *, size_t, size_t, size_t,
                                 int32_t *, size_t);
    bnn_status_t (*bnn_set_num_threads)(size_t);
    size_t (*bnn_num_threads)(void);
    int32_t *c = malloc(M * N * sizeof *c);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int works = 0, i;
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        free(c);
        return 0;
    }
    LOOK_UP(bnn_gemm_i32);
    LOOK_UP(bnn_set_num_threads);
    LOOK_UP(bnn_num_threads);
    works = c != NULL && bnn_num_threads() >= 1 && bnn_set_num_threads(3) == BNN_OK &&
            bnn_gemm_i32(a, b, M, N, K, c, N) == BNN_OK;
    for (i = 0; works && i < M * N; i++) {
        works = c[i] == K; /* all signs are equal */
    }
    free(c);
    return dlclose(library) == 0 && works;
}

static void *work(void *unused) {
    size_t failed = 0;
    int i;
    (void)unused;
    for (i = 0; i < ROUNDS; i++) {
        failed += !works_once();
    }
    return (void *)failed;
}

int main(int count, char **arguments) {
    unsigned long failed = 0;
    pthread_t threads[THREADS];
    void *result;
    size_t i;
    if (count != 2) {
        return EXIT_FAILURE;
    }
    path = arguments[1];
    failed += (unsigned long)(size_t)work(NULL);
    for (i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, NULL) != 0) {
            return EXIT_FAILURE;
        }
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        failed += (unsigned long)(size_t)result;
    }
    printf("%d passed, %lu failed\n", (1 + THREADS) * ROUNDS, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
