//! What is checked of the layers of a model file, all of it, so that the runner can rely on it.
//!
//! Whatever the bytes are, a [`Model`] that opens has: layers whose shapes fit each other, weights
//! and parameters inside the file that no other layer shares, with zero tail bits, sums that fit
//! `i32`, and a plan for the scratch memory in which no layer writes over what it or another reads.

use core::ops::Range;

use super::fault::Fault;
use super::format::{self, Record, Window, ending, kind};
use super::layer::{Ending, InputType, Layer, OutputType};
use super::plan::Regions;
use super::reader::Model;
use crate::bits::{BitMatrixView, check_tails};
use crate::gemm::Thresholds;
use crate::planes::MAX_DEPTH;
use crate::shape::row_words;

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
    /// Checks every layer, and that each fits the one before; sets what is known of the whole. `index` is then the
    /// number of the layer that was looked at last.
    pub(super) fn check_layers(&mut self, index: &mut usize) -> Result<(), Fault> {
        let mut before = Before::default();
        let mut scratch = Scratch::default();
        for (number, record) in self.records.iter().enumerate() {
            *index = number;
            let record = Record::decode(record);
            let layer = self.layer(number, &record)?;
            if let Some(weights) = layer.weights()
                && check_tails(weights.words(), weights.cols()).is_err()
            {
                return Err(Fault::Tails);
            }
            before.add(&layer, &record)?;
            scratch.add(
                &Regions::new(&record, self.place(number)),
                record.is_spatial(),
            )?;
            if number == 0 {
                self.input_type = layer.input();
                self.input_len = numbers_of(layer.input_shape(), layer.input() == InputType::Bits);
            }
            self.output_type = layer.output();
            self.output_len = numbers_of(layer.output_shape(), layer.output() == OutputType::Bits);
        }
        // Else a small file could ask for any amount of memory.
        if scratch.end > scratch.sum || scratch.end > isize::MAX as usize / size_of::<u64>() {
            return Err(Fault::Waste);
        }
        self.scratch_words_per_sample = scratch.end;
        Ok(())
    }

    /// Reads a layer and checks it, apart from the bits behind its rows of weights.
    pub(super) fn layer(&self, index: usize, record: &Record) -> Result<Layer<'a>, Fault> {
        let input = match record.input_depth {
            0 => InputType::Bits,
            depth if usize::from(depth) <= MAX_DEPTH => InputType::Unsigned { depth },
            _ => return Err(Fault::Depth),
        };
        if record.is_spatial() != (index < self.spatial) {
            return Err(Fault::Order);
        }
        match record.kind {
            kind::DENSE => {
                if record.window != Window::default() || record.pad != 0 {
                    return Err(Fault::Reserved);
                }
                Ok(Layer::Dense {
                    input,
                    weights: self.weights_of(record, record.inputs as usize, input)?,
                    ending: self.ending(record)?,
                })
            }
            #[cfg(feature = "conv")]
            kind::CONV2D | kind::MAX_POOL2D => super::spatial::layer(self, record, input),
            #[cfg(not(feature = "conv"))]
            kind::CONV2D | kind::MAX_POOL2D => Err(Fault::NeedsConv),
            _ => Err(Fault::Kind),
        }
    }

    /// The weights, rows of `k` bits for elements of `input`.
    pub(super) fn weights_of(
        &self,
        record: &Record,
        k: usize,
        input: InputType,
    ) -> Result<BitMatrixView<'a>, Fault> {
        let (n, at) = (record.outputs as usize, record.weights_at as usize);
        if k as u64 * input.most() as u64 > i32::MAX as u64 {
            return Err(Fault::Sums);
        }
        let words = n.checked_mul(row_words(k)).filter(|&words| words > 0);
        let weights = self.weights.get(at / format::ALIGN..);
        let weights = weights.and_then(|weights| weights.get(..words?));
        match weights {
            Some(weights) if at.is_multiple_of(format::ALIGN) => {
                Ok(BitMatrixView::unchecked(weights, n, k))
            }
            _ => Err(Fault::Weights),
        }
    }

    pub(super) fn ending(&self, record: &Record) -> Result<Ending<'a>, Fault> {
        let n = record.outputs as usize;
        let params = self.params.get(record.params_at as usize..);
        let params = params.unwrap_or_default();
        Ok(match record.ending {
            ending::SUMS => Ending::Sums,
            ending::AFFINE_F32 => {
                let (scale, rest) = numbers(params, n)?;
                Ending::Affine {
                    scale,
                    bias: numbers(rest, n)?.0,
                }
            }
            ending::THRESHOLD_I16 => Ending::Threshold(Thresholds::I16(numbers(params, n)?.0)),
            ending::THRESHOLD_I32 => Ending::Threshold(Thresholds::I32(numbers(params, n)?.0)),
            _ => return Err(Fault::Ending),
        })
    }
}

impl Before {
    /// Checks that a layer fits those before.
    fn add(&mut self, layer: &Layer<'_>, record: &Record) -> Result<(), Fault> {
        // Else many layers could share one piece of the file, and cost more than its size tells.
        let (weights_at, params_at) = (record.weights_at as usize, record.params_at as usize);
        if weights_at < self.weights || params_at < self.params {
            return Err(Fault::Shared);
        }
        self.weights = weights_at + layer.weight_bytes();
        self.params = params_at + layer.param_bytes();
        if let Some((output, shape, output_at)) = self.output {
            if layer.input() != InputType::Bits || output != OutputType::Bits {
                return Err(Fault::NotBits);
            }
            if layer.input_shape() != shape {
                return Err(Fault::Shape);
            }
            if record.input_at != output_at {
                return Err(Fault::ReadsElsewhere);
            }
        }
        self.output = Some((layer.output(), layer.output_shape(), record.output_at));
        Ok(())
    }
}

/// Numbers of an image: words of bits, else an element each.
fn numbers_of([height, width, channels]: [usize; 3], bits: bool) -> usize {
    height * width * if bits { row_words(channels) } else { channels }
}

/// The scratch memory that the layers so far take.
#[derive(Default)]
struct Scratch {
    /// The largest end of a region, and the sum of all regions.
    end: usize,
    sum: usize,
    /// Where the rows of spatial layers begin and end: all else lies before them.
    #[cfg(feature = "conv")]
    rows: Option<Range<usize>>,
}

impl Scratch {
    fn add(&mut self, regions: &Regions, spatial: bool) -> Result<(), Fault> {
        let Regions {
            input,
            work,
            output,
        } = regions;
        if !(apart(input, work) && apart(input, output) && apart(work, output)) {
            return Err(Fault::Overlap);
        }
        #[cfg(feature = "conv")]
        {
            if spatial {
                let rows = self.rows.get_or_insert(input.start..input.start);
                if input.start < rows.end {
                    return Err(Fault::RowsOrder);
                }
                rows.end = input.end;
                self.count(input);
            }
            let begin = self.rows.as_ref().map_or(usize::MAX, |rows| rows.start);
            if work.end > begin || output.end > begin {
                return Err(Fault::RowsPlace);
            }
        }
        #[cfg(not(feature = "conv"))]
        let _ = spatial;
        self.count(work);
        self.count(output);
        Ok(())
    }

    fn count(&mut self, region: &Range<usize>) {
        self.sum = self.sum.saturating_add(region.len());
        self.end = self.end.max(region.end);
    }
}

fn apart(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.is_empty() || b.is_empty() || a.end <= b.start || b.end <= a.start
}

/// The first `n` numbers of `bytes`, in place, and the bytes after them.
fn numbers<T: bytemuck::Pod>(bytes: &[u8], n: usize) -> Result<(&[T], &[u8]), Fault> {
    let len = n.saturating_mul(size_of::<T>());
    let (numbers, rest) = bytes.split_at_checked(len).ok_or(Fault::Params)?;
    let numbers = bytemuck::try_cast_slice(numbers).map_err(|_| Fault::Params)?;
    Ok((numbers, rest))
}
