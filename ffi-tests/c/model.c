/* Models: built, opened, run, against plain loops over the floats that they were built of. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { IN = 70, HIDDEN = 67, OUT = 5, SAMPLES = 4 };

static float w1[HIDDEN * IN], w2[OUT * HIDDEN];
static float gamma_[HIDDEN], beta[HIDDEN], mean[HIDDEN], var[HIDDEN], scale[OUT], bias[OUT];

/* Of bytes, if not NULL: the model makes bits of them. */
static const uint8_t *thresholds;

static uint8_t *build(int32_t element, int32_t bits, int last, size_t *len) {
    const char meta[] = "name=test\n";
    bnn_builder_t *builder = NULL;
    uint64_t *file;
    if (thresholds != NULL) {
        CHECK(bnn_builder_new_thresholds(thresholds, IN, &builder) == BNN_OK);
    } else {
        CHECK(bnn_builder_new(element, bits, &builder) == BNN_OK);
    }
    CHECK(bnn_builder_meta(builder, (const uint8_t *)meta, strlen(meta)) == BNN_OK);
    CHECK(bnn_builder_linear_f32(builder, w1, HIDDEN, IN) == BNN_OK);
    CHECK(bnn_builder_batch_norm_f32(builder, gamma_, beta, mean, var, 1.0f, HIDDEN) == BNN_OK);
    CHECK(bnn_builder_linear_f32(builder, w2, OUT, HIDDEN) == BNN_OK);
    if (last != BNN_ELEMENT_I32) {
        CHECK(bnn_builder_affine_f32(builder, scale, bias, OUT) == BNN_OK);
    }
    if (last == BNN_ELEMENT_BITS) {
        CHECK(bnn_builder_sign(builder) == BNN_OK);
    }
    CHECK(bnn_builder_finish(builder, len) == BNN_OK);
    file = allocated(*len + 8);
    memset(file, PATTERN, *len + 8);
    CHECK(bnn_builder_file(builder, (uint8_t *)file, *len + 8) == BNN_OK);
    CHECK(((uint8_t *)file)[*len] == PATTERN);
    bnn_builder_free(builder);
    return (uint8_t *)file;
}

/* The scores of one sample, of numbers that stand as they are. var + 1 is a square of a power of two
 * below, so that all of it is exact. */
static void define(const float *x, float *sums) {
    float hidden[HIDDEN];
    size_t j, l;
    for (j = 0; j < HIDDEN; j++) {
        const float a = gamma_[j] / (var[j] == 0.0f ? 1.0f : 2.0f);
        float sum = 0.0f;
        for (l = 0; l < IN; l++) {
            sum += x[l] * (float)sign(w1[j * IN + l]);
        }
        hidden[j] = (float)sign(a * sum + (beta[j] - mean[j] * a));
    }
    for (j = 0; j < OUT; j++) {
        sums[j] = 0.0f;
        for (l = 0; l < HIDDEN; l++) {
            sums[j] += hidden[l] * (float)sign(w2[j * HIDDEN + l]);
        }
    }
}

/* Whether outputs of any type are what the sums of a sample say. */
static int fits(int element, const uint8_t *output, const float *sums) {
    size_t j;
    for (j = 0; j < OUT; j++) {
        const float score = scale[j] * sums[j] + bias[j];
        float f;
        int32_t i;
        uint64_t bits;
        memcpy(&f, output + (element == BNN_ELEMENT_F32 ? 4 * j : 0), sizeof f);
        memcpy(&i, output + (element == BNN_ELEMENT_I32 ? 4 * j : 0), sizeof i);
        memcpy(&bits, output, element == BNN_ELEMENT_BITS ? sizeof bits : 4);
        if (element == BNN_ELEMENT_F32   ? f != score
            : element == BNN_ELEMENT_I32 ? (float)i != sums[j]
                                         : (bits >> j & 1) != (sign(score) == 1)) {
            return 0;
        }
    }
    return 1;
}

static void model_runs(int32_t element, int32_t bits, int last) {
    size_t len = 0, i, l;
    uint8_t *file = build(element, bits, last, &len);
    bnn_model_t model, copy;
    bnn_tensor_t in, out;
    float x[SAMPLES][IN], sums[SAMPLES][OUT];
    uint8_t bytes[SAMPLES * IN];
    uint64_t packed[SAMPLES * 2];
    const void *input = element == BNN_ELEMENT_U8 ? (const void *)bytes : (const void *)packed;
    guarded_t output, scratch;
    size_t need, shape[3];

    for (i = 0; i < SAMPLES; i++) {
        for (l = 0; l < IN; l++) {
            const unsigned number = (unsigned)(i * 31 + l * 7) % (1u << bits);
            bytes[i * IN + l] = (uint8_t)number;
            x[i][l] = element == BNN_ELEMENT_U8 ? (float)number : number % 2 ? 1.0f : -1.0f;
            if (thresholds != NULL) {
                x[i][l] = number >= thresholds[l] ? 1.0f : -1.0f;
            }
        }
        define(x[i], sums[i]);
    }
    CHECK(bnn_pack_f32(&x[0][0], SAMPLES, IN, IN, packed, SAMPLES * 2) == BNN_OK);

    CHECK(bnn_model_open(file, len, &copy) == BNN_OK);
    model = copy; /* as good as the first */
    memset(&copy, PATTERN, sizeof copy);
    CHECK(bnn_model_input(&model, &in) == BNN_OK);
    CHECK(bnn_model_output(&model, &out) == BNN_OK);
    CHECK(bnn_model_input_shape(&model, shape) == BNN_OK);
    CHECK(shape[0] == 1 && shape[1] == 1 && shape[2] == IN);
    CHECK(bnn_model_output_shape(&model, shape) == BNN_OK);
    CHECK(shape[0] == 1 && shape[1] == 1 && shape[2] == OUT);
    CHECK(in.elements == IN && in.element == element && in.element_bits == bits);
    CHECK(in.bytes == (element == BNN_ELEMENT_U8 ? IN : 16));
    CHECK(out.elements == OUT && out.element == last);
    CHECK(out.bytes == (last == BNN_ELEMENT_BITS ? 8 : 4 * OUT));
    CHECK(out.element_bits == (last == BNN_ELEMENT_BITS ? 1 : 32));

    need = bnn_model_scratch_bytes(&model);
    output = guarded(out.bytes * SAMPLES, 1);
    scratch = guarded(need * SAMPLES, 1);
    for (i = 0; i < SAMPLES; i++) {
        uint8_t *own = (uint8_t *)payload(output) + i * out.bytes;
        CHECK(bnn_model_run(&model, (const uint8_t *)input + i * in.bytes, in.bytes, own,
                            out.bytes, payload(scratch), need) == BNN_OK);
    }
    for (i = 0; i < SAMPLES; i++) {
        CHECK(fits(last, (uint8_t *)payload(output) + i * out.bytes, sums[i]));
    }
    memset(payload(output), PATTERN, out.bytes * SAMPLES);
    CHECK(bnn_model_run_batch(&model, SAMPLES, input, in.bytes * SAMPLES, payload(output),
                              out.bytes * SAMPLES, payload(scratch), need * SAMPLES) == BNN_OK);
    for (i = 0; i < SAMPLES; i++) {
        CHECK(fits(last, (uint8_t *)payload(output) + i * out.bytes, sums[i]));
    }
    CHECK(guards_intact(output) && guards_intact(scratch));
    release(output);
    release(scratch);
    free(file);
}

static void a_model_of_one_layer_needs_no_scratch(void) {
    bnn_builder_t *builder = NULL;
    uint64_t file[64], input = 5;
    bnn_model_t model;
    int32_t sum = 0;
    size_t len = 0;
    const float w[3] = {1.0f, 1.0f, 1.0f};
    CHECK(bnn_builder_new(BNN_ELEMENT_BITS, 1, &builder) == BNN_OK);
    CHECK(bnn_builder_linear_f32(builder, w, 1, 3) == BNN_OK);
    CHECK(bnn_builder_finish(builder, &len) == BNN_OK);
    CHECK(bnn_builder_file(builder, (uint8_t *)file, sizeof file) == BNN_OK);
    CHECK(bnn_model_open((const uint8_t *)file, len, &model) == BNN_OK);
    CHECK(bnn_model_scratch_bytes(&model) == 0);
    CHECK(bnn_model_run(&model, &input, 8, &sum, 4, NULL, 0) == BNN_OK);
    CHECK(sum == 1);
    bnn_builder_free(builder);
}

void test_model(void) {
    const int lasts[] = {BNN_ELEMENT_BITS, BNN_ELEMENT_I32, BNN_ELEMENT_F32};
    uint8_t of_inputs[IN];
    size_t i;
    eighths(w1, HIDDEN * IN, 1);
    eighths(w2, OUT * HIDDEN, 2);
    eighths(gamma_, HIDDEN, 3);
    eighths(beta, HIDDEN, 4);
    eighths(mean, HIDDEN, 5);
    eighths(scale, OUT, 6);
    eighths(bias, OUT, 7);
    for (i = 0; i < HIDDEN; i++) {
        var[i] = i % 2 ? 0.0f : 3.0f;
    }
    for (i = 0; i < 3; i++) {
        model_runs(BNN_ELEMENT_U8, 5, lasts[i]);
        model_runs(BNN_ELEMENT_BITS, 1, lasts[i]);
    }
    for (i = 0; i < IN; i++) { /* some of them bytes that occur, 0 and 255 */
        of_inputs[i] = (uint8_t)(i % 9 == 0 ? 255 : i % 9 == 1 ? 0 : i * 7);
    }
    thresholds = of_inputs;
    for (i = 0; i < 3; i++) {
        model_runs(BNN_ELEMENT_U8, 8, lasts[i]);
    }
    thresholds = NULL;
    a_model_of_one_layer_needs_no_scratch();
    bnn_builder_free(NULL);
}
