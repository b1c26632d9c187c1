//! Checks of a run's arguments, before anything is written.

use super::error::ModelError;
use super::io::{Input, OUTPUT_TYPE, Output};
use super::layer::{InputType, OutputType};
use super::reader::Model;
use crate::bits::check_tails;
use crate::planes::check_depth;
use crate::shape::{at_least, equal, mul, nonzero};

/// Checks the arguments of a run.
pub(super) fn check_run(
    model: &Model<'_>,
    samples: usize,
    input: &Input<'_>,
    output: &Output<'_>,
    scratch: &[u64],
) -> Result<(), ModelError> {
    let words = model.scratch_words(samples)?;
    at_least("words of scratch memory", words, scratch.len())?;
    check_samples(model, samples, input, output)
}

/// Checks what goes in and out of a run.
pub(super) fn check_samples(
    model: &Model<'_>,
    samples: usize,
    input: &Input<'_>,
    output: &Output<'_>,
) -> Result<(), ModelError> {
    nonzero("samples", samples)?;
    let len = mul("input elements", samples, model.input_len())?;
    check_input(model, len, input)?;
    check_output(model, samples, output)
}

/// Checks `len` numbers of the model's input, whole rows of pixels.
pub(super) fn check_input(
    model: &Model<'_>,
    len: usize,
    input: &Input<'_>,
) -> Result<(), ModelError> {
    match (model.input_type(), input) {
        (InputType::Bits, Input::Bits(x)) => {
            equal("input words", len, x.len())?;
            let [.., channels] = model.input_shape();
            check_tails(x, channels)?;
        }
        (InputType::Unsigned { depth }, Input::Bytes(x)) => {
            equal("input bytes", len, x.len())?;
            check_depth(x, depth.into())?;
        }
        (InputType::Thresholds, Input::Bytes(x)) => equal("input bytes", len, x.len())?,
        (InputType::Bits, _) => {
            return Err(ModelError::ElementType {
                expected: "an input of packed bits",
            });
        }
        (InputType::Unsigned { .. } | InputType::Thresholds, _) => {
            return Err(ModelError::ElementType {
                expected: "an input of bytes",
            });
        }
    }
    Ok(())
}

/// Checks the room for the outputs of a run.
pub(super) fn check_output(
    model: &Model<'_>,
    samples: usize,
    output: &Output<'_>,
) -> Result<(), ModelError> {
    let found = match (model.output_type, output) {
        (OutputType::Bits, Output::Bits(y)) => y.len(),
        (OutputType::I32, Output::I32(y)) => y.len(),
        (OutputType::F32, Output::F32(y)) => y.len(),
        _ => return Err(OUTPUT_TYPE),
    };
    let expected = mul("output elements", samples, model.output_len())?;
    Ok(equal("output elements", expected, found)?)
}
