//! A checked model, read in place.

use core::ops::Range;

use super::container::Sections;
use super::error::ModelError;
use super::fault::Fault;
use super::format::{self, RECORD_BYTES, Record, u32_at};
use super::layer::{InputType, Layer, OutputType};
use super::plan::{Place, Regions};
use crate::shape::{mul, nonzero};

/// A checked model over borrowed bytes.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    bytes: &'a [u8],
    /// At least one record.
    pub(super) records: &'a [[u8; RECORD_BYTES]],
    pub(super) weights: &'a [u64],
    pub(super) params: &'a [u8],
    meta: &'a [u8],
    /// Convolutions and pools, which come first.
    pub(super) spatial: usize,
    pub(super) input_type: InputType,
    pub(super) output_type: OutputType,
    /// Numbers of a sample.
    pub(super) input_len: usize,
    pub(super) output_len: usize,
    pub(super) scratch_words_per_sample: usize,
}

/// A layer, and the words of scratch memory, per sample, that it reads, works in and writes.
#[derive(Clone, Debug)]
pub(super) struct Step<'a> {
    pub(super) layer: Layer<'a>,
    pub(super) regions: Regions,
}

impl<'a> Model<'a> {
    /// Checks `bytes`, which must be a whole model file and begin at a multiple of 8 (see
    /// [`include_model!`](crate::include_model) and `AlignedBytes`). Time is linear in the size.
    ///
    /// # Errors
    /// [`ModelError`], for anything but a file that the format allows.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ModelError> {
        let mut layer = 0;
        Self::check(bytes, &mut layer).map_err(|fault| fault.explain(bytes, layer))
    }

    /// The same; where a layer is at fault, `layer` is its number.
    fn check(bytes: &'a [u8], layer: &mut usize) -> Result<Self, Fault> {
        let sections = Sections::find(bytes)?;
        let (records, rest) = sections.layers.as_chunks::<RECORD_BYTES>();
        if records.is_empty() || !rest.is_empty() {
            return Err(Fault::Records);
        }
        let weights = match sections.weights {
            // Where there is no section: of no alignment either.
            [] => &[],
            bytes => bytemuck::try_cast_slice(bytes).map_err(|_| Fault::WeightWords)?,
        };
        let is_spatial = |record| Record::decode(record).is_spatial();
        let mut model = Self {
            bytes,
            records,
            weights,
            params: sections.params,
            meta: sections.meta,
            spatial: records.iter().take_while(|r| is_spatial(r)).count(),
            input_type: InputType::Bits,
            output_type: OutputType::Bits,
            input_len: 0,
            output_len: 0,
            scratch_words_per_sample: 0,
        };
        model.check_layers(layer)?;
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
        self.steps(0..self.len()).map(|step| step.layer)
    }

    /// Layers, and where each reads, works and writes.
    pub(super) fn steps(&self, range: Range<usize>) -> impl Iterator<Item = Step<'a>> + use<'a> {
        let model = *self;
        range.filter_map(move |index| model.step(index))
    }

    /// A layer, and where it reads, works and writes. `None`: there is no such layer.
    pub(super) fn step(&self, index: usize) -> Option<Step<'a>> {
        let record = Record::decode(self.records.get(index)?);
        Some(Step {
            layer: self.layer(index, &record).ok()?, // all was checked in `open`
            regions: Regions::new(&record, self.place(index)),
        })
    }

    /// Where a layer reads, works and writes.
    #[cfg(feature = "conv")]
    pub(super) fn regions(&self, index: usize) -> Option<Regions> {
        let record = Record::decode(self.records.get(index)?);
        Some(Regions::new(&record, self.place(index)))
    }

    /// What lies around a layer.
    pub(super) fn place(&self, index: usize) -> Place {
        Place::new(index, self.len(), self.spatial)
    }

    /// Elements per sample, and their type.
    #[must_use]
    pub fn input(&self) -> (usize, InputType) {
        (self.input_shape().iter().product(), self.input_type)
    }

    /// `[height, width, channels]` of a sample, whose elements are in this order (NHWC): an image, or a
    /// series whose time is the height. `[1, 1, inputs]` of a model of dense layers alone.
    #[must_use]
    pub fn input_shape(&self) -> [usize; 3] {
        // Every model has a first layer.
        self.step(0).map_or([0; 3], |step| step.layer.input_shape())
    }

    /// Numbers of an [`Input`](super::Input) per sample: bytes of unsigned integers; words of bits, of
    /// which every pixel starts on a word.
    #[must_use]
    pub fn input_len(&self) -> usize {
        self.input_len
    }

    /// Outputs per sample, and their type.
    #[must_use]
    pub fn output(&self) -> (usize, OutputType) {
        (self.output_shape().iter().product(), self.output_type)
    }

    /// `[height, width, channels]` of an output, whose elements are in this order. `[1, 1, outputs]` of a
    /// model that ends in dense layers.
    #[must_use]
    pub fn output_shape(&self) -> [usize; 3] {
        let last = self.step(self.len() - 1);
        last.map_or([0; 3], |step| step.layer.output_shape())
    }

    /// Numbers of an [`Output`](super::Output) per sample; of bits, words, of which every pixel starts on
    /// a word.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.output_len
    }

    /// Words of scratch memory for a run of `samples` samples: a multiple of what one needs, or just that
    /// where the model has convolutions or pools, whose samples run one by one.
    ///
    /// # Errors
    /// Zero samples, or so many that the size overflows.
    pub fn scratch_words(&self, samples: usize) -> Result<usize, ModelError> {
        nonzero("samples", samples)?;
        let together = if self.spatial > 0 { 1 } else { samples };
        Ok(mul(
            "words of scratch memory",
            together,
            self.scratch_words_per_sample,
        )?)
    }

    /// Words of the rows of the input that a row of windows of the first layer lies on, where that is a
    /// convolution or a pool.
    #[cfg(feature = "conv")]
    pub(super) fn first_rows(&self) -> usize {
        let record = self.records.first().map(Record::decode);
        let record = record.filter(|_| self.spatial > 0);
        record.map_or(0, |record| super::plan::needs(&record).input)
    }

    /// The text of the meta section: `key=value` lines that `bnn train` writes; empty if there is
    /// none, or it is not UTF-8.
    #[must_use]
    pub fn meta(&self) -> &'a str {
        core::str::from_utf8(self.meta).unwrap_or_default()
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
}
