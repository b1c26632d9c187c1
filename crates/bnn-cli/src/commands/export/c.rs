//! A model as a pair of C99 files.

use std::fmt::Write;

use super::Source;

/// `NAME.h`.
pub(super) fn header(source: &Source<'_>) -> String {
    let name = source.name;
    let caps = name.to_uppercase();
    let bytes = source.bytes.len();
    let words = bytes.div_ceil(size_of::<u64>());
    let (inputs, outputs) = (source.input_len, source.output_len);
    let (input, output) = (source.input.c(), source.output.c());
    let (input_text, output_text) = (&source.input_text, &source.output_text);
    let checksum = source.checksum;
    let scratch = source.scratch_words;
    format!(
        r#"/*
 * {name}: a binary neural network, to be run by the library of bnn.h. Written by `bnn export`; do not edit.
 *
 *     static uint64_t scratch[{caps}_SCRATCH_WORDS];
 *     bnn_model_t model;
 *     {input} x[{caps}_INPUT_LENGTH];
 *     {output} y[{caps}_OUTPUT_LENGTH];
 *     if ({name}_open(&model) == BNN_OK && {name}_run(&model, x, y, scratch) == BNN_OK) ...
 *
 * Input: {input_text}. Output: {output_text}.
 */
#ifndef {caps}_H
#define {caps}_H

#include <stdint.h>

#include "bnn.h"

/* Bytes of the model, all of them constant, and its checksum. */
#define {caps}_BYTES {bytes}u
#define {caps}_CHECKSUM UINT32_C(0x{checksum:08x})

/* Elements of a sample, and the length of the array that holds them. */
#define {caps}_INPUTS {}u
#define {caps}_INPUT_LENGTH {inputs}u
#define {caps}_OUTPUTS {}u
#define {caps}_OUTPUT_LENGTH {outputs}u

/* Words of memory that a run works in; at least one, so that an array can have them. */
#define {caps}_SCRATCH_WORDS {}u

#ifdef __cplusplus
extern "C" {{
#endif

extern const uint64_t {name}_words[{words}];

/* Checks the model, once, and opens it where it lies. Errors: those of bnn_model_open. */
bnn_status_t {name}_open(bnn_model_t *model);

/*
 * Runs it on one sample: {caps}_INPUT_LENGTH numbers of x, {caps}_OUTPUT_LENGTH of y, {caps}_SCRATCH_WORDS of scratch.
 * Errors: those of bnn_model_run.
 */
bnn_status_t {name}_run(const bnn_model_t *model, const {input} *x, {output} *y, uint64_t *scratch);

#ifdef __cplusplus
}}
#endif

#endif
"#,
        source.inputs,
        source.outputs,
        scratch.max(1),
    )
}

/// `NAME.c`.
pub(super) fn definition(source: &Source<'_>) -> String {
    let name = source.name;
    let caps = name.to_uppercase();
    let (input, output) = (source.input.c(), source.output.c());
    let words = source.bytes.len().div_ceil(size_of::<u64>());
    let mut text = format!(
        r#"/* Written by `bnn export`; do not edit. */
#include "{name}.h"

/* Words, so that they are aligned as the library asks, in the order of bytes that it asks, too. */
const uint64_t {name}_words[{words}] = {{
"#
    );
    for line in source.bytes.chunks(4 * size_of::<u64>()) {
        for (i, word) in line.chunks(size_of::<u64>()).enumerate() {
            let mut bytes = [0; size_of::<u64>()];
            bytes[..word.len()].copy_from_slice(word);
            let gap = if i == 0 { "    " } else { " " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{gap}UINT64_C(0x{:016x}),", u64::from_le_bytes(bytes));
        }
        text.push('\n');
    }
    let _ = write!(
        text,
        r#"}};

bnn_status_t {name}_open(bnn_model_t *model)
{{
    return bnn_model_open((const uint8_t *){name}_words, {caps}_BYTES, model);
}}

bnn_status_t {name}_run(const bnn_model_t *model, const {input} *x, {output} *y, uint64_t *scratch)
{{
    return bnn_model_run(model, x, {caps}_INPUT_LENGTH * sizeof *x, y, {caps}_OUTPUT_LENGTH * sizeof *y, scratch,
                         {caps}_SCRATCH_WORDS * sizeof *scratch);
}}
"#
    );
    text
}
