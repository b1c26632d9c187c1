/*
 * bnn: binary neural networks, weights and activations in {-1, +1}, one bit each.
 *
 * Generated from crates/bnn-capi by `cargo xtask header`; do not edit. Guide: docs/C_API.md.
 *
 * Sign law  sign(x) = +1 where x >= 0, else -1. So -0.0 gives +1 and NaN gives -1.
 * Bit law   Bit 1 means +1. Element j of a row is bit j % 64 of word j / 64, least significant
 *           first. Every row starts on a word. Tail bits, those behind the last element of a row,
 *           are 0: packing writes them so, and a call that reads others is refused.
 *
 * Arguments Every shape from 1 up is right; 0 is refused. All sizes and strides count elements, not
 *           bytes. Pointers are never NULL and are aligned to their element type. What a call writes
 *           must not overlap anything else of the same call, gaps between its rows included; inputs
 *           may overlap each other.
 * Ownership Memory is the caller's before, during and after a call; the library keeps no pointer.
 *           Returned strings are the library's.
 * Errors    A call that can fail returns a bnn_status_t; each function lists those that its
 *           arguments can bring about, and BNN_ERROR_INTERNAL is possible everywhere. It has then
 *           written nothing, except after BNN_ERROR_INTERNAL. bnn_last_error_message() says what was
 *           wrong.
 * Threads   Every function may be called from any number of threads at once, as long as none writes
 *           what another one reads or writes, gaps between rows included. Large products use the
 *           library's own threads, RAYON_NUM_THREADS of them (by default one for each CPU), and are
 *           done when the call returns.
 */

#ifndef BNN_H
#define BNN_H

#include <stddef.h>
#include <stdint.h>

/**
 * The ABI that this header describes; compare with `bnn_abi_version()`. It changes only when a
 * program compiled against the old header would no longer work.
 */
#define BNN_ABI_VERSION 1

/**
 * What came of a call. Numbers are fixed and never reused; later versions may add some.
 */
typedef enum {
  /**
   * Done.
   */
  BNN_OK = 0,
  /**
   * A pointer is NULL.
   */
  BNN_ERROR_NULL = 1,
  /**
   * A pointer is not aligned to its element type.
   */
  BNN_ERROR_MISALIGNED = 2,
  /**
   * A dimension is 0; every dimension must be at least 1.
   */
  BNN_ERROR_ZERO = 3,
  /**
   * A size is too large to compute with or to address.
   */
  BNN_ERROR_OVERFLOW = 4,
  /**
   * Two sizes that must be equal are not.
   */
  BNN_ERROR_MISMATCH = 5,
  /**
   * A buffer or a stride is smaller than the shape needs.
   */
  BNN_ERROR_TOO_SHORT = 6,
  /**
   * A number lies outside its range.
   */
  BNN_ERROR_RANGE = 7,
  /**
   * A bit behind the last element of a packed row is set.
   */
  BNN_ERROR_TAIL_BITS = 8,
  /**
   * An output overlaps an input or another output.
   */
  BNN_ERROR_OVERLAP = 9,
  /**
   * BNN_ISA names no instruction set that this build knows.
   */
  BNN_ERROR_ISA_UNKNOWN = 10,
  /**
   * The instruction set is known, but this CPU or this build does not have it.
   */
  BNN_ERROR_ISA_ABSENT = 11,
  /**
   * A bug in the library, caught. Outputs may be partly written.
   */
  BNN_ERROR_INTERNAL = 12,
} bnn_status_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * A short English text for a `bnn_status_t`. Any number may be passed; one that is no status
 * gives "unknown status".
 *
 * Returns a static string; never NULL, never to be freed.
 */
const char *bnn_status_string(int32_t status);

/**
 * What was wrong in the calling thread's most recent failed call, with the numbers; "" where
 * none has failed. A call that succeeds leaves it as it is.
 *
 * Returns a string of at most 255 bytes that belongs to the library: valid until the next
 * failed call on the same thread or the end of that thread. Never NULL, never to be freed.
 *
 * A build without `std` has no threads: there it is the static text of the last failed call's
 * status, without numbers.
 */
const char *bnn_last_error_message(void);

/**
 * The ABI of the library that was linked or loaded. Refuse to run where it differs from
 * `BNN_ABI_VERSION`. Cannot fail.
 */
uint32_t bnn_abi_version(void);

/**
 * The library's version, such as "1.2.3".
 *
 * Returns a static string; never NULL, never to be freed.
 */
const char *bnn_version(void);

/**
 * The instruction set in use, by the name that `BNN_ISA` would ask for it: "portable", "popcnt",
 * "avx2", "avx512", "amx", "neon", "simd128". It is the fastest that this CPU has, or the one that the environment variable
 * `BNN_ISA` names; the variable is read once, and not at all by a build without `std`. Later
 * versions may add names.
 *
 * Returns a static string, never NULL, never to be freed: "" where `BNN_ISA` asks for what is
 * unknown or absent, and `bnn_last_error_message()` says which.
 */
const char *bnn_isa(void);

/**
 * Words (`uint64_t`) that one packed row of `k` elements takes: `ceil(k / 64)`. Cannot fail.
 */
size_t bnn_row_words(size_t k);

/**
 * Packs the signs of `x` into `bits`: element `x[r * x_stride + j]` becomes bit `j % 64` of word
 * `bits[r * bnn_row_words(k) + j / 64]`, for `r < rows`, `j < k`; tail bits become 0.
 *
 * - `x`: read, `(rows - 1) * x_stride + k` floats; `x_stride >= k` is counted in floats.
 * - `bits`: written, `rows * bnn_row_words(k)` words; `bits_words`, its size in words, may be
 *   larger, and what lies behind stays as it was.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, OVERLAP, ISA_UNKNOWN, ISA_ABSENT.
 */
bnn_status_t bnn_pack_f32(const float *x,
                          size_t rows,
                          size_t k,
                          size_t x_stride,
                          uint64_t *bits,
                          size_t bits_words);

/**
 * Unpacks `bits` into `x`: `x[r * x_stride + j]` becomes `+1.0f` or `-1.0f`, for `r < rows`,
 * `j < k`. What lies between the rows of `x` stays as it was.
 *
 * - `bits`: read, `rows * bnn_row_words(k)` words, tail bits 0; `bits_words`, its size in words,
 *   may be larger.
 * - `x`: written, `(rows - 1) * x_stride + k` floats; `x_stride >= k` is counted in floats.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, TAIL_BITS, OVERLAP, ISA_UNKNOWN,
 * ISA_ABSENT.
 */
bnn_status_t bnn_unpack_f32(const uint64_t *bits,
                            size_t bits_words,
                            size_t rows,
                            size_t k,
                            float *x,
                            size_t x_stride);

/**
 * Multiplies packed matrices: `c[i * c_stride + j] = sum over l < k of a[i, l] * b[j, l]`, for
 * `i < m`, `j < n`, with elements in {-1, +1}. Both sides are rows of `k` bits, so that `b` is
 * the weight matrix as layers keep it, a row per output. With `m = 1` it is the matrix-vector
 * product. The sums are the same on every CPU and with any number of threads.
 *
 * - `a`: read, `m * bnn_row_words(k)` words, tail bits 0.
 * - `b`: read, `n * bnn_row_words(k)` words, tail bits 0.
 * - `c`: written, `(m - 1) * c_stride + n` numbers; `c_stride >= n` is counted in numbers. What
 *   lies between the rows stays as it was.
 *
 * `k` is at most 2147483647, so that a sum fits.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, RANGE, TAIL_BITS, OVERLAP, ISA_UNKNOWN,
 * ISA_ABSENT.
 */
bnn_status_t bnn_gemm_i32(const uint64_t *a,
                          const uint64_t *b,
                          size_t m,
                          size_t n,
                          size_t k,
                          int32_t *c,
                          size_t c_stride);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BNN_H */
