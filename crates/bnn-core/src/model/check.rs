//! What is checked of the layers of a model file, all of it, so that the runner can rely on it.
//!
//! Whatever the bytes are, a [`Model`] that opens has: layers whose shapes fit each other, weights
//! and parameters inside the file that no other layer shares, with zero tail bits, sums that fit
//! `i32`, and a plan for the scratch memory in which no layer writes over what it or another reads.

use super::error::ModelError;
use super::format::{self, Record, Window, ending, kind};
use super::layer::{Ending, InputType, Layer, OutputType};
use super::plan::{Regions, Scratch};
use super::reader::{Dense, Model};
use super::window::{conv_of, pool_of};
use crate::bits::BitMatrixView;
use crate::conv::PadValue;
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::planes::MAX_DEPTH;
use crate::shape::{matrix_words, row_words, sum_fits};

/// What is known of the layers so far.
#[derive(Default)]
struct Before {
    /// Where weights and parameters end.
    weights: usize,
    params: usize,
    /// What the last one gives out, and where.
    output: Option<(OutputType, [usize; 3], u32)>,
}

impl<'a> Model<'a> {
    /// Checks every layer, and that each fits the one before; sets what is known of the whole.
    pub(super) fn check_layers(&mut self) -> Result<(), ModelError> {
        let mut before = Before::default();
        let mut scratch = Scratch::default();
        let mut index = 0;
        for record in self.records {
            let record = Record::decode(record).unwrap_or_default();
            let layer = self.layer(index, &record, BitMatrixView::new)?;
            let regions = Regions::new(&record, self.place(index))?;
            let fits = before.add(&layer, &record).and_then(|()| {
                // All else is as it should be.
                scratch.add(&regions, record.is_spatial())
            });
            fits.map_err(|expected| layer_error(index, expected))?;
            if index == 0 {
                self.input_type = layer.input();
                self.input_len = match layer.input() {
                    InputType::Bits => words_of(layer.input_shape()),
                    InputType::Unsigned { .. } => layer.input_shape().iter().product(),
                };
            }
            self.output_type = layer.output();
            self.output_len = match layer.output() {
                OutputType::Bits => words_of(layer.output_shape()),
                _ => layer.output_shape().iter().product(),
            };
            index += 1;
        }
        // Else a small file could ask for any amount of memory.
        if scratch.end > scratch.sum {
            return Err(layer_error(
                index - 1,
                "a scratch memory plan without waste",
            ));
        }
        self.scratch_words_per_sample = scratch.end;
        Ok(())
    }

    /// Reads a layer and checks it, its tail bits if `view` does.
    pub(super) fn layer(
        &self,
        index: usize,
        record: &Record,
        view: fn(&'a [u64], usize, usize) -> Result<BitMatrixView<'a>, Error>,
    ) -> Result<Layer<'a>, ModelError> {
        let bad = |expected| layer_error(index, expected);
        if record.is_spatial() != (index < self.spatial) {
            return Err(bad("convolutions and pools before dense layers"));
        }
        let (n, k) = (record.outputs as usize, record.inputs as usize);
        match record.kind {
            kind::DENSE => {
                let dense = self.dense(index, record, view)?;
                Ok(Layer::Dense {
                    input: dense.input,
                    weights: dense.weights,
                    ending: dense.ending,
                })
            }
            kind::CONV2D if record.is_spatial() => {
                let input = input_of(record).map_err(bad)?;
                let conv = conv_of(record)?;
                if !conv.is_moderate() {
                    return Err(bad(MODERATE));
                }
                if input != InputType::Bits && conv.pad_value() != PadValue::Zero {
                    return Err(bad("zeros around images of integers"));
                }
                let k = conv.patch_len();
                sum_fits(k, input.most())?;
                let filters = self.weights_of(record, k).ok_or_else(|| bad(WEIGHTS))?;
                Ok(Layer::Conv2d {
                    input,
                    conv,
                    filters: view(filters, n, k)?,
                    ending: self.ending(record).map_err(bad)?,
                })
            }
            kind::MAX_POOL2D if record.is_spatial() => {
                let window = &record.window;
                let plain = record.input_depth == 0 && record.ending == 0 && record.pad == 0;
                if !plain || n != k || window.dilation != [1, 1] || window.groups != 1 {
                    return Err(bad("a pool from bits to as many bits, without options"));
                }
                let pool = pool_of(record)?;
                if !pool.is_moderate() {
                    return Err(bad(MODERATE));
                }
                Ok(Layer::MaxPool2d(pool))
            }
            kind::CONV2D | kind::MAX_POOL2D => {
                Err(bad("dense layers in a build without the feature `conv`"))
            }
            _ => Err(bad("a layer kind that this version knows")),
        }
    }

    /// Reads a dense layer, as [`Model::layer`].
    pub(super) fn dense(
        &self,
        index: usize,
        record: &Record,
        view: fn(&'a [u64], usize, usize) -> Result<BitMatrixView<'a>, Error>,
    ) -> Result<Dense<'a>, ModelError> {
        let bad = |expected| layer_error(index, expected);
        if record.window != Window::default() || record.pad != 0 {
            return Err(bad("zero reserved bytes"));
        }
        let input = input_of(record).map_err(bad)?;
        let (n, k) = (record.outputs as usize, record.inputs as usize);
        let weights = self.weights_of(record, k).ok_or_else(|| bad(WEIGHTS))?;
        sum_fits(k, input.most())?;
        Ok(Dense {
            input,
            weights: view(weights, n, k)?,
            ending: self.ending(record).map_err(bad)?,
        })
    }

    /// The words of the weights, rows of `k` bits.
    fn weights_of(&self, record: &Record, k: usize) -> Option<&'a [u64]> {
        let words = matrix_words(record.outputs as usize, k).ok()?;
        let at = record.weights_at as usize;
        let weights = self.weights.get(at / format::ALIGN..)?.get(..words)?;
        at.is_multiple_of(format::ALIGN).then_some(weights)
    }

    fn ending(&self, record: &Record) -> Result<Ending<'a>, &'static str> {
        let n = record.outputs as usize;
        let params = self.params.get(record.params_at as usize..);
        let params = params.unwrap_or_default();
        let short = "parameters inside the parameter section, aligned";
        Ok(match record.ending {
            ending::SUMS => Ending::Sums,
            ending::AFFINE_F32 => {
                let (scale, rest) = numbers(params, n).ok_or(short)?;
                let (bias, _) = numbers(rest, n).ok_or(short)?;
                Ending::Affine { scale, bias }
            }
            ending::THRESHOLD_I16 => {
                Ending::Threshold(Thresholds::I16(numbers(params, n).ok_or(short)?.0))
            }
            ending::THRESHOLD_I32 => {
                Ending::Threshold(Thresholds::I32(numbers(params, n).ok_or(short)?.0))
            }
            _ => return Err("an ending that this version knows"),
        })
    }
}

impl Before {
    /// Checks that a layer fits those before.
    fn add(&mut self, layer: &Layer<'_>, record: &Record) -> Result<(), &'static str> {
        // Else many layers could share one piece of the file, and cost more than its size tells.
        let (weights_at, params_at) = (record.weights_at as usize, record.params_at as usize);
        if weights_at < self.weights || params_at < self.params {
            return Err("weights and parameters behind those of the layer before");
        }
        self.weights = weights_at + layer.weight_bytes();
        self.params = params_at + layer.param_bytes();
        if let Some((output, shape, output_at)) = self.output {
            if layer.input() != InputType::Bits || output != OutputType::Bits {
                return Err("bits between layers");
            }
            if layer.input_shape() != shape {
                return Err("as many inputs as the layer before has outputs");
            }
            if record.input_at != output_at {
                return Err("to read where the layer before writes");
            }
        }
        self.output = Some((layer.output(), layer.output_shape(), record.output_at));
        Ok(())
    }
}

/// In one place, for there are many such errors.
#[cold]
#[inline(never)]
fn layer_error(index: usize, expected: &'static str) -> ModelError {
    ModelError::Layer { index, expected }
}

/// Words of an image of bits.
fn words_of([height, width, channels]: [usize; 3]) -> usize {
    height * width * row_words(channels)
}

const WEIGHTS: &str = "weights inside the weight section, on whole words";

pub(super) const MODERATE: &str =
    "padding of less than a window, and no more outputs than pixels on each axis";

/// The first `n` numbers of `bytes`, in place, and the bytes after them.
fn numbers<T: bytemuck::Pod>(bytes: &[u8], n: usize) -> Option<(&[T], &[u8])> {
    let (numbers, rest) = bytes.split_at_checked(n.checked_mul(size_of::<T>())?)?;
    Some((bytemuck::try_cast_slice(numbers).ok()?, rest))
}

fn input_of(record: &Record) -> Result<InputType, &'static str> {
    match record.input_depth {
        0 => Ok(InputType::Bits),
        depth if usize::from(depth) <= MAX_DEPTH => Ok(InputType::Unsigned { depth }),
        _ => Err("at most 8 bits per input"),
    }
}
