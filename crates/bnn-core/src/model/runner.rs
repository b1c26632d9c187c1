//! Runs a checked model: layer after layer, in scratch memory that the caller gives.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::ops::Range;

use super::error::ModelError;
use super::layer::{Ending, InputType, Layer, OutputType};
use super::reader::{Model, Regions};
use crate::bits::BitMatrixView;
use crate::error::Error;
#[cfg(feature = "alloc")]
use crate::gemm::PackedWeights;
use crate::gemm::epilogue::{Affine, Sums, Threshold};
use crate::gemm::{Activations, Weights, compute, operands};
use crate::planes::Planes;
use crate::shape::{at_least, equal, mul, row_words};

/// The inputs of a run, sample after sample without gaps.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// For [`InputType::Bits`]: each sample starts on a word.
    Bits(&'a [u64]),
    /// For [`InputType::Unsigned`]: a byte per element.
    Bytes(&'a [u8]),
}

/// The room for the outputs of a run, sample after sample without gaps.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output<'a> {
    /// For [`OutputType::Bits`]: each sample starts on a word.
    Bits(&'a mut [u64]),
    /// For [`OutputType::I32`].
    I32(&'a mut [i32]),
    /// For [`OutputType::F32`].
    F32(&'a mut [f32]),
}

impl Model<'_> {
    /// Runs `samples` samples. `scratch` has at least
    /// [`scratch_words(samples)`](Model::scratch_words) words; what it holds does not matter.
    ///
    /// # Errors
    /// Input or output of another type or length than the model's, scratch memory too short, an
    /// input element out of range, zero samples. Except for an element out of range the output is
    /// not touched then.
    // Inlined, so that where the caller makes the output `reals` is known when linking, and a program without real
    // scores has no float arithmetic in it (`ci/firmware.sh` checks that).
    #[inline]
    pub fn run(
        &self,
        samples: usize,
        input: Input<'_>,
        output: Output<'_>,
        scratch: &mut [u64],
    ) -> Result<(), ModelError> {
        let reals = matches!(output, Output::F32(_));
        self.run_in_place(samples, input, output, reals, scratch)
    }

    fn run_in_place(
        &self,
        samples: usize,
        input: Input<'_>,
        output: Output<'_>,
        reals: bool,
        scratch: &mut [u64],
    ) -> Result<(), ModelError> {
        let steps = self
            .steps()
            .map(|(layer, regions)| (Weights::from(layer.weights), layer, regions));
        run(self, steps, samples, input, output, reals, scratch)
    }
}

/// A model whose weights are laid out for this CPU's kernel: faster than [`Model::run`] for many
/// samples, the same results.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct PackedModel<'a> {
    model: Model<'a>,
    weights: Vec<PackedWeights>,
}

#[cfg(feature = "alloc")]
impl<'a> PackedModel<'a> {
    /// Lays out the weights of all layers: as many bytes again as they have in the file, the outputs
    /// of each layer rounded up to a multiple of 32.
    ///
    /// # Errors
    /// As [`Kernel::active`](crate::Kernel::active).
    pub fn new(model: Model<'a>) -> Result<Self, ModelError> {
        let weights = model
            .layers()
            .map(|layer| PackedWeights::new(layer.weights));
        let weights = weights.collect::<Result<_, _>>()?;
        Ok(Self { model, weights })
    }

    /// As [`Model::run`].
    ///
    /// # Errors
    /// As [`Model::run`].
    pub fn run(
        &self,
        samples: usize,
        input: Input<'_>,
        output: Output<'_>,
        scratch: &mut [u64],
    ) -> Result<(), ModelError> {
        let steps = self.weights.iter().zip(self.model.steps());
        let steps = steps.map(|(weights, (layer, regions))| (weights.into(), layer, regions));
        let reals = matches!(output, Output::F32(_));
        run(&self.model, steps, samples, input, output, reals, scratch)
    }
}

/// `reals` tells whether `output` is [`Output::F32`].
fn run<'w>(
    model: &Model<'_>,
    steps: impl Iterator<Item = (Weights<'w>, Layer<'w>, Regions)>,
    samples: usize,
    input: Input<'_>,
    output: Output<'_>,
    reals: bool,
    scratch: &mut [u64],
) -> Result<(), ModelError> {
    let words = model.scratch_words(samples)?;
    at_least("words of scratch memory", words, scratch.len())?;
    check_input(model, samples, &input)?;
    check_output(model, samples, &output)?;
    let mut output = Some(output);
    let last = model.len() - 1;
    for (index, (weights, layer, regions)) in steps.enumerate() {
        let mut parts = split(scratch, &regions, samples, index, last)?;
        let [read, work, write] = &mut parts;
        let (n, k) = (layer.weights.rows(), layer.weights.cols());
        let activations: Activations<'_> = match (layer.input, index, input) {
            (InputType::Unsigned { depth }, _, Input::Bytes(x)) => {
                Planes::split_checked(x, k, k, usize::from(depth), work)?.into()
            }
            // `check_input` has read it.
            (_, 0, Input::Bits(x)) => BitMatrixView::trusted(x, samples, k).into(),
            _ => BitMatrixView::trusted(read, samples, k).into(),
        };
        let (a, w) = operands(activations, weights)?;
        let last_output = if index == last { output.take() } else { None };
        // Sizes and types fit: the file was checked in `open`, the caller's output just now.
        match (layer.ending, last_output) {
            (Ending::Sums, Some(Output::I32(y))) => compute(&a, &w, &Sums, y, n),
            (Ending::Affine { scale, bias }, Some(Output::F32(y))) if reals => {
                compute(&a, &w, &Affine { scale, bias }, y, n);
            }
            (Ending::Threshold(thresholds), out) => {
                let out = match out {
                    Some(Output::Bits(y)) => y,
                    _ => write,
                };
                compute(&a, &w, &Threshold(thresholds), out, row_words(n));
            }
            _ => return Err(OUTPUT_TYPE), // `check_output` has refused it before
        }
    }
    Ok(())
}

const OUTPUT_TYPE: ModelError = ModelError::ElementType {
    expected: "an output of the model's type (bits, i32 or f32)",
};

fn check_input(model: &Model<'_>, samples: usize, input: &Input<'_>) -> Result<(), ModelError> {
    let (k, input_type) = model.input();
    match (input_type, input) {
        (InputType::Bits, Input::Bits(x)) => {
            let words = mul("input words", samples, row_words(k))?;
            equal("input words", words, x.len())?;
            BitMatrixView::new(x, samples, k)?;
            Ok(())
        }
        (InputType::Unsigned { .. }, Input::Bytes(x)) => Ok(equal(
            "input bytes",
            mul("input bytes", samples, k)?,
            x.len(),
        )?),
        (InputType::Bits, _) => Err(ModelError::ElementType {
            expected: "an input of packed bits",
        }),
        (InputType::Unsigned { .. }, _) => Err(ModelError::ElementType {
            expected: "an input of bytes",
        }),
    }
}

fn check_output(model: &Model<'_>, samples: usize, output: &Output<'_>) -> Result<(), ModelError> {
    let (n, output_type) = model.output();
    let (per_sample, found) = match (output_type, output) {
        (OutputType::Bits, Output::Bits(y)) => (row_words(n), y.len()),
        (OutputType::I32, Output::I32(y)) => (n, y.len()),
        (OutputType::F32, Output::F32(y)) => (n, y.len()),
        _ => return Err(OUTPUT_TYPE),
    };
    let expected = mul("output elements", samples, per_sample)?;
    Ok(equal("output elements", expected, found)?)
}

/// The layer's three regions of the scratch memory, for all samples; those that lie in the caller's
/// memory instead (the first input, the last output) are empty.
fn split<'s>(
    scratch: &'s mut [u64],
    regions: &Regions,
    samples: usize,
    index: usize,
    last: usize,
) -> Result<[&'s mut [u64]; 3], Error> {
    let scaled = |region: &Range<usize>, elsewhere: bool| match elsewhere || region.is_empty() {
        true => 0..0,
        // No overflow: `scratch_words(samples)` is not less, and fits.
        false => region.start * samples..region.end * samples,
    };
    let ranges = [
        scaled(&regions.input, index == 0),
        scaled(&regions.work, false),
        scaled(&regions.output, index == last),
    ];
    scratch
        .get_disjoint_mut(ranges)
        .map_err(|_| Error::Overflow {
            what: "a region of scratch memory", // `Model::open` has refused such a plan
        })
}
