//! Runs a checked model: layer after layer, in scratch memory that the caller gives.

use core::ops::Range;

use super::error::ModelError;
use super::layer::{Ending, InputType, Layer, OutputType};
use super::plan::Regions;
use super::reader::Model;
#[cfg(feature = "conv")]
use super::rows::{Image, Rows};
use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::gemm::Weights;
use crate::gemm::epilogue::{Affine, Epilogue, Sums, Threshold};
use crate::planes::Planes;
use crate::shape::{self, at_least, equal, mul};

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

impl Model<'_> {
    /// Runs `samples` samples, one after the other, on the calling thread. `scratch` has at least
    /// [`scratch_words(samples)`](Model::scratch_words) words; what it holds does not matter.
    ///
    /// Convolutions and pools run row by row: each holds no more than the rows of its input that a row of
    /// its output needs, and the first one reads the image where it lies.
    ///
    /// # Errors
    /// Input or output of another type or length than the model's, scratch memory too short, an
    /// input element out of range, zero samples. Except for an element out of range the output is
    /// not touched then.
    // Inlined for the sake of `Reals`.
    #[inline]
    pub fn run(
        &self,
        samples: usize,
        input: Input<'_>,
        output: Output<'_>,
        scratch: &mut [u64],
    ) -> Result<(), ModelError> {
        let reals = reals(&output);
        self.run_in_place(samples, input, output, reals, scratch)
    }

    fn run_in_place(
        &self,
        samples: usize,
        input: Input<'_>,
        mut output: Output<'_>,
        reals: Reals,
        scratch: &mut [u64],
    ) -> Result<(), ModelError> {
        check_run(self, samples, &input, &output, scratch)?;
        let (x, y) = (self.input_len, self.output_len);
        for sample in 0..samples {
            let input = input.part(sample * x..(sample + 1) * x);
            let mut output = output.part(sample * y..(sample + 1) * y);
            #[cfg(feature = "conv")]
            if self.spatial > 0 {
                let mut rows = Rows::new(self, Image::Whole(input), reals, scratch);
                rows.clear();
                while rows.next(&mut output)? {}
                self.run_dense(None, &mut output, reals, scratch)?;
                continue;
            }
            self.run_dense(Some(input), &mut output, reals, scratch)?;
        }
        Ok(())
    }

    /// Runs the dense layers on a sample: the first one on `input` or, without one, on what convolutions and pools
    /// have written where it reads.
    #[cfg_attr(
        not(feature = "conv"),
        expect(irrefutable_let_patterns, reason = "there are other layers elsewhere")
    )]
    pub(super) fn run_dense(
        &self,
        mut input: Option<Input<'_>>,
        output: &mut Output<'_>,
        reals: Reals,
        scratch: &mut [u64],
    ) -> Result<(), ModelError> {
        for step in self.steps(self.spatial..self.len()) {
            let Layer::Dense {
                input: from,
                weights,
                ending,
            } = step.layer
            else {
                continue; // no layer but dense ones comes here
            };
            let Regions {
                input: read,
                work,
                output: write,
            } = step.regions;
            let [read, work, write] = disjoint(scratch, [read, work, write])?;
            let sample: &[u64] = match (from, input.take()) {
                (InputType::Unsigned { depth }, Some(Input::Bytes(x))) => {
                    let k = weights.cols();
                    Planes::split_checked(x, k, k, usize::from(depth), work)?.bits()
                }
                // `check_run` has read it.
                (_, Some(Input::Bits(x))) => x,
                _ => read,
            };
            let finish = Finish { ending, reals };
            let resolved = Weights::from(weights).resolve(1)?;
            if write.is_empty() {
                resolved.outputs(sample, &mut |first, sums| finish.put(sums, first, output));
            } else {
                let mut output = Output::Bits(write);
                resolved.outputs(sample, &mut |first, sums| {
                    finish.put(sums, first, &mut output)
                });
            }
        }
        Ok(())
    }
}

/// What the sums of a layer become.
pub(super) struct Finish<'a> {
    pub(super) ending: Ending<'a>,
    pub(super) reals: Reals,
}

/// How real outputs are made of sums, where there are any. A pointer, which the program has only where it makes an
/// [`Output::F32`]: else there is no float arithmetic in it, nor what a core without an FPU does it with
/// (`ci/firmware.sh` checks that).
pub(super) type Reals = Option<fn(Affine<'_>, &[i32], usize, &mut [f32])>;

/// The way to make `output`.
#[inline(always)] // so that it is known where the output is made
pub(super) fn reals(output: &Output<'_>) -> Reals {
    match output {
        Output::F32(_) => Some(|affine, sums, first, y| affine.put(sums, first, y, first)),
        _ => None,
    }
}

impl Finish<'_> {
    /// Writes what becomes of a few sums of a sample, at most a panel's, those of the outputs from `first` on.
    pub(super) fn put(&self, sums: &[i32], first: usize, output: &mut Output<'_>) {
        match (self.ending, output) {
            (Ending::Sums, Output::I32(y)) => Sums.put(sums, first, y, first),
            (Ending::Affine { scale, bias }, Output::F32(y)) => {
                if let Some(put) = self.reals {
                    put(Affine { scale, bias }, sums, first, y);
                }
            }
            (Ending::Threshold(thresholds), Output::Bits(y)) => {
                Threshold(thresholds).put(sums, first, y, first);
            }
            _ => {} // `check_run` has refused it before
        }
    }
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
            #[cfg(feature = "conv")]
            if model.spatial > 0 {
                crate::planes::check_depth(x, depth.into())?;
            }
            #[cfg(not(feature = "conv"))]
            let _ = depth;
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
