//! Checks a model file, all of it, and then reads it in place.
//!
//! Whatever the bytes are, a [`Model`] that opens has: layers whose shapes fit each other, weights
//! and parameters inside the file that no other layer shares, with zero tail bits, sums that fit
//! `i32`, and a plan for the scratch memory in which no layer writes over what it reads. The runner
//! relies on that.

use core::ops::Range;

use super::container::{Sections, check_header};
use super::error::ModelError;
use super::format::{self, RECORD_BYTES, Record, ending, u32_at};
use super::layer::{Ending, InputType, Layer, OutputType};
use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::planes::{MAX_DEPTH, Planes};
use crate::shape::{matrix_words, mul, nonzero, row_words, sum_fits};

/// A checked model over borrowed bytes.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    bytes: &'a [u8],
    /// At least one record.
    records: &'a [[u8; RECORD_BYTES]],
    weights: &'a [u64],
    params: &'a [u8],
    meta: &'a str,
    input: (usize, InputType),
    output: (usize, OutputType),
    scratch_words_per_sample: usize,
}

/// The words of scratch memory, per sample, that a layer reads, works in and writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Regions {
    pub(super) input: Range<usize>,
    pub(super) work: Range<usize>,
    pub(super) output: Range<usize>,
}

impl<'a> Model<'a> {
    /// Checks `bytes`, which must be a whole model file and begin at a multiple of 8 (see
    /// [`include_model!`](crate::include_model) and `AlignedBytes`). Time is linear in the size.
    ///
    /// # Errors
    /// [`ModelError`], for anything but a file that the format allows.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ModelError> {
        check_header(bytes)?;
        let sections = Sections::find(bytes)?;
        let (records, rest) = sections.layers.as_chunks::<RECORD_BYTES>();
        if records.is_empty() || !rest.is_empty() {
            return Err(ModelError::Section {
                expected: "at least one layer record, and whole ones",
            });
        }
        let weights =
            bytemuck::try_cast_slice(sections.weights).map_err(|_| ModelError::Section {
                expected: "whole words in the weight section",
            })?;
        let meta = core::str::from_utf8(sections.meta).map_err(|_| ModelError::Section {
            expected: "UTF-8 text in the meta section",
        })?;
        let mut model = Self {
            bytes,
            records,
            weights,
            params: sections.params,
            meta,
            input: (0, InputType::Bits),
            output: (0, OutputType::Bits),
            scratch_words_per_sample: 0,
        };
        model.check_layers()?;
        Ok(model)
    }

    /// Number of layers, at least 1.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no layers: never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The layers, from the input to the output.
    pub fn layers(&self) -> impl Iterator<Item = Layer<'a>> + use<'a> {
        self.steps().map(|(layer, _)| layer)
    }

    /// The layers, and where each reads, works and writes.
    pub(super) fn steps(&self) -> impl Iterator<Item = (Layer<'a>, Regions)> + use<'a> {
        let model = *self;
        model
            .records
            .iter()
            .enumerate()
            .filter_map(move |(index, record)| {
                // All was checked in `open`, so that no layer is left out and no word read again.
                let trusted = |words, rows, cols| Ok(BitMatrixView::trusted(words, rows, cols));
                let record = Record::decode(record)?;
                let layer = model.layer(index, &record, trusted).ok()?;
                Some((layer, regions(&record).ok()?))
            })
    }

    /// Elements per sample, and their type.
    #[must_use]
    pub fn input(&self) -> (usize, InputType) {
        self.input
    }

    /// Outputs per sample, and their type.
    #[must_use]
    pub fn output(&self) -> (usize, OutputType) {
        self.output
    }

    /// Words of scratch memory for a run of `samples` samples: a multiple of what one needs.
    ///
    /// # Errors
    /// Zero samples, or so many that the size overflows.
    pub fn scratch_words(&self, samples: usize) -> Result<usize, ModelError> {
        nonzero("samples", samples)?;
        Ok(mul(
            "words of scratch memory",
            samples,
            self.scratch_words_per_sample,
        )?)
    }

    /// The text of the meta section: `key=value` lines that `bnn train` writes; empty if there is
    /// none.
    #[must_use]
    pub fn meta(&self) -> &'a str {
        self.meta
    }

    /// The file's checksum.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        u32_at(self.bytes, format::AT_CRC).unwrap_or_default()
    }

    /// The file's size in bytes.
    #[must_use]
    pub fn file_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Checks every layer, and that each fits the one before; computes the scratch size.
    fn check_layers(&mut self) -> Result<(), ModelError> {
        let mut previous: Option<(Layer<'_>, Regions)> = None;
        let mut sum_of_regions = 0_usize;
        let mut end = 0_usize;
        let (mut weights_end, mut params_end) = (0, 0);
        let last = self.records.len() - 1;
        for (index, record) in self.records.iter().enumerate() {
            let bad = |expected| ModelError::Layer { index, expected };
            let record = Record::decode(record).ok_or(bad("zero reserved bytes"))?;
            let layer = self.layer(index, &record, BitMatrixView::new)?;
            // Else many layers could share one piece of the file, and cost more than its size tells.
            let weights_at = record.weights_at as usize;
            let params_at = record.params_at as usize;
            if weights_at < weights_end || params_at < params_end {
                return Err(bad(
                    "weights and parameters behind those of the layer before",
                ));
            }
            weights_end = weights_at + size_of_val(layer.weights.words());
            params_end = params_at + layer.ending.bytes();
            let mut regions = regions(&record)?;
            match &previous {
                None => {
                    regions.input = 0..0; // the caller's memory
                    self.input = (layer.weights.cols(), layer.input);
                }
                Some((before, before_regions)) => {
                    if layer.input != InputType::Bits || before.output() != OutputType::Bits {
                        return Err(bad("bits between layers"));
                    }
                    if layer.weights.cols() != before.weights.rows() {
                        return Err(bad("as many inputs as the layer before has outputs"));
                    }
                    if regions.input != before_regions.output {
                        return Err(bad("to read where the layer before writes"));
                    }
                }
            }
            if index == last {
                regions.output = 0..0; // the caller's memory
            }
            if !disjoint(&regions) {
                return Err(bad("disjoint regions of scratch memory"));
            }
            for region in [&regions.work, &regions.output] {
                sum_of_regions = sum_of_regions.saturating_add(region.len());
                end = end.max(if region.is_empty() { 0 } else { region.end });
            }
            self.output = (layer.weights.rows(), layer.output());
            previous = Some((layer, regions));
        }
        // Else a small file could ask for any amount of memory.
        if end > sum_of_regions {
            return Err(ModelError::Layer {
                index: last,
                expected: "a scratch memory plan without waste",
            });
        }
        self.scratch_words_per_sample = end;
        Ok(())
    }

    /// Reads a layer and checks it, its tail bits if `view` does.
    fn layer(
        &self,
        index: usize,
        record: &Record,
        view: fn(&'a [u64], usize, usize) -> Result<BitMatrixView<'a>, Error>,
    ) -> Result<Layer<'a>, ModelError> {
        let bad = |expected| ModelError::Layer { index, expected };
        if record.kind != format::KIND_DENSE {
            return Err(bad("a layer kind that this version knows"));
        }
        let input = match record.input_depth {
            0 => InputType::Bits,
            depth if usize::from(depth) <= MAX_DEPTH => InputType::Unsigned { depth },
            _ => return Err(bad("at most 8 bits per input")),
        };
        let (n, k) = (record.outputs as usize, record.inputs as usize);
        sum_fits(k, input.most())?;
        let words = matrix_words(n, k)?;
        let at = record.weights_at as usize;
        let weights = self
            .weights
            .get(at / format::ALIGN..)
            .and_then(|w| w.get(..words));
        let weights = weights
            .filter(|_| at.is_multiple_of(format::ALIGN))
            .ok_or(bad("weights inside the weight section, on whole words"))?;
        let params = self
            .params
            .get(record.params_at as usize..)
            .unwrap_or_default();
        let short = bad("parameters inside the parameter section, aligned");
        let ending = match record.ending {
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
            _ => return Err(bad("an ending that this version knows")),
        };
        Ok(Layer {
            input,
            weights: view(weights, n, k)?,
            ending,
        })
    }
}

/// The first `n` numbers of `bytes`, in place, and the bytes after them.
fn numbers<T: bytemuck::Pod>(bytes: &[u8], n: usize) -> Option<(&[T], &[u8])> {
    let (numbers, rest) = bytes.split_at_checked(n.checked_mul(size_of::<T>())?)?;
    Some((bytemuck::try_cast_slice(numbers).ok()?, rest))
}

fn regions(record: &Record) -> Result<Regions, ModelError> {
    let (n, k, depth) = (
        record.outputs as usize,
        record.inputs as usize,
        record.input_depth,
    );
    let work = match depth {
        0 => 0,
        depth => Planes::words(1, k, usize::from(depth))?,
    };
    let region = |at: u32, words: usize| {
        let start = at as usize;
        let end = start.checked_add(words).ok_or(Error::Overflow {
            what: "a region of scratch memory",
        });
        end.map(|end| start..end)
    };
    Ok(Regions {
        input: region(record.input_at, row_words(k))?,
        work: region(record.work_at, work)?,
        output: region(record.output_at, row_words(n))?,
    })
}

fn disjoint(regions: &Regions) -> bool {
    let apart = |a: &Range<usize>, b: &Range<usize>| {
        a.is_empty() || b.is_empty() || a.end <= b.start || b.end <= a.start
    };
    apart(&regions.input, &regions.work)
        && apart(&regions.input, &regions.output)
        && apart(&regions.work, &regions.output)
}
