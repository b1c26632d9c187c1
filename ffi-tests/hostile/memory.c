/* Random numbers and the memory of the calls. */
#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

void seed(uint64_t value) { state = value; }

uint64_t any64(void) {
    uint64_t z = (state += UINT64_C(0x9E3779B97F4A7C15)); /* SplitMix64, Steele et al. 2014 */
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

size_t below(size_t count) { return (size_t)(any64() % count); }

int one_in(size_t n) { return below(n) == 0; }

static size_t huge(void) {
    static const size_t edges[] = {SIZE_MAX,
                                   SIZE_MAX - 63,
                                   SIZE_MAX / 2,
                                   SIZE_MAX / 2 + 1,
                                   (size_t)1 << 61,
                                   (size_t)1 << 62,
                                   ((size_t)1 << 61) + 1,
                                   ((size_t)1 << 32) + 1,
                                   (size_t)1 << 40};
    return one_in(4) ? (size_t)any64() : edges[below(sizeof edges / sizeof *edges)];
}

size_t dimension(void) {
    static const size_t edges[] = {1, 1, 2, 63, 64, 65, 127, 128};
    switch (below(12)) {
    case 0:
        return huge();
    case 1:
        return 0;
    case 2:
    case 3:
    case 4:
        return edges[below(sizeof edges / sizeof *edges)];
    default:
        return 1 + below(9);
    }
}

size_t about(size_t right) {
    switch (below(16)) {
    case 0:
        return right - 1;
    case 1:
        return right + 1;
    case 2:
        return 0;
    case 3:
        return huge();
    case 4:
        return below(100);
    default:
        return right;
    }
}

size_t times(size_t a, size_t b) { return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b; }

size_t strided(size_t rows, size_t cols, size_t stride) {
    const size_t before = rows == 0 ? 0 : times(rows - 1, stride);
    return before > SIZE_MAX - cols ? SIZE_MAX : before + cols;
}

/* Watched memory, and what it has to be. */
typedef struct watched_t {
    unsigned char *memory, *copy;
    size_t bytes;
} watched_t;

enum { MAX_WATCHED = 64, MAX_WRITTEN = 8 };

static watched_t watched[MAX_WATCHED];
static size_t watched_count;
static struct {
    unsigned char *memory;
    size_t bytes;
} written[MAX_WRITTEN];
static size_t written_count;

void watch(void *memory, size_t bytes) {
    watched_t *new = &watched[watched_count++];
    if (watched_count > MAX_WATCHED || (new->copy = malloc(bytes)) == NULL) {
        fprintf(stderr, "no room to watch memory\n");
        exit(EXIT_FAILURE);
    }
    new->memory = memory;
    new->bytes = bytes;
    memcpy(new->copy, memory, bytes);
}

void make_blocks(void) {
    size_t i;
    for (i = 0; i < BLOCKS; i++) {
        /* Each for itself, so that the address sanitizer sees where one ends. */
        void *block = calloc(1, BLOCK_BYTES);
        if (block == NULL) {
            exit(EXIT_FAILURE);
        }
        watch(block, BLOCK_BYTES);
    }
    for (i = 0; i < 4 * BLOCKS; i++) {
        refill();
    }
}

void free_blocks(void) {
    size_t i;
    for (i = 0; i < watched_count; i++) {
        free(watched[i].copy);
        if (i < BLOCKS) {
            free(watched[i].memory);
        }
    }
}

void refill(void) {
    watched_t *block = &watched[below(BLOCKS)];
    const size_t kind = below(6), from = below(BLOCK_BYTES / 8) * 8;
    const size_t to = from + below((BLOCK_BYTES - from) / 8 + 1) * 8;
    size_t i;
    for (i = from; i < to; i += 4) {
        const uint32_t bits = (uint32_t)any64();
        float number = (float)(bits % 33) / 8.0f - 2.0f;
        uint32_t word = bits;
        if (kind == 0) {
            word = 0;
        } else if (kind == 1) {
            word = bits & 0x07070707; /* small bytes */
        } else if (kind < 5) {
            memcpy(&word, &number, sizeof word);
        }
        memcpy(block->memory + i, &word, sizeof word);
    }
    memcpy(block->copy, block->memory, BLOCK_BYTES);
}

void *place(size_t count, size_t size) {
    const size_t bytes = times(count, size);
    unsigned char *block = watched[below(BLOCKS)].memory;
    if (bytes > BLOCK_BYTES) {
        /* Refused by its size alone, or not to be called. */
        return bytes > SIZE_MAX / 2 ? block : NULL;
    }
    return block + below((BLOCK_BYTES - bytes) / 8 + 1) * 8;
}

void may_write(void *memory, size_t bytes) {
    if (written_count < MAX_WRITTEN) {
        written[written_count].memory = memory;
        written[written_count++].bytes = bytes;
    }
}

void *output(size_t count, size_t size) {
    void *memory = place(count, size);
    if (memory != NULL && times(count, size) <= BLOCK_BYTES) {
        may_write(memory, count * size);
    }
    return memory;
}

void *output_or(void *other, size_t count, size_t size) {
    return other != NULL && one_in(6) ? other : output(count, size);
}

void *spoiled(const void *pointer) {
    const uintptr_t address = (uintptr_t)pointer;
    switch (below(20)) {
    case 0:
        return NULL;
    case 1:
        return (void *)(address + 1 + below(3));
    default:
        return (void *)address;
    }
}

void *or_null(const void *pointer) { return one_in(4) ? NULL : (void *)(uintptr_t)pointer; }

void begin_call(void) { written_count = 0; }

int check_memory(int succeeded) {
    size_t i, j;
    for (i = 0; i < watched_count; i++) {
        watched_t *w = &watched[i];
        for (j = 0; succeeded && j < written_count; j++) {
            unsigned char *from = written[j].memory, *to = from + written[j].bytes;
            if (from >= w->memory && to <= w->memory + w->bytes) {
                memcpy(w->copy + (from - w->memory), from, written[j].bytes);
            }
        }
        if (memcmp(w->copy, w->memory, w->bytes) != 0) {
            return 0;
        }
    }
    return 1;
}
