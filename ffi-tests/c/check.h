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

/* Numbers of both signs with all the edges of the sign law among them; the same in every run. */
void fill(float *x, size_t count, uint32_t seed);
/* The sign law, said once more. */
int sign(float x);

void test_info(void);
void test_pack(void);
void test_gemm(void);
void test_errors(void);
void test_threads(void);
/* Where BNN_ISA asks for what cannot be had. */
void test_refused_isa(const char *asked);

#endif
