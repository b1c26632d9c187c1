/*
 * bnn: binary neural networks, weights and activations in {-1, +1}, one bit each.
 *
 * Generated from crates/bnn-capi by `cargo xtask header`; do not edit. Guide: docs/C_API.md.
 *
 * Sign law  sign(x) = +1 where x >= 0, else -1. So -0.0 gives +1 and NaN gives -1.
 * Bit law   Bit 1 means +1. Element j of a row is bit j % 64 of word j / 64, least significant
 *           first. Every row starts on a word. Tail bits, those after the last element of a row,
 *           are 0: packing writes them so, and a call that reads others is refused.
 *
 * Arguments Every shape from 1 up is right; 0 is refused. Sizes and strides count elements; where they
 *           count bytes, the name says so. Pointers must not be NULL, unless the function says that
 *           they may be, and must be aligned to their element type. What a call writes must not
 *           overlap anything else of the same call, the gaps between its rows and the file of its
 *           model included; inputs may overlap each other.
 * Ownership Memory belongs to the caller before, during and after a call. The library keeps no pointer
 *           to it, with three exceptions: a bnn_model_t points into the file it was opened from, a
 *           bnn_packed_model_t of bnn_packed_model_new_borrowing() into its file, and a bnn_stream_t
 *           into the model's file and into its memory. Free what a function with `new` in its
 *           name gives out with the function that has `free`. Returned strings belong to the library.
 * Errors    A call that can fail returns a bnn_status_t. Each function lists the statuses that its
 *           arguments can cause. Besides, BNN_ERROR_INTERNAL is possible everywhere, and
 *           BNN_ERROR_NO_MEMORY in functions that allocate: those with `new` in their names, builders,
 *           and large calls. A call that fails has written nothing, except after BNN_ERROR_INTERNAL
 *           and where a function says so.
 *           bnn_last_error_message() says what was wrong.
 * Threads   Every function may be called from any number of threads at once, as long as none writes
 *           what another one reads or writes, gaps between rows included. Calls only read a
 *           bnn_linear_t, a bnn_conv2d_t, a bnn_packed_model_t and an open bnn_model_t, except the one
 *           that frees it. Large calls use the library's own threads (see bnn_set_num_threads()) and have finished when
 *           they return. A process may fork at any time: its child has threads of its own.
 * Builds    A library without `std` (bare metal) has no heap: bnn_linear_*, bnn_conv2d_*,
 *           bnn_packed_model_*, bnn_builder_* and bnn_graph_* are not in it. One without `conv` as well opens no model of
 *           convolutions or pools, and has no bnn_stream_*.
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
 * The result of a call. Numbers are fixed and never reused; later versions may add some.
 */
typedef enum bnn_status_t {
  /**
   * Success.
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
   * A bit after the last element of a packed row is set.
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
  /**
   * A number is not a multiple of the one that it is divided by.
   */
  BNN_ERROR_INDIVISIBLE = 13,
  /**
   * Arguments that cannot be used together.
   */
  BNN_ERROR_UNSUPPORTED = 14,
  /**
   * A number is infinite or NaN where only finite numbers have a meaning.
   */
  BNN_ERROR_NOT_FINITE = 15,
  /**
   * The bytes are not a model file, or a model file of a version that this library does not
   * read.
   */
  BNN_ERROR_MODEL_FORMAT = 16,
  /**
   * A model file was truncated, or changed since it was written.
   */
  BNN_ERROR_MODEL_DAMAGED = 17,
  /**
   * A model file breaks a rule of its format.
   */
  BNN_ERROR_MODEL_INVALID = 18,
  /**
   * A bnn_model_t or a bnn_stream_t has not been opened.
   */
  BNN_ERROR_NOT_OPEN = 19,
  /**
   * A layer cannot follow the layers before it, or a model file cannot hold it.
   */
  BNN_ERROR_LAYER = 20,
  /**
   * The system gave no threads.
   */
  BNN_ERROR_THREADS = 21,
  /**
   * The system has too little memory left.
   */
  BNN_ERROR_NO_MEMORY = 22,
  /**
   * A file cannot be read.
   */
  BNN_ERROR_FILE = 23,
} bnn_status_t;

/**
 * The value of pixels around an image. Numbers are fixed.
 */
typedef enum bnn_pad_value_t {
  /**
   * Zero, which adds nothing to a sum: the padding of other frameworks.
   */
  BNN_PAD_ZERO = 0,
  /**
   * -1 in every channel.
   */
  BNN_PAD_MINUS_ONE = 1,
  /**
   * +1 in every channel.
   */
  BNN_PAD_PLUS_ONE = 2,
} bnn_pad_value_t;

/**
 * The type of the elements of a model's input or output. Numbers are fixed.
 */
typedef enum bnn_element_t {
  /**
   * -1 or +1, packed by the bit law; a sample, and of images every pixel, starts on a word
   * (`uint64_t`).
   */
  BNN_ELEMENT_BITS = 0,
  /**
   * Unsigned integers, a `uint8_t` each.
   */
  BNN_ELEMENT_U8 = 1,
  /**
   * Integer sums, an `int32_t` each.
   */
  BNN_ELEMENT_I32 = 2,
  /**
   * Scores, a `float` each.
   */
  BNN_ELEMENT_F32 = 3,
  /**
   * Fixed point, signed integers of 16 bits: of nodes inside graphs alone, neither of an input
   * nor of an output.
   */
  BNN_ELEMENT_I16 = 4,
} bnn_element_t;

/**
 * Kinds of layers of a model. Numbers are fixed.
 */
typedef enum bnn_layer_kind_t {
  /**
   * A fully connected layer.
   */
  BNN_LAYER_DENSE = 0,
  /**
   * A convolution.
   */
  BNN_LAYER_CONV2D = 1,
  /**
   * The largest element of each window, from bits to bits.
   */
  BNN_LAYER_MAX_POOL2D = 2,
} bnn_layer_kind_t;

/**
 * The weights of a product of a graph. Numbers are fixed.
 */
typedef enum bnn_weights_t {
  /**
   * Latent weights, a `float` each, of which the signs count. Of bits or unsigned integers.
   */
  BNN_WEIGHTS_SIGNS = 0,
  /**
   * Signs, packed: a row of `uint64_t` words per output, tail bits 0. Of bits or unsigned
   * integers.
   */
  BNN_WEIGHTS_BITS = 1,
  /**
   * Integers, an `int8_t` each. Of unsigned integers, fixed point or floats.
   */
  BNN_WEIGHTS_I8 = 2,
  /**
   * Numbers, a `float` each. Of floats.
   */
  BNN_WEIGHTS_F32 = 3,
} bnn_weights_t;

/**
 * A model file in the making. One thread at a time may use it. Needs a build with `std`.
 */
typedef struct bnn_builder_t bnn_builder_t;

/**
 * A binary convolution: packed filters, a scale and a bias. It never changes, and any number of
 * threads may use it at once. Needs a build with `std`.
 */
typedef struct bnn_conv2d_t bnn_conv2d_t;

/**
 * A model file of a graph in the making: residual networks, and everything else that is no chain
 * of layers. Nodes have numbers: 0 is the input, and each function that adds a node says its own.
 * One thread at a time may use it. Needs a build with `std`.
 */
typedef struct bnn_graph_t bnn_graph_t;

/**
 * A binary linear layer: packed weights, a scale and a bias. It never changes, and any number of
 * threads may use it at once. Needs a build with `std`.
 */
typedef struct bnn_linear_t bnn_linear_t;

/**
 * A model whose weights are laid out for this CPU: several times as fast as a `bnn_model_t` on
 * hosts, with the same results. It never changes, and any number of threads may use it at once.
 * Needs a build with `std`.
 */
typedef struct bnn_packed_model_t bnn_packed_model_t;

/**
 * Options of a linear layer. `bnn_linear_options_init` sets the defaults.
 */
typedef struct bnn_linear_options_t {
  /**
   * The gradient of `x` passes where `|x| <= clip`, and is 0 elsewhere: the straight-through
   * estimator of the sign. More than 0; by default 1. INFINITY lets it pass everywhere except
   * where `x` is NaN.
   */
  float clip;
} bnn_linear_options_t;

/**
 * The shape of a convolution and the position of its windows. `bnn_conv2d_options_init` sets
 * everything that has a default; height, width, channels, outputs, kernel_height and kernel_width
 * have none (in graphs all of them but outputs may be 0, for those of the node).
 */
typedef struct bnn_conv2d_options_t {
  /**
   * Pixels of an image, from top to bottom.
   */
  size_t height;
  /**
   * Pixels of an image, from left to right.
   */
  size_t width;
  /**
   * Channels of an image, a multiple of `groups`.
   */
  size_t channels;
  /**
   * Channels of the output, a multiple of `groups`.
   */
  size_t outputs;
  /**
   * Taps of a filter, from top to bottom.
   */
  size_t kernel_height;
  /**
   * Taps of a filter, from left to right.
   */
  size_t kernel_width;
  /**
   * Pixels from window to window, downwards; by default 1.
   */
  size_t stride_y;
  /**
   * Pixels from window to window, to the right; by default 1.
   */
  size_t stride_x;
  /**
   * Pixels from tap to tap, downwards; by default 1.
   */
  size_t dilation_y;
  /**
   * Pixels from tap to tap, to the right; by default 1.
   */
  size_t dilation_x;
  /**
   * Groups into which channels and outputs are divided; the outputs of a group depend on the
   * channels of that group only. By default 1. Output `o` is in group `o / (outputs / groups)`.
   */
  size_t groups;
  /**
   * Rows of padding above an image; by default 0.
   */
  size_t pad_top;
  /**
   * Rows of padding below an image; by default 0.
   */
  size_t pad_bottom;
  /**
   * Columns of padding to the left of an image; by default 0.
   */
  size_t pad_left;
  /**
   * Columns of padding to the right of an image; by default 0.
   */
  size_t pad_right;
  /**
   * A `bnn_pad_value_t`: the value of the padding; by default BNN_PAD_ZERO.
   */
  int32_t pad_value;
  /**
   * The gradient of `x` passes where `|x| <= clip`, as in `bnn_linear_options_t`; by default 1.
   */
  float clip;
} bnn_conv2d_options_t;

/**
 * An open model file. The struct belongs to the caller and may be on the stack; copies of it work
 * equally, and there is nothing to free. Only `bnn_model_open` writes it, and any number of
 * threads may use it at once. The other functions refuse a struct that is all zeros.
 */
typedef struct bnn_model_t {
  /**
   * For the library only.
   */
  const void *words[16];
} bnn_model_t;

/**
 * A sample of what a model takes in or gives out.
 */
typedef struct bnn_tensor_t {
  /**
   * Elements per sample.
   */
  size_t elements;
  /**
   * Bytes per sample; samples follow each other without gaps.
   */
  size_t bytes;
  /**
   * A `bnn_element_t`: the type of the elements. Later versions may add some.
   */
  int32_t element;
  /**
   * Bits in use per element: 1 for bits; 1 to 8 for unsigned integers, each less than `1 <<
   * bits`; 32 for the others.
   */
  int32_t element_bits;
} bnn_tensor_t;

/**
 * A layer of a model. Its pointers point into the model's file; those that the layer has no use
 * for are NULL. A layer whose `scale` and both `thresholds` are NULL gives out its sums
 * (BNN_ELEMENT_I32) or, if it is a pool, bits; one with a `scale` gives out floats, one with
 * thresholds bits.
 */
typedef struct bnn_layer_t {
  /**
   * Height, width and channels of its input; a dense layer's is one pixel.
   */
  size_t input_shape[3];
  /**
   * Height, width and channels of its output.
   */
  size_t output_shape[3];
  /**
   * Height and width of a window: 1 and 1 of a dense layer.
   */
  size_t kernel[2];
  /**
   * Pixels from window to window, downwards and to the right.
   */
  size_t stride[2];
  /**
   * Pixels from tap to tap, downwards and to the right.
   */
  size_t dilation[2];
  /**
   * Rows above and below an image, columns to its left and right.
   */
  size_t padding[4];
  /**
   * Groups of channels of a convolution, each with its own outputs; 1 for other layers.
   */
  size_t groups;
  /**
   * Weights per output, `k`: those of a window and the channels of a group; 0 of a pool.
   */
  size_t weights_per_output;
  /**
   * A packed row of `k` bits per output, `bnn_row_words(k)` words each.
   */
  const uint64_t *weights;
  /**
   * A threshold per channel of the input: the layer makes bits of bytes, +1 where a byte reaches
   * it.
   */
  const uint8_t *input_thresholds;
  /**
   * A factor per output: the outputs are `scale * sum + bias`.
   */
  const float *scale;
  /**
   * A summand per output.
   */
  const float *bias;
  /**
   * A threshold per output: the outputs are the bits `sum >= threshold`.
   */
  const int16_t *thresholds_i16;
  /**
   * A threshold per output, if some do not fit 16 bits: the outputs are `sum >= threshold`.
   */
  const int32_t *thresholds_i32;
  /**
   * A `bnn_layer_kind_t`.
   */
  int32_t kind;
  /**
   * A `bnn_element_t`: the type of its input's elements.
   */
  int32_t element;
  /**
   * Bits in use per element of its input, as in `bnn_tensor_t`.
   */
  int32_t element_bits;
  /**
   * A `bnn_pad_value_t`: what the padding is made of.
   */
  int32_t pad_value;
} bnn_layer_t;

/**
 * A stream of rows through a model: a series of sensor frames, whose time is the height of the
 * model's images. The struct belongs to the caller, as a `bnn_model_t` does, and there is nothing
 * to free. It points to the stream's memory and to the model's file; use only one of its copies.
 * The other functions refuse a struct that is all zeros. One thread at a time may use a stream.
 */
typedef struct bnn_stream_t {
  /**
   * For the library only.
   */
  bnn_model_t model;
  /**
   * For the library only.
   */
  const void *words[8];
} bnn_stream_t;

/**
 * The windows of a pool. `bnn_pool2d_options_init` sets all of it but the kernel, which has no
 * default: it becomes 0, which in graphs stands for the whole image.
 */
typedef struct bnn_pool2d_options_t {
  /**
   * Pixels of a window, from top to bottom.
   */
  size_t kernel_height;
  /**
   * Pixels of a window, from left to right.
   */
  size_t kernel_width;
  /**
   * Pixels from window to window, downwards; 0, the default, stands for `kernel_height`.
   */
  size_t stride_y;
  /**
   * Pixels from window to window, to the right; 0, the default, stands for `kernel_width`.
   */
  size_t stride_x;
  /**
   * Rows of padding above an image, which takes no part in the largest or the mean; by default 0.
   */
  size_t pad_top;
  /**
   * Rows of padding below an image; by default 0.
   */
  size_t pad_bottom;
  /**
   * Columns of padding to the left of an image; by default 0.
   */
  size_t pad_left;
  /**
   * Columns of padding to the right of an image; by default 0.
   */
  size_t pad_right;
} bnn_pool2d_options_t;

/**
 * The fixed point that integers `v` become: `round(v * factor / 2^shift) + bias`, saturated, with
 * a factor and a bias for each channel. `round` is to the nearest, ties up.
 */
typedef struct bnn_fixed_t {
  /**
   * A `bnn_element_t`: BNN_ELEMENT_I16, or BNN_ELEMENT_I32 of the last node, the output.
   */
  int32_t element;
  /**
   * The exponent `e`, from -16 to 31: a number `v` stands for `v * 2^-e`. The arithmetic does
   * not use it; the factors convert to it.
   */
  int32_t exponent;
  /**
   * The power of two that divides, from 0 to 62.
   */
  int32_t shift;
} bnn_fixed_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * A short English text for a `bnn_status_t`. Any number may be passed; the text of a number
 * that is not a status is "unknown status".
 *
 * Returns a static string; never NULL, never to be freed.
 */
const char *bnn_status_string(int32_t status);

/**
 * Says what was wrong in the calling thread's most recent failed call, with the numbers; "" if
 * no call has failed. A call that succeeds does not change the message.
 *
 * Returns a string of at most 255 bytes that belongs to the library. It is valid until the
 * next failed call on the same thread or the end of that thread. Never NULL, never to be
 * freed.
 *
 * A build without `std` has no threads: there the message is the static text of the last
 * failed call's status, without numbers, unless it is built with `messages`.
 */
const char *bnn_last_error_message(void);

/**
 * The ABI version of the library that was linked or loaded. Refuse to run if it differs from
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
 * The instruction set in use: "portable", "popcnt", "avx2", "avx512", "amx", "neon" or
 * "simd128". It is the fastest that this CPU has, or the one that the environment variable
 * `BNN_ISA` names. The library reads the variable once; a build without `std` does not read
 * it. Later versions may add names.
 *
 * Returns a static string, never NULL, never to be freed. It is "" if `BNN_ISA` names an
 * instruction set that is unknown or absent; `bnn_last_error_message()` then says which.
 */
const char *bnn_isa(void);

/**
 * Sets how many threads share the work of large calls of this process, from the next call on:
 * `threads` of the library's own. With 1, the calling thread computes forward passes;
 * gradients, and what a forward pass saves of its input, are computed by one further thread
 * for each calling thread, which waits meanwhile. Results do not depend on the number. Calls
 * that are running finish with the threads that they began with.
 *
 * By default it is `RAYON_NUM_THREADS`, or one thread for each CPU. A child process made by
 * `fork` starts threads of its own, as many as its parent was told to use. A build without
 * `std` has no threads: there `threads` is 1.
 *
 * Errors: ZERO, RANGE (more than 1024, or than 1 without `std`), THREADS, NO_MEMORY.
 */
bnn_status_t bnn_set_num_threads(size_t threads);

/**
 * The number of threads that share the work of large calls. Starts them if nothing has done so
 * before. 0 if the system gives no threads.
 */
size_t bnn_num_threads(void);

/**
 * Words (`uint64_t`) that one packed row of `k` elements takes: `ceil(k / 64)`. Cannot fail.
 */
size_t bnn_row_words(size_t k);

/**
 * Packs the signs of `x` into `bits`: element `x[r * x_stride + j]` becomes bit `j % 64` of
 * word `bits[r * bnn_row_words(k) + j / 64]`, for `r < rows`, `j < k`; tail bits become 0.
 *
 * - `x`: read, `(rows - 1) * x_stride + k` floats; `x_stride >= k` is counted in floats.
 * - `bits`: written, `rows * bnn_row_words(k)` words; `bits_words`, its size in words, may be
 *   larger, and words after those are not written.
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
 * `j < k`. The gaps between the rows of `x` are not written.
 *
 * - `bits`: read, `rows * bnn_row_words(k)` words, tail bits 0; `bits_words`, its size in
 *   words, may be larger.
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
 * A large product lays `b` out for the CPU's kernel, part by part, in up to 8 MiB of the
 * library's memory, or reads it in place if there is none. To multiply with the same `b` many
 * times, make a layer of it, or a model.
 *
 * - `a`: read, `m * bnn_row_words(k)` words, tail bits 0.
 * - `b`: read, `n * bnn_row_words(k)` words, tail bits 0.
 * - `c`: written, `(m - 1) * c_stride + n` numbers; `c_stride >= n` is counted in numbers. The
 *   gaps between the rows are not written.
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

/**
 * Sets the options to their defaults.
 *
 * Errors: NULL, MISALIGNED.
 */
bnn_status_t bnn_linear_options_init(bnn_linear_options_t *options);

/**
 * Makes a layer `y = scale * (sign(x) . sign(w)^T) + bias` from latent weights, of which it
 * keeps the signs.
 *
 * - `w`: read, `[n, k]` floats: a row per output.
 * - `scale`: read, `n` floats, a factor per output; NULL for factors of 1.
 * - `bias`: read, `n` floats, a summand per output; NULL for summands of 0.
 * - `out`: receives the layer, to be freed with `bnn_linear_free`. Written on success only.
 *
 * `k` is at most 2147483647. The layer keeps no pointer to the arguments.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE, NOT_FINITE (an element of `w`), OVERLAP,
 * ISA_UNKNOWN, ISA_ABSENT.
 */
bnn_status_t bnn_linear_new_f32(const float *w,
                                size_t n,
                                size_t k,
                                const float *scale,
                                const float *bias,
                                bnn_linear_t **out);

/**
 * Makes a layer as `bnn_linear_new_f32` does, from weights that are already packed.
 *
 * - `bits`: read, `n * bnn_row_words(k)` words, tail bits 0; `bits_words`, its size in words,
 *   may be larger.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, RANGE, TAIL_BITS, OVERLAP, ISA_UNKNOWN,
 * ISA_ABSENT.
 */
bnn_status_t bnn_linear_new_packed(const uint64_t *bits,
                                   size_t bits_words,
                                   size_t n,
                                   size_t k,
                                   const float *scale,
                                   const float *bias,
                                   bnn_linear_t **out);

/**
 * Makes a layer as `bnn_linear_new_f32` does, with options.
 *
 * Errors: as `bnn_linear_new_f32`; RANGE also where `clip` is not more than 0.
 */
bnn_status_t bnn_linear_new_with_options_f32(const bnn_linear_options_t *options,
                                             const float *w,
                                             size_t n,
                                             size_t k,
                                             const float *scale,
                                             const float *bias,
                                             bnn_linear_t **out);

/**
 * Makes a layer as `bnn_linear_new_packed` does, with options.
 *
 * Errors: as `bnn_linear_new_packed`; RANGE also where `clip` is not more than 0.
 */
bnn_status_t bnn_linear_new_with_options_packed(const bnn_linear_options_t *options,
                                                const uint64_t *bits,
                                                size_t bits_words,
                                                size_t n,
                                                size_t k,
                                                const float *scale,
                                                const float *bias,
                                                bnn_linear_t **out);

/**
 * Frees a layer, which no call may be using. NULL is legal and does nothing.
 */
void bnn_linear_free(bnn_linear_t *linear);

/**
 * Outputs and inputs of a layer.
 *
 * - `n`, `k`: written, a number each.
 *
 * Errors: NULL, MISALIGNED, OVERLAP.
 */
bnn_status_t bnn_linear_size(const bnn_linear_t *linear, size_t *n, size_t *k);

/**
 * Computes `y[i, j] = scale[j] * sum + bias[j]` with `sum = sum over l < k of sign(x[i, l]) *
 * sign(w[j, l])`, for `i < m`, `j < n`. The sum is exact (rounded to a float once beyond
 * 2^24); product and sum are each rounded, never fused. The results are the same on every CPU
 * and with any number of threads.
 *
 * - `x`: read, `[m, k]` floats without gaps.
 * - `y`: written, `[m, n]` floats without gaps.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, OVERLAP.
 */
bnn_status_t bnn_linear_forward_f32(const bnn_linear_t *linear, const float *x, size_t m, float *y);

/**
 * Words (`uint64_t`) that a saving forward pass of `m` rows of `k` elements writes:
 * `2 * m * bnn_row_words(k)`, a sign and a bit of the range mask per element. 0 if the
 * product overflows or a size is 0.
 */
size_t bnn_linear_saved_words(size_t m, size_t k);

/**
 * Computes what `bnn_linear_forward_f32` does, and saves what `bnn_linear_backward_f32` needs
 * of `x`: the packed signs `[m, k]`, followed by one packed bit per element that says whether
 * `|x| <= clip`.
 *
 * - `saved`: written, `bnn_linear_saved_words(m, k)` words; `saved_words`, its size in words,
 *   may be larger, and words after those are not written.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, OVERLAP.
 */
bnn_status_t bnn_linear_forward_saving_f32(const bnn_linear_t *linear,
                                           const float *x,
                                           size_t m,
                                           float *y,
                                           uint64_t *saved,
                                           size_t saved_words);

/**
 * Computes the gradients of a loss, given the gradient with respect to `y`. Gradients whose
 * pointer is NULL are skipped and cost nothing.
 *
 * - `saved`: read, what `bnn_linear_forward_saving_f32` saved of the same `m` rows;
 *   `saved_words`, its size in words, may be larger.
 * - `grad_y`: read, `[m, n]` floats.
 * - `grad_x`: written, `[m, k]` floats: `(grad_y * scale) . sign(w)` where `|x| <= clip`, else
 *   0.
 * - `grad_w`: written, `[n, k]` floats: `(grad_y * scale)^T . sign(x)`, the gradient with
 *   respect to `sign(w)`. The straight-through estimator applies it to the latent `w`
 *   unchanged.
 * - `grad_scale`: written, `n` floats: `sum over i of grad_y[i, j] * sum[i, j]`, the sums
 *   computed again from the saved signs.
 * - `grad_bias`: written, `n` floats: `sum over i of grad_y[i, j]`.
 *
 * The results are the same with any number of threads.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, TAIL_BITS, OVERLAP.
 */
bnn_status_t bnn_linear_backward_f32(const bnn_linear_t *linear,
                                     const uint64_t *saved,
                                     size_t saved_words,
                                     const float *grad_y,
                                     size_t m,
                                     float *grad_x,
                                     float *grad_w,
                                     float *grad_scale,
                                     float *grad_bias);

/**
 * Sets every option that has a default to it, and the sizes that have none to 0.
 *
 * Errors: NULL, MISALIGNED.
 */
bnn_status_t bnn_conv2d_options_init(bnn_conv2d_options_t *options);

/**
 * Makes a convolution `y = scale * (sign(x) * sign(w)) + bias` from latent filters, of which
 * it keeps the signs. Filters are not flipped: this is the cross-correlation that all
 * frameworks call convolution.
 *
 * - `w`: read, `[outputs, kernel_height, kernel_width, channels / groups]` floats.
 * - `scale`: read, `outputs` floats, a factor per output; NULL for factors of 1.
 * - `bias`: read, `outputs` floats, a summand per output; NULL for summands of 0.
 * - `out`: receives the convolution, to be freed with `bnn_conv2d_free`. Written on success
 *   only.
 *
 * The convolution keeps no pointer to the arguments.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE (a kernel larger than the padded image,
 * `pad_value`, `clip`, filters of more than 2147483647 elements), INDIVISIBLE (by groups),
 * NOT_FINITE (an element of `w`), OVERLAP, ISA_UNKNOWN, ISA_ABSENT.
 */
bnn_status_t bnn_conv2d_new_f32(const bnn_conv2d_options_t *options,
                                const float *w,
                                const float *scale,
                                const float *bias,
                                bnn_conv2d_t **out);

/**
 * Makes a convolution as `bnn_conv2d_new_f32` does, from filters that are already packed: a
 * row of `k = kernel_height * kernel_width * (channels / groups)` bits per output.
 *
 * - `bits`: read, `outputs * bnn_row_words(k)` words, tail bits 0; `bits_words`, its size in
 *   words, may be larger.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, RANGE (as in `bnn_conv2d_new_f32`),
 * INDIVISIBLE, TAIL_BITS, OVERLAP, ISA_UNKNOWN, ISA_ABSENT.
 */
bnn_status_t bnn_conv2d_new_packed(const bnn_conv2d_options_t *options,
                                   const uint64_t *bits,
                                   size_t bits_words,
                                   const float *scale,
                                   const float *bias,
                                   bnn_conv2d_t **out);

/**
 * Frees a convolution, which no call may be using. NULL is legal and does nothing.
 */
void bnn_conv2d_free(bnn_conv2d_t *conv);

/**
 * Pixels of an output image.
 *
 * - `height`, `width`: written, a number each.
 *
 * Errors: NULL, MISALIGNED, OVERLAP.
 */
bnn_status_t bnn_conv2d_output_size(const bnn_conv2d_t *conv, size_t *height, size_t *width);

/**
 * Computes the convolution of the signs of images, times scale, plus bias, as exactly as
 * `bnn_linear_forward_f32` does.
 *
 * - `x`: read, `[batch, height, width, channels]` floats without gaps (NHWC).
 * - `y`: written, `[batch, output height, output width, outputs]` floats without gaps; see
 *   `bnn_conv2d_output_size`.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, OVERLAP.
 */
bnn_status_t bnn_conv2d_forward_f32(const bnn_conv2d_t *conv,
                                    const float *x,
                                    size_t batch,
                                    float *y);

/**
 * Words (`uint64_t`) that a saving forward pass of `batch` images writes: `2 * batch *
 * bnn_row_words(height * width * channels)`, a sign and a bit of the range mask per element. 0
 * if `conv` is NULL, `batch` is 0, or the size overflows.
 */
size_t bnn_conv2d_saved_words(const bnn_conv2d_t *conv, size_t batch);

/**
 * Computes what `bnn_conv2d_forward_f32` does, and saves what `bnn_conv2d_backward_f32` needs
 * of `x`: the packed signs, a row per image, followed by one packed bit per element that says
 * whether `|x| <= clip`.
 *
 * - `saved`: written, `bnn_conv2d_saved_words(conv, batch)` words; `saved_words`, its size in
 *   words, may be larger, and words after those are not written.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, OVERLAP.
 */
bnn_status_t bnn_conv2d_forward_saving_f32(const bnn_conv2d_t *conv,
                                           const float *x,
                                           size_t batch,
                                           float *y,
                                           uint64_t *saved,
                                           size_t saved_words);

/**
 * Computes the gradients of a loss, given the gradient with respect to `y`, as
 * `bnn_linear_backward_f32` does. Gradients whose pointer is NULL are skipped and cost
 * nothing.
 *
 * - `saved`: read, what `bnn_conv2d_forward_saving_f32` saved of the same `batch` images;
 *   `saved_words`, its size in words, may be larger.
 * - `grad_y`: read, `[batch, output height, output width, outputs]` floats.
 * - `grad_x`: written, `[batch, height, width, channels]` floats; 0 where not `|x| <= clip`.
 * - `grad_w`: written, `[outputs, kernel_height, kernel_width, channels / groups]` floats: the
 *   gradient with respect to `sign(w)`, scale included.
 * - `grad_scale`, `grad_bias`: written, `outputs` floats each.
 *
 * The results are the same with any number of threads.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, TAIL_BITS, OVERLAP.
 */
bnn_status_t bnn_conv2d_backward_f32(const bnn_conv2d_t *conv,
                                     const uint64_t *saved,
                                     size_t saved_words,
                                     const float *grad_y,
                                     size_t batch,
                                     float *grad_x,
                                     float *grad_w,
                                     float *grad_scale,
                                     float *grad_bias);

/**
 * Checks all of a model file and opens it in place.
 *
 * - `bytes`: read, `len` bytes, the whole file, from an address that is a multiple of 8. They
 *   must stay where and as they are for as long as the model, or a copy of it, is used.
 * - `out`: receives the model. Written on success only.
 *
 * A model that opens is safe to run, whatever the bytes are.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, OVERLAP, MODEL_FORMAT, MODEL_DAMAGED,
 * MODEL_INVALID.
 */
bnn_status_t bnn_model_open(const uint8_t *bytes, size_t len, bnn_model_t *out);

/**
 * Describes a sample of the model's input.
 *
 * - `out`: written.
 *
 * Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
 */
bnn_status_t bnn_model_input(const bnn_model_t *model, bnn_tensor_t *out);

/**
 * Describes a sample of the model's output.
 *
 * - `out`: written.
 *
 * Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
 */
bnn_status_t bnn_model_output(const bnn_model_t *model, bnn_tensor_t *out);

/**
 * The shape of a sample of the model's input: height, width and channels of an image, whose
 * elements are in this order. Height and width are 1 if the model does not take images. A row
 * of an image has as many bytes as a sample (see `bnn_model_input`) divided by the height.
 *
 * - `shape`: written, 3 numbers.
 *
 * Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
 */
bnn_status_t bnn_model_input_shape(const bnn_model_t *model, size_t *shape);

/**
 * The shape of a sample of the model's output, as in `bnn_model_input_shape`.
 *
 * - `shape`: written, 3 numbers.
 *
 * Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
 */
bnn_status_t bnn_model_output_shape(const bnn_model_t *model, size_t *shape);

/**
 * Bytes of scratch memory that a run needs per sample; may be 0. A model with convolutions or
 * pools runs its samples one by one and needs no more for several of them. Also 0 if `model`
 * is NULL or not open, which `bnn_model_run` refuses.
 */
size_t bnn_model_scratch_bytes(const bnn_model_t *model);

/**
 * The text that the file keeps for people and tools: by convention lines of `key=value` that
 * end in a line feed, such as `class.0=cat`. See `bnn_builder_meta`.
 *
 * - `text`: written: where the text begins, inside the file. UTF-8, not closed by a 0.
 * - `len`: written: its bytes; 0 if there is none.
 *
 * Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
 */
bnn_status_t bnn_model_meta(const bnn_model_t *model, const uint8_t **text, size_t *len);

/**
 * Layers of the model, at least 1; 0 of a graph (version 2 of the format), whose nodes are not
 * layers. 0 where `model` is NULL or not open.
 */
size_t bnn_model_layers(const bnn_model_t *model);

/**
 * A layer of the model, with its packed weights and parameters as arrays in the file.
 *
 * - `index`: 0 for the layer that takes the model's input, and so on.
 * - `out`: written on success only.
 *
 * A graph (version 2 of the format) has no layers: UNSUPPORTED for any index. The command
 * `bnn info --weights` writes the arrays of its nodes.
 *
 * Errors: NULL, MISALIGNED, NOT_OPEN, RANGE, UNSUPPORTED, OVERLAP.
 */
bnn_status_t bnn_model_layer(const bnn_model_t *model, size_t index, bnn_layer_t *out);

/**
 * Runs the model on one sample, in the caller's memory and on the calling thread: made for
 * small devices. On a host a `bnn_packed_model_t` is several times as fast.
 *
 * - `input`: read, `input_bytes` bytes, exactly those of a sample; aligned to the element type
 *   (8 bytes for bits, whose tail bits are 0).
 * - `output`: written, `output_bytes` bytes, exactly those of a sample; aligned to the element
 *   type (8 bytes for bits).
 * - `scratch`: written, `scratch_bytes` bytes, at least `bnn_model_scratch_bytes`; aligned to
 *   8 bytes. May be NULL if none is needed.
 *
 * Errors: NULL, MISALIGNED, MISMATCH, TOO_SHORT, RANGE (an input element has more bits than
 * the model says), TAIL_BITS, OVERLAP, NOT_OPEN, ISA_UNKNOWN, ISA_ABSENT.
 */
bnn_status_t bnn_model_run(const bnn_model_t *model,
                           const void *input,
                           size_t input_bytes,
                           void *output,
                           size_t output_bytes,
                           void *scratch,
                           size_t scratch_bytes);

/**
 * Runs the model on `samples` samples, which follow each other in `input` and `output`: all
 * sizes are `samples` times those of `bnn_model_run`. On a host `bnn_packed_model_run` is
 * several times as fast.
 *
 * Errors: as `bnn_model_run`, and ZERO, OVERFLOW.
 */
bnn_status_t bnn_model_run_batch(const bnn_model_t *model,
                                 size_t samples,
                                 const void *input,
                                 size_t input_bytes,
                                 void *output,
                                 size_t output_bytes,
                                 void *scratch,
                                 size_t scratch_bytes);

/**
 * Checks all of a model file and lays its weights out for this CPU. The library keeps a copy
 * of the file: `bytes` may be freed after the call.
 *
 * - `bytes`: read, `len` bytes, the whole file, at any address.
 * - `out`: receives the model, to be freed with `bnn_packed_model_free`. Written on success
 *   only.
 *
 * A model that opens is safe to run, whatever the bytes are.
 *
 * Errors: NULL, MISALIGNED (`out`), ZERO, OVERFLOW, OVERLAP, MODEL_FORMAT, MODEL_DAMAGED,
 * MODEL_INVALID, ISA_UNKNOWN, ISA_ABSENT.
 */
bnn_status_t bnn_packed_model_new(const uint8_t *bytes, size_t len, bnn_packed_model_t **out);

/**
 * Opens a model as `bnn_packed_model_new` does, and borrows its bytes, such as those of a
 * mapped file: they must not move or change until the model is freed.
 *
 * - `bytes`: read, `len` bytes, the whole file, from an address that is a multiple of 8.
 *
 * Errors: as `bnn_packed_model_new`, and MISALIGNED (`bytes`).
 */
bnn_status_t bnn_packed_model_new_borrowing(const uint8_t *bytes,
                                            size_t len,
                                            bnn_packed_model_t **out);

/**
 * Opens a model as `bnn_packed_model_new` does, from a regular file, which is read whole.
 *
 * - `path`: read, a string closed by a 0, as the system's functions take it (UTF-8 on
 *   Windows).
 *
 * Errors: as `bnn_packed_model_new`, and FILE (there is no such file, or it cannot be read).
 */
bnn_status_t bnn_packed_model_new_from_file(const char *path, bnn_packed_model_t **out);

/**
 * Opens the file of a packed model as a `bnn_model_t`, for all that there is to ask of one:
 * `bnn_model_input`, `bnn_model_output`, `bnn_model_input_shape`, `bnn_model_layer`,
 * `bnn_model_meta` and so on.
 *
 * - `out`: receives the model. Written on success only. It may be used until `packed` is freed
 *   or, if that borrows its file, as long as the file stays.
 *
 * Errors: NULL, MISALIGNED, OVERLAP.
 */
bnn_status_t bnn_packed_model_view(const bnn_packed_model_t *packed, bnn_model_t *out);

/**
 * The memory that a packed model takes beside its file, and a run of `samples` samples.
 *
 * - `weights_bytes`: written: the bytes of the weights as they are laid out for this CPU,
 *   there as long as the model.
 * - `workspace_bytes`: written: the bytes of what lies between the layers in a run, for each
 *   thread that takes part in it; the model keeps them for the next run. The products of a
 *   thread take some more while they run, at most about 5 MiB.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERLAP.
 */
bnn_status_t bnn_packed_model_memory(const bnn_packed_model_t *packed,
                                     size_t samples,
                                     size_t *weights_bytes,
                                     size_t *workspace_bytes);

/**
 * Runs the model on `samples` samples, which follow each other in `input` and `output`, on the
 * library's threads. A sample takes the bytes that `bnn_model_input` and `bnn_model_output`
 * say of the model's `bnn_packed_model_view`. The results are those of `bnn_model_run_batch`,
 * bit for bit.
 *
 * The model keeps the memory that a run works in: a later run of no more samples, in no more
 * threads, asks for no more. A run of one sample is about as fast per sample as one of many,
 * apart from sharing it among threads.
 *
 * - `input`: read, `input_bytes` bytes, exactly those of the samples; aligned to the element
 *   type (8 bytes for bits, whose tail bits are 0).
 * - `output`: written, `output_bytes` bytes, exactly those of the samples; aligned to the
 *   element type (8 bytes for bits). After BNN_ERROR_NO_MEMORY it holds anything.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, MISMATCH, RANGE (an input element has more bits
 * than the model says), TAIL_BITS, OVERLAP.
 */
bnn_status_t bnn_packed_model_run(const bnn_packed_model_t *packed,
                                  size_t samples,
                                  const void *input,
                                  size_t input_bytes,
                                  void *output,
                                  size_t output_bytes);

/**
 * Frees a packed model, which no call may be using. NULL is legal and does nothing.
 */
void bnn_packed_model_free(bnn_packed_model_t *packed);

/**
 * Bytes of memory that a stream through the model needs. 0 if there is no such stream, which
 * `bnn_stream_open` refuses: if the model does not begin with a convolution or a pool, if its
 * output has several rows, or if `model` is NULL or not open.
 */
size_t bnn_model_stream_bytes(const bnn_model_t *model);

/**
 * Opens a stream, which then expects its first row.
 *
 * - `memory`: written, `memory_bytes` bytes, at least `bnn_model_stream_bytes`; aligned to 8
 *   bytes. Only the stream may read and write it for as long as the stream is used.
 * - `out`: receives the stream, which holds a copy of the model. Written on success only.
 *
 * Errors: NULL, MISALIGNED, NOT_OPEN, TOO_SHORT, OVERLAP, UNSUPPORTED (there is no stream
 * through this model, see `bnn_model_stream_bytes`), OVERFLOW, ISA_UNKNOWN, ISA_ABSENT.
 */
bnn_status_t bnn_stream_open(const bnn_model_t *model,
                             void *memory,
                             size_t memory_bytes,
                             bnn_stream_t *out);

/**
 * Takes the next row, `[width, channels]` of `bnn_model_input_shape`. Gives a result as soon
 * as the rows that it depends on are there: the result of `bnn_model_run` on a window of as
 * many rows as the model's images have. If `bnn_stream_slides`, the first window begins at the
 * first row, and each further one begins later by the product of all vertical strides on the
 * way to the output. Otherwise the windows follow each other without overlap.
 *
 * - `stream`: read and written.
 * - `row`: read, `row_bytes` bytes, exactly those of a row: the bytes of a sample (see
 *   `bnn_model_input`) divided by the height; aligned to the element type (8 bytes for bits,
 *   whose tail bits are 0).
 * - `output`: written if a result is complete, else left unchanged; `output_bytes` bytes,
 *   exactly those of a sample of `bnn_model_output`; aligned to the element type.
 * - `ready`: written; 1 where `output` has a result now, else 0.
 *
 * An error does not change the stream.
 *
 * Errors: NULL, MISALIGNED, NOT_OPEN, MISMATCH, RANGE (an element has more bits than the model
 * says), TAIL_BITS, OVERLAP (also with the stream's memory), ISA_UNKNOWN, ISA_ABSENT.
 */
bnn_status_t bnn_stream_push(bnn_stream_t *stream,
                             const void *row,
                             size_t row_bytes,
                             void *output,
                             size_t output_bytes,
                             int32_t *ready);

/**
 * Forgets all rows: the next one is the first of a window.
 *
 * - `stream`: read and written.
 *
 * Errors: NULL, MISALIGNED, NOT_OPEN, ISA_UNKNOWN, ISA_ABSENT.
 */
bnn_status_t bnn_stream_reset(bnn_stream_t *stream);

/**
 * 1 if the window slides, which it does if no layer of the model is padded above or below and,
 * of a graph, branches that rejoin have the same strides. 0 otherwise, and if `stream` is NULL
 * or not open.
 */
uint32_t bnn_stream_slides(const bnn_stream_t *stream);

/**
 * Begins a model.
 *
 * - `element`: a `bnn_element_t`, what samples are made of: BNN_ELEMENT_BITS or
 *   BNN_ELEMENT_U8.
 * - `element_bits`: 1 for bits; for unsigned integers 1 to 8: all elements are less than
 *   `1 << element_bits`.
 * - `out`: receives the builder, to be freed with `bnn_builder_free`. Written on success only.
 *
 * Errors: NULL, MISALIGNED, RANGE.
 */
bnn_status_t bnn_builder_new(int32_t element, int32_t element_bits, bnn_builder_t **out);

/**
 * Begins a model of bytes of which it makes bits itself, by a threshold for each input: `+1`
 * where `x[l] >= thresholds[l]`, else `-1`. Samples are BNN_ELEMENT_U8 of 8 bits; the first
 * product takes the signs.
 *
 * - `thresholds`: read, `len` bytes: one for each input of the first product.
 * - `out`: receives the builder, to be freed with `bnn_builder_free`. Written on success only.
 *
 * Errors: NULL, MISALIGNED, ZERO, RANGE (more than 2^32 - 1 bytes), OVERLAP.
 */
bnn_status_t bnn_builder_new_thresholds(const uint8_t *thresholds, size_t len, bnn_builder_t **out);

/**
 * Frees a builder. NULL is legal and does nothing.
 */
void bnn_builder_free(bnn_builder_t *builder);

/**
 * Sets the text that the file keeps for people and tools, by convention lines of `key=value`
 * that end in a line feed.
 *
 * - `text`: read, `len` bytes of UTF-8; not closed by a 0.
 *
 * Errors: NULL, MISALIGNED, RANGE (not UTF-8, or more than 2^32 - 1 bytes), LAYER (the model
 * is finished).
 */
bnn_status_t bnn_builder_meta(bnn_builder_t *builder, const uint8_t *text, size_t len);

/**
 * Adds a product with signs of weights, `sum[j] = sum over l < k of sign(x[l]) * sign(w[j,
 * l])`, where `x` is what the layers so far give out, or the input. If it is the first product
 * of a model of unsigned integers, `x[l]` itself stands in place of its sign.
 *
 * - `w`: read, `[n, k]` floats: latent weights, whose signs count.
 *
 * Sums are at most 2^24 in magnitude, up to which training in floats is exact.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE (an element of `w`), LAYER (`k` is not
 * what the layers so far give out or the number of thresholds, sums that are too large, or the
 * model is finished).
 */
bnn_status_t bnn_builder_linear_f32(bnn_builder_t *builder, const float *w, size_t n, size_t k);

/**
 * Adds `scale * x + bias` per column, product and sum rounded to a float each, after a
 * product: the scale and the bias of a layer, a folded batch norm. Any number of such steps
 * may follow each other. If a sign follows them, they become an integer threshold per output,
 * equal to the sign of this very computation for every sum that can occur. At the end of a
 * model they become one scale and one bias; `bnn_builder_finish` refuses several steps of
 * which these give other scores, see `bnn_builder_set_tolerance`.
 *
 * - `scale`: read, `n` floats; NULL for factors of 1.
 * - `bias`: read, `n` floats; NULL for summands of 0.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE (also of what it computes), LAYER (not
 * after a product, `n` is not the product's, or the model is finished).
 */
bnn_status_t bnn_builder_affine_f32(bnn_builder_t *builder,
                                    const float *scale,
                                    const float *bias,
                                    size_t n);

/**
 * Adds a batch norm in evaluation, with fixed statistics: with `a = gamma / sqrt(var + eps)`
 * the affine step `a * x + (beta - mean * a)`, each operation rounded to a float. See
 * `bnn_builder_affine_f32`.
 *
 * - `mean`, `var`: read, `n` floats each: the running statistics.
 * - `gamma`: read, `n` floats; NULL for factors of 1.
 * - `beta`: read, `n` floats; NULL for summands of 0.
 *
 * Errors: as `bnn_builder_affine_f32`.
 */
bnn_status_t bnn_builder_batch_norm_f32(bnn_builder_t *builder,
                                        const float *gamma,
                                        const float *beta,
                                        const float *mean,
                                        const float *var,
                                        float eps,
                                        size_t n);

/**
 * Adds a sign by integer thresholds after a product: `+1` where the sum is at least
 * `thresholds[j]`, else `-1`.
 *
 * - `thresholds`: read, `n` numbers. One above the largest sum gives `-1` always.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE (affine steps before it overflow),
 * LAYER (not after a product, `n` is not the product's, or the model is finished).
 */
bnn_status_t bnn_builder_threshold_i32(bnn_builder_t *builder, const int32_t *thresholds, size_t n);

/**
 * Allows the scores of the model to differ from what several affine steps compute. A model
 * file has one scale and one bias per output, with a rounding each, which cannot always give
 * the scores of two steps bit for bit. The difference is of some 1e-7, and is checked for
 * every sum that can occur. Signs are exact in any case.
 *
 * - `tolerance`: the largest difference, as a share of the largest score that the output can
 *   have; from 0, the default, to 1.
 *
 * Errors: NULL, MISALIGNED, RANGE, LAYER (the model is finished).
 */
bnn_status_t bnn_builder_set_tolerance(bnn_builder_t *builder, float tolerance);

/**
 * Adds a sign. At the end of a model it makes the output bits; before a product it may be left
 * out.
 *
 * Errors: NULL, MISALIGNED, LAYER (of an unsigned input, or the model is finished).
 */
bnn_status_t bnn_builder_sign(bnn_builder_t *builder);

/**
 * Sets what has a default to it, and the kernel, which has none, to 0.
 *
 * Errors: NULL, MISALIGNED.
 */
bnn_status_t bnn_pool2d_options_init(bnn_pool2d_options_t *options);

/**
 * Says that samples are images of this size. Call it before the first layer is added; without
 * it samples are rows.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, LAYER (layers have been added, other images have
 * been said, or the model is finished).
 */
bnn_status_t bnn_builder_image(bnn_builder_t *builder,
                               size_t height,
                               size_t width,
                               size_t channels);

/**
 * Adds the convolution of the signs of images `[height, width, channels]` with the signs of
 * filters. If it is the first product of a model of unsigned integers, the integers stand in
 * place of their signs; the padding must then be BNN_PAD_ZERO.
 *
 * - `options`: read. `height`, `width` and `channels` must be those of the images that the
 *   layers so far give out, or that `bnn_builder_image` said; `clip` is not used.
 * - `w`: read, `[outputs, kernel_height, kernel_width, channels / groups]` floats: latent
 *   filters, whose signs count.
 *
 * Sums are at most 2^24 in magnitude, up to which training in floats is exact.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE (an element of `w`), RANGE and
 * INDIVISIBLE (as in `bnn_conv2d_new_f32`), LAYER (there are no images, or images of another
 * size; sums that are too large; numbers that the format has no room for; or the model is
 * finished).
 */
bnn_status_t bnn_builder_conv2d_f32(bnn_builder_t *builder,
                                    const bnn_conv2d_options_t *options,
                                    const float *w);

/**
 * Adds a max pool over images: of the sums of a convolution, of what affine steps make of
 * them, or of signs. A model file pools signs, which gives the same result if a product or a
 * sign takes the signs of what was pooled.
 *
 * - `options`: read: the windows.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE (a window larger than the padded image),
 * LAYER (there are no images, it would pool integers of the input, numbers that the format has
 * no room for, or the model is finished). `bnn_builder_finish` and the next product refuse a
 * pool whose signs they cannot take.
 */
bnn_status_t bnn_builder_max_pool2d(bnn_builder_t *builder, const bnn_pool2d_options_t *options);

/**
 * Adds a flattening: each image becomes a row, in the order `[height, width, channels]`, for
 * the dense layers that follow. Rows stay as they are. Without it a linear layer takes each
 * pixel by itself.
 *
 * Errors: NULL, MISALIGNED, LAYER (the model is finished).
 */
bnn_status_t bnn_builder_flatten(bnn_builder_t *builder);

/**
 * Finishes the model: nothing can be added any more, and `bnn_builder_file` hands out its
 * bytes. The output of the model is scores (BNN_ELEMENT_F32) after an affine map or a batch
 * norm, sums (BNN_ELEMENT_I32) after a product, bits (BNN_ELEMENT_BITS) after a sign.
 *
 * - `file_bytes`: written: the size of the file.
 *
 * Errors: NULL, MISALIGNED, LAYER (no product, or finished before), OVERFLOW.
 */
bnn_status_t bnn_builder_finish(bnn_builder_t *builder, size_t *file_bytes);

/**
 * Copies the bytes of the finished model.
 *
 * - `bytes`: written, as many bytes as `bnn_builder_finish` said; `len`, its size, may be
 *   larger, and what lies after them stays as it was. For `bnn_model_open` it begins at a
 *   multiple of 8.
 *
 * Errors: NULL, MISALIGNED, TOO_SHORT, LAYER (not finished).
 */
bnn_status_t bnn_builder_file(const bnn_builder_t *builder, uint8_t *bytes, size_t len);

/**
 * Begins a graph.
 *
 * - `element`, `element_bits`: what samples are made of, as in `bnn_builder_new`.
 * - `height`, `width`, `channels`: the shape of a sample; 1, 1 and the number of inputs of one
 *   that is no image. Sides are at most 65535.
 * - `out`: receives the builder, to be freed with `bnn_graph_free`. Written on success only.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE.
 */
bnn_status_t bnn_graph_new(int32_t element,
                           int32_t element_bits,
                           size_t height,
                           size_t width,
                           size_t channels,
                           bnn_graph_t **out);

/**
 * Frees a builder of a graph. NULL is legal and does nothing.
 */
void bnn_graph_free(bnn_graph_t *graph);

/**
 * Sets the text that the file keeps for people and tools, as `bnn_builder_meta` does.
 *
 * - `text`: read, `len` bytes of UTF-8; not closed by a 0.
 *
 * Errors: as `bnn_builder_meta`.
 */
bnn_status_t bnn_graph_meta(bnn_graph_t *graph, const uint8_t *text, size_t len);

/**
 * Describes what a node gives out.
 *
 * - `node`: its number; 0 is the input.
 * - `element`: written: a `bnn_element_t`, the type of its elements.
 * - `shape`: written, 3 numbers: height, width and channels.
 *
 * Errors: NULL, MISALIGNED, RANGE (there is no such node), OVERLAP.
 */
bnn_status_t bnn_graph_node(const bnn_graph_t *graph, size_t node, int32_t *element, size_t *shape);

/**
 * Adds a convolution of node `x`, `scale * sum + bias` per output, product and sum rounded to
 * a float each. A dense layer is one whose kernel covers the image: options of which only
 * `outputs` is set.
 *
 * - `x`: a node. The weights that go with it:
 *   bits, of which products take -1 and +1 (see `bnn_graph_sign_f32`): signs;
 *   unsigned integers, of which they take the numbers: signs or integers;
 *   floats: integers or floats;
 *   fixed point: integers.
 * - `options`: read. `height`, `width` and `channels` must be those of `x`; each of them, and
 *   `kernel_height` and `kernel_width`, may be 0 for that of `x`. Padding other than
 *   BNN_PAD_ZERO is for bits. `clip` is not used.
 * - `weights`: a `bnn_weights_t`, what `w` holds.
 * - `w`: read, `[outputs, kernel_height, kernel_width, channels / groups]` weights.
 * - `scale`: read, `outputs` floats; NULL for factors of 1. NULL for BNN_WEIGHTS_F32, of which
 *   a file has no factors.
 * - `bias`: read, `outputs` floats; NULL for summands of 0.
 * - `node`: written: the number of the new node.
 *
 * Sums of signs and integers are exact. Sums of floats begin with 0 and add one product after
 * the other, in the order of the weights, each rounded to a float.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TAIL_BITS, NOT_FINITE (`w`, `scale`, `bias`),
 * RANGE (there is no node `x`, `weights`, and as in `bnn_conv2d_new_f32`), INDIVISIBLE,
 * UNSUPPORTED (a `scale` of BNN_WEIGHTS_F32), OVERLAP, LAYER (images of another size, weights
 * or padding that do not go with `x`, numbers that the format has no room for, or the graph is
 * finished).
 */
bnn_status_t bnn_graph_conv2d_f32(bnn_graph_t *graph,
                                  size_t x,
                                  const bnn_conv2d_options_t *options,
                                  int32_t weights,
                                  const void *w,
                                  const float *scale,
                                  const float *bias,
                                  size_t *node);

/**
 * Adds a convolution of node `x` as `bnn_graph_conv2d_f32` does, of bits, unsigned integers or
 * fixed point (weights BNN_WEIGHTS_I8), and gives out bits: `+1` where the sum is at least the
 * threshold of its output, else `-1`.
 *
 * - `thresholds`: read, `outputs` numbers.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TAIL_BITS, NOT_FINITE (`w`), RANGE, INDIVISIBLE,
 * OVERLAP, LAYER (as `bnn_graph_conv2d_f32`, and floats in `x`).
 */
bnn_status_t bnn_graph_conv2d_threshold_i32(bnn_graph_t *graph,
                                            size_t x,
                                            const bnn_conv2d_options_t *options,
                                            int32_t weights,
                                            const void *w,
                                            const int32_t *thresholds,
                                            size_t *node);

/**
 * Adds `scale * x + bias` per channel, product and sum rounded to a float each.
 *
 * - `x`: a node of floats, unsigned integers or fixed point.
 * - `scale`: read, `n` floats; NULL for factors of 1. One of the two must not be NULL.
 * - `bias`: read, `n` floats; NULL for summands of 0.
 * - `n`: the channels of `x`.
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE, RANGE (there is no node `x`), OVERLAP,
 * LAYER (`x` is of bits, `n` is not its channels, or the graph is finished).
 */
bnn_status_t bnn_graph_affine_f32(bnn_graph_t *graph,
                                  size_t x,
                                  const float *scale,
                                  const float *bias,
                                  size_t n,
                                  size_t *node);

/**
 * Adds a batch norm in evaluation, with fixed statistics, as the affine step that
 * `bnn_builder_batch_norm_f32` makes of it.
 *
 * - `x`: a node of floats, unsigned integers or fixed point.
 * - `gamma`: read, `n` floats; NULL for factors of 1.
 * - `beta`: read, `n` floats; NULL for summands of 0.
 * - `mean`, `var`: read, `n` floats each: the running statistics.
 * - `n`: the channels of `x`.
 * - `node`: written: the number of the new node.
 *
 * Errors: as `bnn_graph_affine_f32`.
 */
bnn_status_t bnn_graph_batch_norm_f32(bnn_graph_t *graph,
                                      size_t x,
                                      const float *gamma,
                                      const float *beta,
                                      const float *mean,
                                      const float *var,
                                      float eps,
                                      size_t n,
                                      size_t *node);

/**
 * Adds the signs of node `x`, bits, which binary products take: `+1` where an element is at
 * least the threshold of its channel, else `-1`.
 *
 * - `x`: a node of floats.
 * - `thresholds`: read, `n` floats; zeros for the sign law. A shift before the sign, `sign(x +
 *   s)`, is the threshold `-s`.
 * - `n`: the channels of `x`.
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE, RANGE (there is no node `x`), OVERLAP,
 * LAYER (`x` is not of floats, `n` is not its channels, or the graph is finished).
 */
bnn_status_t bnn_graph_sign_f32(bnn_graph_t *graph,
                                size_t x,
                                const float *thresholds,
                                size_t n,
                                size_t *node);

/**
 * Adds the signs of node `x` as `bnn_graph_sign_f32` does, of unsigned integers or fixed
 * point.
 *
 * - `thresholds`: read, `n` numbers.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE, OVERLAP, LAYER (`x` is of bits or floats,
 * `n` is not its channels, or the graph is finished).
 */
bnn_status_t bnn_graph_sign_i32(bnn_graph_t *graph,
                                size_t x,
                                const int32_t *thresholds,
                                size_t n,
                                size_t *node);

/**
 * Adds `max(x, 0)` of node `x`, which is of floats or fixed point.
 *
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, RANGE (there is no node `x`), LAYER (`x` is of bits or unsigned
 * integers, or the graph is finished).
 */
bnn_status_t bnn_graph_relu(bnn_graph_t *graph, size_t x, size_t *node);

/**
 * Adds PReLU of node `x`: `x` where it is at least 0, else `slope * x`, a slope per channel.
 * With shifts it is RPReLU (Liu et al. 2020, arXiv 2003.03488): `prelu(x + before) + after`,
 * each operation rounded to a float.
 *
 * - `x`: a node of floats.
 * - `before`, `after`: read, `n` floats each; NULL for summands of 0.
 * - `slope`: read, `n` floats.
 * - `n`: the channels of `x`.
 * - `node`: written: the number of the new node.
 *
 * Errors: as `bnn_graph_sign_f32`.
 */
bnn_status_t bnn_graph_prelu_f32(bnn_graph_t *graph,
                                 size_t x,
                                 const float *before,
                                 const float *slope,
                                 const float *after,
                                 size_t n,
                                 size_t *node);

/**
 * Adds a clamp of node `x`, which is of floats: `high` above it, `low` below it.
 *
 * - `low`, `high`: finite, `low` not above `high`.
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, NOT_FINITE, RANGE (there is no node `x`, or `low` is above
 * `high`), LAYER (`x` is not of floats, or the graph is finished).
 */
bnn_status_t bnn_graph_clamp_f32(bnn_graph_t *graph, size_t x, float low, float high, size_t *node);

/**
 * Adds a max pool of node `x`: the largest element under each window. Padding is never the
 * largest.
 *
 * - `x`: a node of floats, fixed point or bits.
 * - `options`: read: the windows. A `kernel_height` or `kernel_width` of 0 is that of `x`.
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE (there is no node `x`, a window larger than
 * the padded image, or padding as large as the window), OVERLAP, LAYER (`x` is of unsigned
 * integers, numbers that the format has no room for, or the graph is finished).
 */
bnn_status_t bnn_graph_max_pool2d(bnn_graph_t *graph,
                                  size_t x,
                                  const bnn_pool2d_options_t *options,
                                  size_t *node);

/**
 * Adds an average pool of node `x`: the mean of the elements under each window, without those
 * in the padding. Floats are added row by row, from left to right, each sum rounded to a
 * float, and the last sum divided by their number; the mean of fixed point is rounded, ties
 * up.
 *
 * - `x`: a node of floats or fixed point.
 * - `options`: read: the windows. A `kernel_height` or `kernel_width` of 0 is that of `x`:
 *   options as they were set by `bnn_pool2d_options_init` give the mean of each channel.
 * - `node`: written: the number of the new node.
 *
 * Errors: as `bnn_graph_max_pool2d`; LAYER of bits too.
 */
bnn_status_t bnn_graph_average_pool2d(bnn_graph_t *graph,
                                      size_t x,
                                      const bnn_pool2d_options_t *options,
                                      size_t *node);

/**
 * Adds the sum of two nodes of floats of one shape: the end of a residual connection.
 *
 * - `a`, `b`: nodes; they may be the same.
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, RANGE (there is no node `a` or `b`), LAYER (they are not of floats
 * or of different shapes, or the graph is finished).
 */
bnn_status_t bnn_graph_add(bnn_graph_t *graph, size_t a, size_t b, size_t *node);

/**
 * Adds the channels of node `a`, followed by those of node `b`.
 *
 * - `a`, `b`: nodes of one height and width, both of floats, both of bits or both of fixed
 *   point of one exponent; they may be the same.
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, OVERFLOW, RANGE (there is no node `a` or `b`, or too many
 * channels), LAYER (they are of other or different types or sides, or the graph is finished).
 */
bnn_status_t bnn_graph_concat(bnn_graph_t *graph, size_t a, size_t b, size_t *node);

/**
 * Adds node `x` as one pixel, in the order `[height, width, channels]`.
 *
 * - `x`: a node of floats, fixed point or bits.
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, OVERFLOW, RANGE (there is no node `x`, or too many channels),
 * LAYER (`x` is of unsigned integers, or the graph is finished).
 */
bnn_status_t bnn_graph_flatten(bnn_graph_t *graph, size_t x, size_t *node);

/**
 * Adds a convolution of node `x` as `bnn_graph_conv2d_f32` does, of bits, unsigned integers or
 * fixed point (weights BNN_WEIGHTS_I8), and gives out fixed point.
 *
 * - `to`: read: what the sums become.
 * - `factor`, `bias`: read, `outputs` numbers each.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TAIL_BITS, NOT_FINITE (`w`), RANGE (`to`, and as
 * `bnn_graph_conv2d_f32`), INDIVISIBLE, OVERLAP, LAYER (as there, and floats in `x`).
 */
bnn_status_t bnn_graph_conv2d_fixed_i32(bnn_graph_t *graph,
                                        size_t x,
                                        const bnn_conv2d_options_t *options,
                                        int32_t weights,
                                        const void *w,
                                        const bnn_fixed_t *to,
                                        const int32_t *factor,
                                        const int32_t *bias,
                                        size_t *node);

/**
 * Adds an affine step per channel of node `x`, of unsigned integers or fixed point, to fixed
 * point.
 *
 * - `to`: read: what the numbers become.
 * - `factor`, `bias`: read, `n` numbers each.
 * - `n`: the channels of `x`.
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE (`to`, or there is no node `x`), OVERLAP,
 * LAYER (`x` is of bits or floats, `n` is not its channels, or the graph is finished).
 */
bnn_status_t bnn_graph_affine_fixed_i32(bnn_graph_t *graph,
                                        size_t x,
                                        const bnn_fixed_t *to,
                                        const int32_t *factor,
                                        const int32_t *bias,
                                        size_t n,
                                        size_t *node);

/**
 * Adds PReLU or RPReLU of node `x` as `bnn_graph_prelu_f32` does, of fixed point: `v` where it
 * is at least 0, else `round(v * slope / 2^shift)`, every result saturated.
 *
 * - `x`: a node of fixed point.
 * - `before`, `after`: read, `n` numbers each; NULL for summands of 0.
 * - `slope`: read, `n` numbers.
 * - `shift`: from 0 to 62.
 * - `n`: the channels of `x`.
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE (`shift`, or there is no node `x`), OVERLAP,
 * LAYER (`x` is not of fixed point, `n` is not its channels, or the graph is finished).
 */
bnn_status_t bnn_graph_prelu_fixed_i32(bnn_graph_t *graph,
                                       size_t x,
                                       const int32_t *before,
                                       const int32_t *slope,
                                       const int32_t *after,
                                       int32_t shift,
                                       size_t n,
                                       size_t *node);

/**
 * Adds a clamp of node `x`, which is of fixed point: `high` above it, `low` below it.
 *
 * - `low`, `high`: `low` not above `high`.
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, RANGE (there is no node `x`, or `low` is above `high`), LAYER (`x`
 * is not of fixed point, or the graph is finished).
 */
bnn_status_t bnn_graph_clamp_i32(bnn_graph_t *graph,
                                 size_t x,
                                 int32_t low,
                                 int32_t high,
                                 size_t *node);

/**
 * Adds the sum of two nodes of fixed point of one shape, rounded to an exponent and saturated.
 *
 * - `a`, `b`: nodes; they may be the same.
 * - `exponent`: that of the sum, from -16 to 31. The three exponents differ by at most 15.
 * - `node`: written: the number of the new node.
 *
 * Errors: NULL, MISALIGNED, RANGE (`exponent`, or there is no node `a` or `b`), LAYER (they
 * are not of fixed point or of different shapes, exponents are too far apart, or the graph is
 * finished).
 */
bnn_status_t bnn_graph_add_fixed(bnn_graph_t *graph,
                                 size_t a,
                                 size_t b,
                                 int32_t exponent,
                                 size_t *node);

/**
 * Finishes the graph, whose last node is the output: nothing can be added any more, and
 * `bnn_graph_file` hands out its bytes. If it is refused, the builder goes on.
 *
 * - `file_bytes`: written: the size of the file.
 *
 * Errors: NULL, MISALIGNED, LAYER (no nodes, a node that no later one reads, a last node of
 * BNN_ELEMENT_I16, which no output is, too many rows of nodes in all, or finished before),
 * OVERFLOW.
 */
bnn_status_t bnn_graph_finish(bnn_graph_t *graph, size_t *file_bytes);

/**
 * Copies the bytes of the finished graph, as `bnn_builder_file` does.
 *
 * - `bytes`: written, as many bytes as `bnn_graph_finish` said; `len`, its size, may be
 *   larger, and what lies after them stays as it was.
 *
 * Errors: NULL, MISALIGNED, TOO_SHORT, LAYER (not finished).
 */
bnn_status_t bnn_graph_file(const bnn_graph_t *graph, uint8_t *bytes, size_t len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BNN_H */
