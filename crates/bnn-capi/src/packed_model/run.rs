//! Runs a packed model.

use core::ffi::c_void;
use core::sync::atomic::Ordering;

use super::bnn_packed_model_t;
use crate::boundary::{UntypedInput, UntypedOutput};
use crate::error::Error;
use crate::model::run::{Memory, equal, input_in, output_in};
use crate::model::{input_of, output_of, times};
use crate::shape::nonzero;
use crate::status::bnn_status_t;
use crate::threads::pool;

/// Bits in a word of a product.
const WORD: u64 = 64;

fn run(
    packed: &bnn_packed_model_t,
    samples: usize,
    input: Memory<UntypedInput<'_>>,
    output: Memory<UntypedOutput<'_>>,
) -> Result<(), Error> {
    let model = packed.kept.model();
    let (in_bytes, out_bytes) = (input_of(model)?.bytes, output_of(model)?.bytes);
    let in_bytes = times("input_bytes", samples, in_bytes)?;
    equal("input_bytes", in_bytes, input.bytes)?;
    let out_bytes = times("output_bytes", samples, out_bytes)?;
    equal("output_bytes", out_bytes, output.bytes)?;
    let from = input_in(model, input)?;
    let to = output_in(model, output)?;

    let words = model.operations() / WORD;
    let words = usize::try_from(words).unwrap_or(usize::MAX);
    let words = words.saturating_mul(samples);
    // What earlier runs worked in is kept for this one.
    let grows = packed.most_samples.load(Ordering::Relaxed) < samples;
    pool::run_model(words, grows, || packed.kept.packed().run(samples, from, to))?;
    packed.most_samples.fetch_max(samples, Ordering::Relaxed);
    Ok(())
}

export! {
    /// Runs the model on `samples` samples, which follow each other in `input` and `output`, on the
    /// library's threads. A sample takes the bytes that `bnn_model_input` and `bnn_model_output`
    /// say of the model's `bnn_packed_model_view`. The results are those of `bnn_model_run_batch`,
    /// bit for bit.
    ///
    /// The model keeps the memory that a run works in: a later run of no more samples, in no more
    /// threads, asks for no more. A run of one sample is about as fast per sample as one of many,
    /// apart from sharing it among threads.
    ///
    /// - `input`: read, `input_bytes` bytes, exactly those of the samples; aligned to the element
    ///   type (8 bytes for bits, whose tail bits are 0).
    /// - `output`: written, `output_bytes` bytes, exactly those of the samples; aligned to the
    ///   element type (8 bytes for bits). After BNN_ERROR_NO_MEMORY it holds anything.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, MISMATCH, RANGE (an input element has more bits
    /// than the model says), TAIL_BITS, OVERLAP.
    pub fn bnn_packed_model_run(
        packed: *const bnn_packed_model_t,
        samples: usize,
        input: *const c_void,
        input_bytes: usize,
        output: *mut c_void,
        output_bytes: usize,
    ) -> bnn_status_t {
        nonzero("samples", samples)?;
        let packed = packed.opened()?;
        let input = Memory { pointer: input, bytes: input_bytes };
        let output = Memory { pointer: output, bytes: output_bytes };
        run(packed, samples, input, output)
    }
}
