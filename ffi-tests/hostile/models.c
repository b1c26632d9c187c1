/* Models and streams. */
#include <stdlib.h>
#include <string.h>

#include "../c/series.h"
#include "hostile.h"

enum { FILES = 6, PACKED = 5, FILE_WORDS = 64, FILE_BYTES = 8 * FILE_WORDS, MODELS = 8, STREAMS = 4, WORDS = 64 };

/* Each file, model, stream and stream's memory in memory of its own, all watched. */
static uint64_t *files[FILES];
static size_t lens[FILES];
static bnn_model_t *models[MODELS];
static size_t file_of[MODELS]; /* FILES if the model is not open */
static bnn_stream_t *streams[STREAMS];
static size_t stream_file[STREAMS];
static uint64_t *memories[STREAMS];
static bnn_packed_model_t *packed[PACKED];
static size_t packed_file[PACKED]; /* FILES if the model keeps its file itself */

static void *zeros(size_t bytes) {
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        exit(EXIT_FAILURE);
    }
    return memory;
}

/* A dense layer, as small as they come, in the file `i`. */
static void build(size_t i, int32_t element, int32_t bits) {
    const float w[6] = {1, -1, 1, -1, -1, 1}, scale[2] = {0.5f, -2.0f};
    bnn_builder_t *builder = NULL;
    bnn_builder_new(element, bits, &builder);
    bnn_builder_meta(builder, (const uint8_t *)"a=b\n", 4);
    bnn_builder_linear_f32(builder, w, 2, 3);
    if (bits != 3) {
        bnn_builder_affine_f32(builder, scale, NULL, 2);
    }
    if (bits == 1) {
        bnn_builder_sign(builder);
    }
    bnn_builder_finish(builder, &lens[i]);
    bnn_builder_file(builder, (uint8_t *)files[i], FILE_BYTES);
    bnn_builder_free(builder);
}

void make_models(void) {
    size_t i;
    for (i = 0; i < FILES; i++) {
        files[i] = zeros(FILE_BYTES);
    }
    build(0, BNN_ELEMENT_BITS, 1);
    build(1, BNN_ELEMENT_U8, 3);
    build(2, BNN_ELEMENT_U8, 8);
    memcpy(files[3], rise, lens[3] = RISE_BYTES);
    memcpy(files[4], padded, lens[4] = PADDED_BYTES);
    memcpy(files[5], rise, lens[5] = RISE_BYTES); /* to be damaged */
    for (i = 0; i < FILES; i++) {
        watch(files[i], FILE_BYTES);
    }
    for (i = 0; i < MODELS; i++) {
        file_of[i] = FILES;
        watch(models[i] = zeros(sizeof(bnn_model_t)), sizeof(bnn_model_t));
    }
    for (i = 0; i < STREAMS; i++) {
        stream_file[i] = FILES;
        watch(streams[i] = zeros(sizeof(bnn_stream_t)), sizeof(bnn_stream_t));
        watch(memories[i] = zeros(WORDS * 8), WORDS * 8);
    }
}

void free_models(void) {
    size_t i;
    for (i = 0; i < FILES; i++) {
        free(files[i]);
    }
    for (i = 0; i < MODELS; i++) {
        free(models[i]);
    }
    for (i = 0; i < PACKED; i++) {
        bnn_packed_model_free(packed[i]);
    }
    for (i = 0; i < STREAMS; i++) {
        free(streams[i]);
        free(memories[i]);
    }
}

static int model_open(void) {
    const size_t file = below(FILES), model = below(MODELS);
    /* Another file of random bytes: no model of it is ever open, for it would change under it. */
    const int damaged = file == 5 || one_in(3);
    uint64_t own[FILE_WORDS];
    const uint8_t *bytes = (const uint8_t *)(damaged ? own : files[file]);
    const size_t len = about(lens[file]);
    bnn_model_t unused, *out = damaged ? &unused : models[model];
    int status;
    memcpy(own, files[file], sizeof own);
    if (damaged) {
        size_t flips = below(4);
        for (; flips > 0; flips--) {
            own[below(lens[file] / 8)] ^= UINT64_C(1) << below(64);
        }
    } else {
        may_write(models[model], sizeof(bnn_model_t));
    }
    /* Longer than the file is: the library sees that, for the file says how long it is. */
    bytes = spoiled(bytes);
    status = (int)bnn_model_open(bytes, len > FILE_BYTES && len < SIZE_MAX / 2 ? 0 : len,
                                 spoiled(out));
    if (status == BNN_OK && !damaged) {
        file_of[model] = file;
    }
    return status;
}

/* A model in any state, and a place in its file, if it has one, for outputs to overlap. */
static const bnn_model_t *some_model(void **in_file) {
    const size_t i = below(MODELS);
    *in_file = file_of[i] == FILES ? NULL : files[file_of[i]] + below(8);
    return spoiled(models[i]);
}

static int model_input(void) {
    void *in_file;
    const bnn_model_t *model = some_model(&in_file);
    return (int)bnn_model_input(model, spoiled(output_or(in_file, 1, sizeof(bnn_tensor_t))));
}

static int model_output(void) {
    void *in_file;
    const bnn_model_t *model = some_model(&in_file);
    return (int)bnn_model_output(model, spoiled(output_or(in_file, 1, sizeof(bnn_tensor_t))));
}

static int model_input_shape(void) {
    void *in_file;
    const bnn_model_t *model = some_model(&in_file);
    return (int)bnn_model_input_shape(model, spoiled(output_or(in_file, 3, sizeof(size_t))));
}

static int model_output_shape(void) {
    void *in_file;
    const bnn_model_t *model = some_model(&in_file);
    return (int)bnn_model_output_shape(model, spoiled(output_or(in_file, 3, sizeof(size_t))));
}

static int model_scratch_bytes(void) {
    void *in_file;
    bnn_model_scratch_bytes(some_model(&in_file));
    return BNN_OK;
}

static int model_layers(void) {
    void *in_file;
    bnn_model_layers(some_model(&in_file));
    return BNN_OK;
}

static int model_layer(void) {
    void *in_file;
    const bnn_model_t *model = some_model(&in_file);
    return (int)bnn_model_layer(model, one_in(3) ? dimension() : 0,
                                spoiled(output_or(in_file, 1, sizeof(bnn_layer_t))));
}

static int model_meta(void) {
    void *in_file;
    const bnn_model_t *model = some_model(&in_file);
    void *text = output_or(in_file, 1, sizeof(uint8_t *));
    return (int)bnn_model_meta(model, spoiled(text),
                               spoiled(output_or(in_file, 1, sizeof(size_t))));
}

static int model_run(int batch) {
    const size_t i = below(MODELS), samples = batch ? dimension() : 1;
    void *in_file = file_of[i] == FILES ? NULL : files[file_of[i]] + below(8);
    bnn_tensor_t in = {1, 8, 0, 0}, out = {1, 8, 0, 0};
    size_t in_bytes, out_bytes, scratch_bytes;
    const void *x;
    void *y, *scratch;
    bnn_model_input(models[i], &in);
    bnn_model_output(models[i], &out);
    in_bytes = times(samples, in.bytes);
    out_bytes = times(samples, out.bytes);
    scratch_bytes = times(samples, bnn_model_scratch_bytes(models[i]));
    x = place(in_bytes, 1);
    y = output_or(in_file, out_bytes, 1);
    scratch = output_or(in_file, scratch_bytes, 1);
    if (x == NULL || y == NULL || scratch == NULL) {
        return SKIPPED;
    }
    x = spoiled(x);
    y = spoiled(y);
    in_bytes = about(in_bytes);
    out_bytes = about(out_bytes);
    scratch = spoiled(scratch);
    scratch_bytes = about(scratch_bytes);
    return batch ? (int)bnn_model_run_batch(spoiled(models[i]), samples, x, in_bytes, y, out_bytes,
                                            scratch, scratch_bytes)
                 : (int)bnn_model_run(spoiled(models[i]), x, in_bytes, y, out_bytes, scratch,
                                      scratch_bytes);
}

static int model_run_one(void) { return model_run(0); }
static int model_run_batch(void) { return model_run(1); }

static int model_stream_bytes(void) {
    void *in_file;
    bnn_model_stream_bytes(some_model(&in_file));
    return BNN_OK;
}

static int stream_open(void) {
    const size_t model = below(MODELS), i = below(STREAMS);
    void *in_file = file_of[model] == FILES ? NULL : files[file_of[model]];
    void *memory = output_or(in_file, 0, 1);
    int status;
    if (memory != in_file) {
        memory = memories[i];
        may_write(memory, WORDS * 8);
    }
    may_write(streams[i], sizeof(bnn_stream_t));
    status = (int)bnn_stream_open(spoiled(models[model]), spoiled(memory),
                                  about(bnn_model_stream_bytes(models[model])),
                                  spoiled(streams[i]));
    if (status == BNN_OK) {
        stream_file[i] = file_of[model];
    }
    return status;
}

/* Where a call on a stream must not write: in its memory, in its file, in itself. */
static void *forbidden(size_t i) {
    switch (below(3)) {
    case 0:
        return memories[i];
    case 1:
        return stream_file[i] == FILES ? NULL : files[stream_file[i]];
    default:
        return streams[i];
    }
}

static int stream_push(void) {
    const size_t i = below(STREAMS);
    bnn_tensor_t in = {1, 8, 0, 0}, out = {1, 8, 0, 0};
    size_t shape[3] = {1, 1, 1};
    const void *row;
    void *y, *ready;
    bnn_model_input(&streams[i]->model, &in);
    bnn_model_output(&streams[i]->model, &out);
    bnn_model_input_shape(&streams[i]->model, shape);
    row = place(in.bytes / shape[0], 1);
    y = output_or(stream_file[i] == FILES ? NULL : forbidden(i), out.bytes, 1);
    ready = output_or(stream_file[i] == FILES ? NULL : forbidden(i), 1, sizeof(int32_t));
    if (row == NULL || y == NULL || ready == NULL) {
        return SKIPPED;
    }
    may_write(streams[i], sizeof(bnn_stream_t));
    may_write(memories[i], WORDS * 8);
    return (int)bnn_stream_push(spoiled(streams[i]), spoiled(row), about(in.bytes / shape[0]),
                                spoiled(y), about(out.bytes), spoiled(ready));
}

static int stream_reset(void) {
    const size_t i = below(STREAMS);
    may_write(streams[i], sizeof(bnn_stream_t));
    may_write(memories[i], WORDS * 8);
    return (int)bnn_stream_reset(spoiled(streams[i]));
}

static int stream_slides(void) {
    bnn_stream_slides(spoiled(streams[below(STREAMS)]));
    return BNN_OK;
}

/* The bytes of a file, now and then damaged. A model that borrows them would change with them, so that only
 * files that stay as they are may be borrowed. */
static int packed_model_new(int borrowing) {
    const size_t file = below(FILES), slot = below(PACKED), len = about(lens[file]);
    const int damaged = file == 5 || one_in(3);
    bnn_packed_model_t **made = output(1, sizeof *made), *before = packed[slot];
    uint64_t own[FILE_WORDS];
    const uint8_t *bytes = (const uint8_t *)(damaged ? own : files[file]);
    const size_t stated = len > FILE_BYTES && len < SIZE_MAX / 2 ? 0 : len;
    int status;
    memcpy(own, files[file], sizeof own);
    if (damaged) {
        size_t flips = 1 + below(4);
        for (; flips > 0; flips--) {
            own[below(lens[file] / 8)] ^= UINT64_C(1) << below(64);
        }
    }
    bytes = spoiled(bytes);
    made = spoiled(made);
    status = borrowing ? (int)bnn_packed_model_new_borrowing(bytes, stated, made)
                       : (int)bnn_packed_model_new(bytes, stated, made);
    if (status == BNN_OK && borrowing && damaged) {
        bnn_packed_model_free(*made); /* flips that undid each other */
    } else if (status == BNN_OK) {
        packed[slot] = *made;
        packed_file[slot] = borrowing ? file : FILES;
        bnn_packed_model_free(before);
    }
    return status;
}

static int packed_model_new_owning(void) { return packed_model_new(0); }
static int packed_model_new_borrowing(void) { return packed_model_new(1); }

static int packed_model_new_from_file(void) {
    static const char *paths[] = {"", "/", "/dev/null", "/proc/self/exe", "/nowhere/at/all", "\xff\xfe"};
    bnn_packed_model_t **made = output(1, sizeof *made);
    return (int)bnn_packed_model_new_from_file(or_null(paths[below(sizeof paths / sizeof *paths)]),
                                               spoiled(made));
}

static int packed_model_free(void) {
    const size_t slot = below(PACKED);
    if (one_in(8)) {
        bnn_packed_model_free(packed[slot]);
        packed[slot] = NULL;
    }
    bnn_packed_model_free(NULL);
    return BNN_OK;
}

/* A place in the file that a model borrows, if it does, for outputs to overlap. */
static void *borrowed(size_t slot) {
    return packed[slot] == NULL || packed_file[slot] == FILES ? NULL
                                                              : files[packed_file[slot]] + below(8);
}

static int packed_model_view(void) {
    const size_t slot = below(PACKED);
    void *out = output_or(borrowed(slot), 1, sizeof(bnn_model_t));
    return (int)bnn_packed_model_view(spoiled(packed[slot]), spoiled(out));
}

static int packed_model_memory(void) {
    const size_t slot = below(PACKED), samples = dimension();
    size_t *weights = output_or(borrowed(slot), 1, sizeof *weights);
    size_t *workspace = output_or(borrowed(slot), 1, sizeof *workspace);
    return (int)bnn_packed_model_memory(spoiled(packed[slot]), samples, spoiled(weights), spoiled(workspace));
}

static int packed_model_run(void) {
    const size_t slot = below(PACKED), samples = dimension();
    bnn_tensor_t in = {1, 8, 0, 0}, out = {1, 8, 0, 0};
    bnn_model_t view;
    size_t in_bytes, out_bytes;
    const void *x;
    void *y;
    if (packed[slot] != NULL && bnn_packed_model_view(packed[slot], &view) == BNN_OK) {
        bnn_model_input(&view, &in);
        bnn_model_output(&view, &out);
    }
    in_bytes = times(samples, in.bytes);
    out_bytes = times(samples, out.bytes);
    x = place(in_bytes, 1);
    y = output_or(borrowed(slot), out_bytes, 1);
    if (x == NULL || y == NULL) {
        return SKIPPED;
    }
    return (int)bnn_packed_model_run(spoiled(packed[slot]), samples, spoiled(x), about(in_bytes),
                                     spoiled(y), about(out_bytes));
}

const call_t model_calls[] = {
    {"bnn_model_open", model_open},
    {"bnn_model_input", model_input},
    {"bnn_model_output", model_output},
    {"bnn_model_input_shape", model_input_shape},
    {"bnn_model_output_shape", model_output_shape},
    {"bnn_model_scratch_bytes", model_scratch_bytes},
    {"bnn_model_meta", model_meta},
    {"bnn_model_layers", model_layers},
    {"bnn_model_layer", model_layer},
    {"bnn_model_run", model_run_one},
    {"bnn_model_run_batch", model_run_batch},
    {"bnn_packed_model_new", packed_model_new_owning},
    {"bnn_packed_model_new_borrowing", packed_model_new_borrowing},
    {"bnn_packed_model_new_from_file", packed_model_new_from_file},
    {"bnn_packed_model_free", packed_model_free},
    {"bnn_packed_model_view", packed_model_view},
    {"bnn_packed_model_memory", packed_model_memory},
    {"bnn_packed_model_run", packed_model_run},
    {"bnn_model_stream_bytes", model_stream_bytes},
    {"bnn_stream_open", stream_open},
    {"bnn_stream_push", stream_push},
    {"bnn_stream_reset", stream_reset},
    {"bnn_stream_slides", stream_slides},
    {NULL, NULL},
};
