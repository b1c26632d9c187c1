/* Random hostile calls of every function of include/bnn.h: what the files of this folder share.
 *
 * The rules of the game: pointers may be NULL, misaligned or overlap, sizes may be anything, handles may
 * be in any state. What the library cannot know is kept: a pointer that it may use has as many elements
 * as the sizes say, and is not in the file of an open model that the call does not use. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stddef.h>
#include <stdint.h>

#include "bnn.h"

/* Random numbers, the same for the same seed. */
void seed(uint64_t value);
uint64_t any64(void);
/* Less than `count`. */
size_t below(size_t count);
/* True once in `n` times. */
int one_in(size_t n);

/* A dimension: mostly small, now and then 0 or so large that its products overflow. */
size_t dimension(void);
/* Close to `right`, mostly it. */
size_t about(size_t right);
/* The product, SIZE_MAX if it overflows. */
size_t times(size_t a, size_t b);
/* Elements from the first of `rows` rows of `cols` to the last. */
size_t strided(size_t rows, size_t cols, size_t stride);

enum { BLOCKS = 6, BLOCK_BYTES = 8192 };

void make_blocks(void);
void free_blocks(void);
/* Writes random content of a random kind into a block. */
void refill(void);
/* A pointer for `count` elements of `size` bytes; NULL if the call must not be made, for the library could
 * not know that there are fewer. (A pointer that is to be NULL is drawn by `spoiled`.) */
void *place(size_t count, size_t size);
/* As `place`, and the call may write there if it succeeds. */
void *output(size_t count, size_t size);
/* The same where the call may use memory of the caller's choice, such as a model's file. */
void *output_or(void *other, size_t count, size_t size);
/* `pointer`, or NULL, or misaligned. */
void *spoiled(const void *pointer);
/* `pointer`, or NULL. */
void *or_null(const void *pointer);

/* More memory that is watched: writes into it are wrong at all times but those declared. */
void watch(void *memory, size_t bytes);
/* The call may write here if it succeeds. */
void may_write(void *memory, size_t bytes);
void begin_call(void);
/* Whether all that may not have been written is as before. */
int check_memory(int succeeded);

/* Whether the functions of the calls below were called at all. */
#define SKIPPED (-1)

/* A call: a status, or BNN_OK for functions that return something else, or SKIPPED. */
typedef struct call_t {
    const char *function;
    int (*make)(void);
} call_t;

extern const call_t plain_calls[], layer_calls[], model_calls[], builder_calls[], graph_calls[];

void make_models(void);
void free_models(void);
void free_layers(void);
void free_builders(void);
void free_graphs(void);

#endif
