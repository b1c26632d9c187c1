//! Runs a model.

use core::ffi::c_void;

use bnn_core::model::{Input, InputType, Model, Output, OutputType};

use super::{bnn_model_t, input_of, output_of, times};
use crate::boundary::{UntypedInput, UntypedOutput};
use crate::error::Error;
use crate::shape::{at_least, nonzero};
use crate::status::bnn_status_t;

/// Memory with its size in bytes.
pub(crate) struct Memory<P> {
    pub(crate) pointer: P,
    pub(crate) bytes: usize,
}

fn run(
    model: &Model<'_>,
    samples: usize,
    input: Memory<UntypedInput<'_>>,
    output: Memory<UntypedOutput<'_>>,
    scratch: Memory<UntypedOutput<'_>>,
) -> Result<(), Error> {
    let (in_bytes, out_bytes) = (input_of(model)?.bytes, output_of(model)?.bytes);
    equal(
        "input_bytes",
        times("input_bytes", samples, in_bytes)?,
        input.bytes,
    )?;
    equal(
        "output_bytes",
        times("output_bytes", samples, out_bytes)?,
        output.bytes,
    )?;
    let words = model.scratch_words(samples)?;
    let needed = times("scratch_bytes", words, size_of::<u64>())?;
    at_least("scratch_bytes", needed, scratch.bytes)?;

    let scratch = scratch.pointer.write::<u64>(words)?;
    let from = input_in(model, input)?;
    let to = output_in(model, output)?;
    Ok(model.run(samples, from, to, scratch)?)
}

/// The model's input, or a part of it, in memory of the right size.
pub(crate) fn input_in<'call>(
    model: &Model<'_>,
    Memory { pointer, bytes }: Memory<UntypedInput<'call>>,
) -> Result<Input<'call>, Error> {
    Ok(match model.input().1 {
        InputType::Bits => Input::Bits(pointer.read(bytes / size_of::<u64>())?),
        _ => Input::Bytes(pointer.read(bytes)?),
    })
}

/// The model's outputs in memory of the right size.
pub(crate) fn output_in<'call>(
    model: &Model<'_>,
    Memory { pointer, bytes }: Memory<UntypedOutput<'call>>,
) -> Result<Output<'call>, Error> {
    Ok(match model.output().1 {
        OutputType::Bits => Output::Bits(pointer.write(bytes / size_of::<u64>())?),
        OutputType::I32 => Output::I32(pointer.write(bytes / size_of::<i32>())?),
        _ => Output::F32(pointer.write(bytes / size_of::<f32>())?),
    })
}

pub(crate) fn equal(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected != found {
        return Err(bnn_core::Error::Mismatch {
            what,
            expected,
            found,
        }
        .into());
    }
    Ok(())
}

export! {
    /// Runs the model on one sample, in the caller's memory and on the calling thread: made for
    /// small devices. On a host a `bnn_packed_model_t` is several times as fast.
    ///
    /// - `input`: read, `input_bytes` bytes, exactly those of a sample; aligned to the element type
    ///   (8 bytes for bits, whose tail bits are 0).
    /// - `output`: written, `output_bytes` bytes, exactly those of a sample; aligned to the element
    ///   type (8 bytes for bits).
    /// - `scratch`: written, `scratch_bytes` bytes, at least `bnn_model_scratch_bytes`; aligned to
    ///   8 bytes. May be NULL if none is needed.
    ///
    /// Errors: NULL, MISALIGNED, MISMATCH, TOO_SHORT, RANGE (an input element has more bits than
    /// the model says), TAIL_BITS, OVERLAP, NOT_OPEN, ISA_UNKNOWN, ISA_ABSENT.
    pub fn bnn_model_run(
        model: *const bnn_model_t,
        input: *const c_void,
        input_bytes: usize,
        output: *mut c_void,
        output_bytes: usize,
        scratch: *mut c_void,
        scratch_bytes: usize,
    ) -> bnn_status_t {
        let model = model.opened()?;
        let input = Memory { pointer: input, bytes: input_bytes };
        let output = Memory { pointer: output, bytes: output_bytes };
        let scratch = Memory { pointer: scratch, bytes: scratch_bytes };
        run(model, 1, input, output, scratch)
    }
}

export! {
    /// Runs the model on `samples` samples, which follow each other in `input` and `output`: all
    /// sizes are `samples` times those of `bnn_model_run`. On a host `bnn_packed_model_run` is
    /// several times as fast.
    ///
    /// Errors: as `bnn_model_run`, and ZERO, OVERFLOW.
    pub fn bnn_model_run_batch(
        model: *const bnn_model_t,
        samples: usize,
        input: *const c_void,
        input_bytes: usize,
        output: *mut c_void,
        output_bytes: usize,
        scratch: *mut c_void,
        scratch_bytes: usize,
    ) -> bnn_status_t {
        nonzero("samples", samples)?;
        let model = model.opened()?;
        let input = Memory { pointer: input, bytes: input_bytes };
        let output = Memory { pointer: output, bytes: output_bytes };
        let scratch = Memory { pointer: scratch, bytes: scratch_bytes };
        run(model, samples, input, output, scratch)
    }
}
