//! Runs a checked model: layer after layer, in scratch memory that the caller gives.

use core::ops::Range;

use super::error::ModelError;
use super::format::CONV;
use super::layer::{Ending, InputType, OutputType};
use super::plan::Regions;
use super::reader::{Dense, Model};
use super::rows::{Image, Rows};
use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::gemm::epilogue::{Affine, Sums, Threshold};
use crate::gemm::{Activations, Weights, compute, operands};
use crate::planes::{Planes, check_depth};
use crate::shape::{self, at_least, equal, mul, row_words};

/// The inputs of a run, sample after sample without gaps.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// For [`InputType::Bits`]: each sample starts on a word, and so does each pixel of an image.
    Bits(&'a [u64]),
    /// For [`InputType::Unsigned`]: a byte per element.
    Bytes(&'a [u8]),
}

/// The room for the outputs of a run, sample after sample without gaps.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output<'a> {
    /// For [`OutputType::Bits`]: each sample starts on a word, and so does each pixel of an image.
    Bits(&'a mut [u64]),
    /// For [`OutputType::I32`].
    I32(&'a mut [i32]),
    /// For [`OutputType::F32`].
    F32(&'a mut [f32]),
}

impl<'a> Input<'a> {
    pub(super) fn part(&self, range: Range<usize>) -> Input<'a> {
        match *self {
            Input::Bits(x) => Input::Bits(x.get(range).unwrap_or_default()),
            Input::Bytes(x) => Input::Bytes(x.get(range).unwrap_or_default()),
        }
    }
}

impl Output<'_> {
    pub(super) fn part(&mut self, range: Range<usize>) -> Output<'_> {
        match self {
            Output::Bits(y) => Output::Bits(y.get_mut(range).unwrap_or_default()),
            Output::I32(y) => Output::I32(y.get_mut(range).unwrap_or_default()),
            Output::F32(y) => Output::F32(y.get_mut(range).unwrap_or_default()),
        }
    }
}

impl<'a> Model<'a> {
    /// Runs `samples` samples. `scratch` has at least
    /// [`scratch_words(samples)`](Model::scratch_words) words; what it holds does not matter.
    ///
    /// Convolutions and pools run row by row: each holds no more than the rows of its input that a row of
    /// its output needs, and the first one reads the image where it lies.
    ///
    /// # Errors
    /// Input or output of another type or length than the model's, scratch memory too short, an
    /// input element out of range, zero samples. Except for an element out of range the output is
    /// not touched then.
    pub fn run(
        &self,
        samples: usize,
        input: Input<'_>,
        mut output: Output<'_>,
        scratch: &mut [u64],
    ) -> Result<(), ModelError> {
        check_run(self, samples, &input, &output, scratch)?;
        if !CONV || self.spatial == 0 {
            return run_dense(self.in_place(), samples, Some(input), output, scratch);
        }
        let (x, y) = (self.input_len, self.output_len);
        for sample in 0..samples {
            let image = input.part(sample * x..(sample + 1) * x);
            let mut output = output.part(sample * y..(sample + 1) * y);
            let mut rows = Rows::new(self, Image::Whole(image), scratch);
            rows.clear();
            while rows.next(&mut output)? {}
            self.run_tail(output, scratch)?;
        }
        Ok(())
    }

    /// Runs the dense layers behind convolutions and pools that have written their output.
    pub(super) fn run_tail(
        &self,
        output: Output<'_>,
        scratch: &mut [u64],
    ) -> Result<(), ModelError> {
        run_dense(self.in_place(), 1, None, output, scratch)
    }

    /// The dense layers with their weights where they lie.
    fn in_place(&self) -> impl Iterator<Item = (Weights<'a>, Dense<'a>, Regions)> + use<'a> {
        let layers = self.dense_steps();
        layers.map(|(dense, regions)| (dense.weights.into(), dense, regions))
    }
}

/// Runs dense layers, the first one on `input` or, without one, on what lies where it reads. The last layer
/// of the model is the last of them.
pub(super) fn run_dense<'w>(
    layers: impl Iterator<Item = (Weights<'w>, Dense<'w>, Regions)>,
    samples: usize,
    mut input: Option<Input<'_>>,
    output: Output<'_>,
    scratch: &mut [u64],
) -> Result<(), ModelError> {
    let mut output = Some(output);
    for (weights, dense, regions) in layers {
        // No overflow: `scratch_words(samples)` is not less, and fits.
        let scaled = |region: &Range<usize>| region.start * samples..region.end * samples;
        let regions = [
            scaled(&regions.input),
            scaled(&regions.work),
            scaled(&regions.output),
        ];
        let [read, work, write] = disjoint(scratch, regions)?;
        let (n, k) = (dense.weights.rows(), dense.weights.cols());
        let activations: Activations<'_> = match (dense.input, input.take()) {
            (InputType::Unsigned { depth }, Some(Input::Bytes(x))) => {
                Planes::split_checked(x, k, k, usize::from(depth), work)?.into()
            }
            // `check_run` has read it.
            (_, Some(Input::Bits(x))) => BitMatrixView::trusted(x, samples, k).into(),
            _ => BitMatrixView::trusted(read, samples, k).into(),
        };
        let (a, w) = operands(activations, weights)?;
        let last_output = if write.is_empty() {
            output.take()
        } else {
            None
        };
        // Sizes and types fit: the file was checked in `open`, the caller's output just now.
        match (dense.ending, last_output) {
            (Ending::Sums, Some(Output::I32(y))) => compute(&a, &w, &Sums, y, n),
            (Ending::Affine { scale, bias }, Some(Output::F32(y))) => {
                compute(&a, &w, &Affine { scale, bias }, y, n);
            }
            (Ending::Threshold(thresholds), out) => {
                let out = match out {
                    Some(Output::Bits(y)) => y,
                    _ => write,
                };
                compute(&a, &w, &Threshold(thresholds), out, row_words(n));
            }
            _ => return Err(OUTPUT_TYPE), // `check_run` has refused it before
        }
    }
    Ok(())
}

/// Parts of the scratch memory, which `Model::open` has found not to overlap.
pub(super) fn disjoint(
    scratch: &mut [u64],
    regions: [Range<usize>; 3],
) -> Result<[&mut [u64]; 3], Error> {
    scratch
        .get_disjoint_mut(regions)
        .map_err(|_| Error::Overflow {
            what: "a region of scratch memory",
        })
}

pub(super) const OUTPUT_TYPE: ModelError = ModelError::ElementType {
    expected: "an output of the model's type (bits, i32 or f32)",
};

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
    let len = mul("input elements", samples, model.input_len)?;
    check_input(model, len, input)?;
    check_output(model, samples, output)
}

/// Checks `len` numbers of the model's input, whole rows of pixels.
pub(super) fn check_input(
    model: &Model<'_>,
    len: usize,
    input: &Input<'_>,
) -> Result<(), ModelError> {
    match (model.input_type, input) {
        (InputType::Bits, Input::Bits(x)) => {
            equal("input words", len, x.len())?;
            let [.., channels] = model.input_shape();
            BitMatrixView::new(x, len / shape::row_len(channels), channels)?;
        }
        (InputType::Unsigned { depth }, Input::Bytes(x)) => {
            equal("input bytes", len, x.len())?;
            // A dense layer checks its input when it splits it.
            if CONV && model.spatial > 0 {
                check_depth(x, depth.into())?;
            }
        }
        (InputType::Bits, _) => {
            return Err(ModelError::ElementType {
                expected: "an input of packed bits",
            });
        }
        (InputType::Unsigned { .. }, _) => {
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
    let expected = mul("output elements", samples, model.output_len)?;
    Ok(equal("output elements", expected, found)?)
}
