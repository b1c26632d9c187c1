//! Runs a checked model: layer after layer, in scratch memory that the caller gives.

use core::ops::Range;

use super::error::ModelError;
use super::layer::{Epilogue, InputType, OutputType};
use super::plan::Regions;
use super::reader::Model;
#[cfg(feature = "conv")]
use super::rows::{Image, Rows};
use crate::bits::check_tails;
use crate::gemm::Resolved;
use crate::gemm::epilogue::{Affine, Epilogue as _, RawSums, Threshold};
use crate::kernel::Kernel;
use crate::planes::{Planes, check_depth};
use crate::shape::{WORD, at_least, equal, mul};

/// The inputs of a run, sample after sample without gaps.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// For [`InputType::Bits`]: each sample starts on a word, and so does each pixel of an image.
    Bits(&'a [u64]),
    /// For [`InputType::Unsigned`] and [`InputType::Thresholds`]: a byte per element.
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
    fn all(&mut self) -> Output<'_> {
        match self {
            Output::Bits(y) => Output::Bits(y),
            Output::I32(y) => Output::I32(y),
            Output::F32(y) => Output::F32(y),
        }
    }

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
    /// input element out of range, zero samples. The output is not touched then.
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
        let kernel = Kernel::active()?;
        let way = Way { kernel, reals };
        let (x, y) = (self.input_len(), self.output_len());
        for sample in 0..samples {
            let input = input.part(sample * x..(sample + 1) * x);
            let mut output = output.part(sample * y..(sample + 1) * y);
            #[cfg(feature = "conv")]
            if self.spatial() > 0 {
                let mut rows = Rows::new(self, Image::Whole(input), way, scratch);
                rows.clear();
                while rows.next(&mut output) {}
                self.run_dense(None, &mut output, way, scratch);
                continue;
            }
            self.run_dense(Some(input), &mut output, way, scratch);
        }
        Ok(())
    }

    /// Runs the dense layers on a sample: the first one on `input` or, without one, on what convolutions and pools
    /// have written where it reads.
    pub(super) fn run_dense(
        &self,
        mut input: Option<Input<'_>>,
        output: &mut Output<'_>,
        way: Way,
        scratch: &mut [u64],
    ) {
        let mut index = self.spatial();
        while let Some(record) = self.record(index) {
            let k = record.inputs as usize;
            let product = self.product(&record, k);
            let [read, work, write] = disjoint(scratch, self.regions(index, &record));
            let sample: &[u64] = match (product.input, input.take()) {
                (InputType::Unsigned { depth }, Some(Input::Bytes(x))) => {
                    Planes::split_checked(x, k, k, depth.into(), way.kernel, work).bits()
                }
                (_, Some(Input::Bytes(x))) => {
                    reach(x, product.input_thresholds, work);
                    work
                }
                // `check_run` has read it.
                (_, Some(Input::Bits(x))) => x,
                _ => read,
            };
            let (epilogue, reals) = (product.epilogue, way.reals);
            let finish = Finish { epilogue, reals };
            let weights = Resolved::canonical(product.weights, way.kernel);
            let mut output = match write.is_empty() {
                true => output.all(),
                false => Output::Bits(write),
            };
            weights.outputs(sample, &mut |first, sums| {
                finish.put(sums, first, &mut output)
            });
            index += 1;
        }
    }
}

/// How layers are computed: what is chosen once for all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) kernel: &'static Kernel,
    pub(super) reals: Reals,
}

/// A row of bits of bytes: +1 where they reach their thresholds. Writes all of `bits`.
pub(super) fn reach(x: &[u8], thresholds: &[u8], bits: &mut [u64]) {
    let pairs = x.chunks(WORD).zip(thresholds.chunks(WORD));
    for (bits, (x, thresholds)) in bits.iter_mut().zip(pairs) {
        let pairs = x.iter().zip(thresholds).rev();
        *bits = pairs.fold(0, |bits, (x, threshold)| {
            bits << 1 | u64::from(x >= threshold)
        });
    }
}

/// What the sums of a layer become.
pub(super) struct Finish<'a> {
    pub(super) epilogue: Epilogue<'a>,
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
        match (self.epilogue, output) {
            (Epilogue::Sums, Output::I32(y)) => RawSums.put(sums, first, y, first),
            (Epilogue::Affine { scale, bias }, Output::F32(y)) => {
                if let Some(put) = self.reals {
                    put(Affine { scale, bias }, sums, first, y);
                }
            }
            (Epilogue::Threshold(thresholds), Output::Bits(y)) => {
                Threshold(thresholds).put(sums, first, y, first);
            }
            _ => {} // `check_run` has refused it before
        }
    }
}

/// The regions of a layer, which `Model::open` has found not to overlap: `[input, work, output]`.
pub(super) fn disjoint(scratch: &mut [u64], regions: Regions) -> [&mut [u64]; 3] {
    let regions = [regions.input, regions.work, regions.output];
    scratch.get_disjoint_mut(regions).unwrap_or_default()
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
