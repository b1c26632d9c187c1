/* Counting of checks, and memory whose borders are watched: see check.h. */
#include "check.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static unsigned long passed_count, failed_count;

void check(int passed, const char *what, const char *file, int line) {
    pthread_mutex_lock(&counting);
    if (passed) {
        passed_count++;
    } else {
        failed_count++;
        fprintf(stderr, "%s:%d: failed: %s (last error: %s)\n", file, line, what,
                bnn_last_error_message());
    }
    pthread_mutex_unlock(&counting);
}

int summary(void) {
    printf("%lu passed, %lu failed\n", passed_count, failed_count);
    return failed_count == 0 && passed_count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

guarded_t guarded(size_t elements, size_t element_size) {
    guarded_t g;
    g.payload = elements * element_size;
    g.memory = allocated(g.payload + 2 * GUARD);
    memset(g.memory, PATTERN, g.payload + 2 * GUARD);
    return g;
}

void *payload(guarded_t g) { return g.memory + GUARD; }

static int is_pattern(const unsigned char *bytes, size_t count) {
    size_t i;
    for (i = 0; i < count; i++) {
        if (bytes[i] != PATTERN) {
            return 0;
        }
    }
    return 1;
}

int guards_intact(guarded_t g) {
    return is_pattern(g.memory, GUARD) && is_pattern(g.memory + GUARD + g.payload, GUARD);
}

int untouched(guarded_t g) { return is_pattern(g.memory, g.payload + 2 * GUARD); }

void release(guarded_t g) { free(g.memory); }

void fill(float *x, size_t count, uint32_t seed) {
    const float edges[] = {0.0f, -0.0f, NAN, -NAN, INFINITY, -INFINITY, 1e-45f, -1e-45f};
    uint32_t state = seed * 2654435761u + 1u;
    size_t i;
    for (i = 0; i < count; i++) {
        state ^= state << 13; /* xorshift32, Marsaglia 2003 */
        state ^= state >> 17;
        state ^= state << 5;
        x[i] = state % 5 == 0 ? edges[(state >> 8) % 8] : (float)(int32_t)state;
    }
}

void eighths(float *x, size_t count, uint32_t seed) {
    uint32_t state = seed * 2654435761u + 1u;
    size_t i;
    for (i = 0; i < count; i++) {
        state ^= state << 13; /* xorshift32, Marsaglia 2003 */
        state ^= state >> 17;
        state ^= state << 5;
        x[i] = state % 11 == 0   ? -0.0f
               : state % 11 == 1 ? 0.0f
                                 : (float)((state >> 8) % 33) / 8.0f - 2.0f;
    }
}

float *some_eighths(size_t count, uint32_t seed) {
    float *x = allocated(count * sizeof *x);
    eighths(x, count, seed);
    return x;
}

void *allocated(size_t bytes) {
    void *memory = malloc(bytes);
    if (memory == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

void refused(const guarded_t *watched, size_t count, bnn_status_t expected, const char *text,
             bnn_status_t got, const char *call, const char *file, int line) {
    int right = got == expected && strstr(bnn_last_error_message(), text) != NULL;
    size_t i;
    for (i = 0; i < count; i++) {
        right = right && untouched(watched[i]);
    }
    if (got != expected) {
        fprintf(stderr, "expected '%s', got '%s'\n", bnn_status_string(expected),
                bnn_status_string(got));
    }
    check(right, call, file, line);
}

void *moved(const void *pointer, size_t bytes) { return (char *)(uintptr_t)pointer + bytes; }

int sign(float x) { return x >= 0.0f ? 1 : -1; }
