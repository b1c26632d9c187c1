//! A model as a Rust module.

use std::fmt::Write;

use super::Source;

/// `NAME.rs`.
pub(super) fn module(source: &Source<'_>) -> String {
    let name = source.name;
    let (inputs, outputs) = (source.input_len, source.output_len);
    let (input, output) = (source.input.rust(), source.output.rust());
    let (input_text, output_text) = (&source.input_text, &source.output_text);
    let mut text = format!(
        r#"//! {name}: a binary neural network, to be run by `bnn_core`. Written by `bnn export`; do not edit.
//!
//! Input: {input_text}. Output: {output_text}.

use bnn_core::model::{{Aligned, Model}};

/// Bytes of the model, all of them constant.
pub const BYTES: usize = {bytes};
/// Its checksum.
pub const CHECKSUM: u32 = 0x{checksum:08x};
/// Elements of a sample of the input.
pub const INPUTS: usize = {elements_in};
/// Elements of a sample of the output.
pub const OUTPUTS: usize = {elements_out};
/// Words of memory that a run of one sample works in.
pub const SCRATCH_WORDS: usize = {scratch};

/// A sample of the input.
pub type Input = [{input}; {inputs}];
/// A sample of the output.
pub type Output = [{output}; {outputs}];

/// The model, checked when compiling.
#[allow(long_running_const_eval)]
pub const MODEL: Model<'static> = match Model::embedded(FILE) {{
    Ok(model) => model,
    Err(error) => panic!("{{}}", error.brief()),
}};

#[rustfmt::skip]
static FILE: &Aligned<[u8]> = &Aligned([
"#,
        bytes = source.bytes.len(),
        checksum = source.checksum,
        elements_in = source.inputs,
        elements_out = source.outputs,
        scratch = source.scratch_words,
    );
    for line in source.bytes.chunks(20) {
        text.push_str("   ");
        for byte in line {
            // Writing to a string cannot fail.
            let _ = write!(text, " 0x{byte:02x},");
        }
        text.push('\n');
    }
    text.push_str("]);\n");
    text
}
