/* Counting of checks, and memory whose borders are watched. */
#ifndef CHECK_H
#define CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "bnn.h"

/* Counts a check and says where it failed. */
#define CHECK(condition) check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
void check(int passed, const char *what, const char *file, int line);

/* Prints "N passed, M failed"; gives the exit status. */
int summary(void);

/* Counts a call that must be refused with `status` and a message that contains `text`, and that must
 * leave all of `watched` as it was. */
#define REFUSED(watched, count, status, text, call)                                                \
    refused((watched), (count), (status), (text), (call), #call, __FILE__, __LINE__)

/* Elements between two guards, all filled with one byte pattern, guards included. */
typedef struct guarded_t {
    unsigned char *memory;
    size_t payload;
} guarded_t;

enum { GUARD = 64, PATTERN = 0xA5 };

guarded_t guarded(size_t elements, size_t element_size);
void *payload(guarded_t g);
int guards_intact(guarded_t g);
/* Whether neither guards nor payload were ever written. */
int untouched(guarded_t g);
void release(guarded_t g);
void refused(const guarded_t *watched, size_t count, bnn_status_t expected, const char *text,
             bnn_status_t got, const char *call, const char *file, int line);
/* `pointer` moved by `bytes`. */
void *moved(const void *pointer, size_t bytes);

/* Numbers of both signs with all the edges of the sign law among them; the same in every run. */
void fill(float *x, size_t count, uint32_t seed);
/* Multiples of 1/8 from -2 to 2, zeros of both signs among them: products of a few of them, and sums
 * of thousands of those, are exact in floats, in any order. The same in every run. */
void eighths(float *x, size_t count, uint32_t seed);
/* As many floats, filled so; to be freed. */
float *some_eighths(size_t count, uint32_t seed);
/* `malloc` that does not fail. */
void *allocated(size_t bytes);
/* The sign law, said once more. */
int sign(float x);

void test_info(void);
void test_pack(void);
void test_gemm(void);
void test_errors(void);
void test_threads(void);
void test_linear(void);
void test_linear_errors(void);
void test_conv2d(void);
void test_conv2d_errors(void);
void test_model(void);
void test_model_errors(void);
void test_packed_model(void);
void test_model_layers(void);
void test_builder_errors(void);
void test_builder_images(void);
void test_graph(void);
void test_stream(void);
void test_shared_layers(void);
void test_fork(void);
/* Where BNN_ISA asks for what cannot be had. */
void test_refused_isa(const char *asked);

#endif
