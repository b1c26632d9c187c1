/* What can be read of a model: its text, its layers, their weights and parameters; and that no byte of
 * what the library writes is left uninitialised. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "series.h"

enum { IN = 70, HIDDEN = 5, OUT = 3, ROW = 2 };

static const char meta[] = "name=test\nclass.0=a\n";
static float w1[HIDDEN * IN], w2[OUT * HIDDEN], scale[OUT], bias[OUT];
static uint64_t file[256];

static size_t build(void) {
    uint8_t thresholds[IN];
    bnn_builder_t *builder = NULL;
    size_t len = 0;
    memset(thresholds, 77, IN);
    CHECK(bnn_builder_new_thresholds(thresholds, IN, &builder) == BNN_OK);
    CHECK(bnn_builder_meta(builder, (const uint8_t *)meta, strlen(meta)) == BNN_OK);
    CHECK(bnn_builder_linear_f32(builder, w1, HIDDEN, IN) == BNN_OK);
    CHECK(bnn_builder_sign(builder) == BNN_OK);
    CHECK(bnn_builder_linear_f32(builder, w2, OUT, HIDDEN) == BNN_OK);
    CHECK(bnn_builder_affine_f32(builder, scale, bias, OUT) == BNN_OK);
    CHECK(bnn_builder_finish(builder, &len) == BNN_OK);
    CHECK(len <= sizeof file && bnn_builder_file(builder, (uint8_t *)file, sizeof file) == BNN_OK);
    bnn_builder_free(builder);
    return len;
}

static int has_shape(const size_t *shape, size_t height, size_t width, size_t channels) {
    return shape[0] == height && shape[1] == width && shape[2] == channels;
}

static void layers_are_arrays_in_the_file(void) {
    const uint8_t *begin = (const uint8_t *)file, *text;
    const size_t len = build();
    uint64_t packed[HIDDEN * ROW];
    bnn_model_t model;
    bnn_layer_t layer;
    size_t bytes, i;
    CHECK(bnn_model_open(begin, len, &model) == BNN_OK);
    CHECK(bnn_model_meta(&model, &text, &bytes) == BNN_OK);
    CHECK(bytes == strlen(meta) && memcmp(text, meta, bytes) == 0);
    CHECK(text > begin && text + bytes <= begin + len);
    CHECK(bnn_model_layers(&model) == 2);

    CHECK(bnn_model_layer(&model, 0, &layer) == BNN_OK);
    CHECK(layer.kind == BNN_LAYER_DENSE);
    CHECK(layer.element == BNN_ELEMENT_U8 && layer.element_bits == 8);
    CHECK(has_shape(layer.input_shape, 1, 1, IN) && has_shape(layer.output_shape, 1, 1, HIDDEN));
    CHECK(layer.weights_per_output == IN && layer.groups == 1);
    CHECK(bnn_pack_f32(w1, HIDDEN, IN, IN, packed, HIDDEN * ROW) == BNN_OK);
    CHECK(memcmp(layer.weights, packed, sizeof packed) == 0);
    CHECK(layer.input_thresholds[0] == 77 && layer.input_thresholds[IN - 1] == 77);
    CHECK(layer.scale == NULL && layer.bias == NULL && layer.thresholds_i32 == NULL);
    for (i = 0; i < HIDDEN; i++) {
        CHECK(layer.thresholds_i16[i] == 0); /* the sign of the sum itself */
    }

    CHECK(bnn_model_layer(&model, 1, &layer) == BNN_OK);
    CHECK(layer.element == BNN_ELEMENT_BITS && layer.element_bits == 1);
    CHECK(layer.input_thresholds == NULL && layer.thresholds_i16 == NULL);
    CHECK(memcmp(layer.scale, scale, sizeof scale) == 0);
    CHECK(memcmp(layer.bias, bias, sizeof bias) == 0);
}

static void a_convolution_tells_its_windows(void) {
    bnn_model_t model;
    bnn_layer_t layer;
    CHECK(bnn_model_open((const uint8_t *)padded, PADDED_BYTES, &model) == BNN_OK);
    CHECK(bnn_model_layers(&model) == 1);
    CHECK(bnn_model_layer(&model, 0, &layer) == BNN_OK);
    CHECK(layer.kind == BNN_LAYER_CONV2D && layer.pad_value == BNN_PAD_ZERO);
    CHECK(has_shape(layer.input_shape, 2, 1, 3) && has_shape(layer.output_shape, 1, 1, 2));
    CHECK(layer.kernel[0] == 3 && layer.kernel[1] == 1);
    CHECK(layer.stride[0] == 2 && layer.stride[1] == 1);
    CHECK(layer.dilation[0] == 1 && layer.dilation[1] == 1);
    CHECK(layer.padding[0] + layer.padding[1] == 1 && layer.padding[2] + layer.padding[3] == 0);
    CHECK(layer.weights_per_output == 9 && layer.weights != NULL && layer.scale == NULL);
}

static void what_is_not_there_is_refused(void) {
    guarded_t out[2];
    bnn_model_t model, closed;
    memset(&closed, 0, sizeof closed);
    out[0] = guarded(1, sizeof(bnn_layer_t));
    out[1] = guarded(2, sizeof(size_t));
    CHECK(bnn_model_open((const uint8_t *)rise, RISE_BYTES, &model) == BNN_OK);
#define REFUSES(status, text, call) REFUSED(out, 2, status, text, call)
    REFUSES(BNN_ERROR_RANGE, "index: expected at most 0, found 1",
            bnn_model_layer(&model, 1, payload(out[0])));
    REFUSES(BNN_ERROR_RANGE, "index", bnn_model_layer(&model, SIZE_MAX, payload(out[0])));
    REFUSES(BNN_ERROR_NOT_OPEN, "model is not open", bnn_model_layer(&closed, 0, payload(out[0])));
    REFUSES(BNN_ERROR_NULL, "out is NULL", bnn_model_layer(&model, 0, NULL));
    REFUSES(BNN_ERROR_NULL, "text is NULL", bnn_model_meta(&model, NULL, payload(out[1])));
    REFUSES(BNN_ERROR_OVERLAP, "overlaps",
            bnn_model_meta(&model, payload(out[1]), payload(out[1])));
    CHECK(bnn_model_layers(&closed) == 0);
    release(out[0]);
    release(out[1]);
}

/* No output of a call lies in the file of the model that it uses. */
static void the_file_is_not_written(void) {
    static uint64_t own[64];
    uint64_t before[64];
    uint8_t *bytes = (uint8_t *)own;
    uint64_t scratch[64];
    uint8_t x[3] = {1, 2, 3};
    int32_t y, ready;
    bnn_model_t model;
    bnn_stream_t stream;
    size_t need;
    memcpy(own, rise, RISE_BYTES);
    memcpy(before, own, sizeof before);
    CHECK(bnn_model_open(bytes, RISE_BYTES, &model) == BNN_OK);
    need = bnn_model_scratch_bytes(&model);
    CHECK(bnn_model_run(&model, x, 3, own + 4, sizeof y, scratch, sizeof scratch) ==
          BNN_ERROR_OVERLAP);
    CHECK(strstr(bnn_last_error_message(), "output is written but overlaps the model's file") !=
          NULL);
    CHECK(need == 0 ||
          bnn_model_run(&model, x, 3, &y, sizeof y, own + 4, need) == BNN_ERROR_OVERLAP);
    CHECK(bnn_model_input(&model, (bnn_tensor_t *)(own + 4)) == BNN_ERROR_OVERLAP);
    CHECK(bnn_model_input_shape(&model, (size_t *)(own + 4)) == BNN_ERROR_OVERLAP);
    CHECK(bnn_stream_open(&model, own + 4, sizeof own - 32, &stream) == BNN_ERROR_OVERLAP);
    CHECK(bnn_stream_open(&model, scratch, sizeof scratch, &stream) == BNN_OK);
    CHECK(bnn_stream_push(&stream, x, 1, own + 4, sizeof y, &ready) == BNN_ERROR_OVERLAP);
    CHECK(bnn_stream_push(&stream, x, 1, &y, sizeof y, (int32_t *)(own + 4)) == BNN_ERROR_OVERLAP);
    CHECK(memcmp(own, before, sizeof own) == 0);
    CHECK(bnn_stream_push(&stream, x, 1, &y, sizeof y, &ready) == BNN_OK);
}

/* Valgrind and the memory sanitizer see a branch on a byte that nobody initialised. */
static unsigned sum_of_bytes(const void *object, size_t bytes) {
    const unsigned char *byte = object;
    unsigned ones = 0;
    size_t i;
    for (i = 0; i < bytes; i++) {
        if (byte[i] != 0) {
            ones++;
        }
    }
    return ones;
}

static void every_byte_is_initialised(void) {
    uint64_t memory[64];
    bnn_model_t model;
    bnn_stream_t stream;
    bnn_tensor_t tensor;
    bnn_layer_t layer;
    bnn_linear_options_t linear;
    bnn_conv2d_options_t conv;
    memset(&model, PATTERN, sizeof model);
    memset(&stream, PATTERN, sizeof stream);
    memset(&layer, PATTERN, sizeof layer);
    CHECK(bnn_model_open((const uint8_t *)rise, RISE_BYTES, &model) == BNN_OK);
    CHECK(bnn_stream_open(&model, memory, sizeof memory, &stream) == BNN_OK);
    CHECK(bnn_model_input(&model, &tensor) == BNN_OK);
    CHECK(bnn_model_layer(&model, 0, &layer) == BNN_OK);
    CHECK(bnn_linear_options_init(&linear) == BNN_OK);
    CHECK(bnn_conv2d_options_init(&conv) == BNN_OK);
    CHECK(sum_of_bytes(&model, sizeof model) > 0);
    CHECK(sum_of_bytes(&stream, sizeof stream) > 0);
    CHECK(sum_of_bytes(&tensor, sizeof tensor) > 0);
    CHECK(sum_of_bytes(&layer, sizeof layer) > 0);
    CHECK(sum_of_bytes(&linear, sizeof linear) > 0);
    CHECK(sum_of_bytes(&conv, sizeof conv) > 0);
}

void test_model_layers(void) {
    eighths(w1, HIDDEN * IN, 1);
    eighths(w2, OUT * HIDDEN, 2);
    eighths(scale, OUT, 3);
    eighths(bias, OUT, 4);
    layers_are_arrays_in_the_file();
    a_convolution_tells_its_windows();
    what_is_not_there_is_refused();
    the_file_is_not_written();
    every_byte_is_initialised();
}
