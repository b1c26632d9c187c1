//! A checked model, read in place.

use super::bytes::Aligned;
use super::check::check;
use super::container::Sections;
use super::error::ModelError;
use super::format::{self, RECORD_BYTES, Record, Shape, epilogue, input, input_type, number};
use super::layer::{Epilogue, InputType, Layer, OutputType};
use super::plan::{Place, Regions};
use super::spatial::operation;
use crate::bits::BitMatrixView;
use crate::gemm::Thresholds;
use crate::shape::{mul, nonzero, row_words};

/// A checked model over borrowed bytes.
// The C ABI hands a model out as plain memory, every byte of which must be initialised. So the
// fields lie in the order of C, without padding, and none of them is a type with padding of its
// own.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    bytes: &'a [u8],
    /// At least one record.
    pub(super) records: &'a [[u8; RECORD_BYTES]],
    /// Whole words, at an address for words.
    pub(super) weights: &'a [u8],
    pub(super) params: &'a [u8],
    pub(super) scratch_words_per_sample: usize,
    pub(super) input_shape: Shape,
    pub(super) output_shape: Shape,
    /// Convolutions and pools, which come first.
    spatial: u32,
    /// The input's type as the first layer's record has it: an [`InputType`] may have padding.
    pub(super) input_code: u8,
    pub(super) output_type: OutputType,
    /// Whether the records are the nodes of a graph.
    is_graph: bool,
    /// Whether the window of a graph slides over rows without an end.
    pub(super) slides: bool,
}

const _: () =
    assert!(size_of::<Model<'_>>() == 4 * size_of::<&[u8]>() + size_of::<usize>() + 2 * 8 + 4 + 4);
const _: () = assert!(size_of::<Shape>() == 2 * 2 + 4 && size_of::<OutputType>() == 1);

/// The operands of a layer with weights, and the step that its sums go through.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerWeights<'a> {
    pub(super) input: InputType,
    /// The thresholds of [`InputType::Thresholds`]; else empty.
    pub(super) input_thresholds: &'a [u8],
    /// The weights, a row per output.
    pub(super) weights: BitMatrixView<'a>,
    pub(super) epilogue: Epilogue<'a>,
}

impl<'a> Model<'a> {
    /// Checks `bytes`, which must be a whole model file and begin at a multiple of 8 (see
    /// [`Aligned`] and `AlignedBytes`). Time is linear in the size.
    ///
    /// # Errors
    /// [`ModelError`], for anything but a file that the format allows.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ModelError> {
        if !bytes.as_ptr().addr().is_multiple_of(format::ALIGN) {
            return Err(ModelError::Alignment);
        }
        Self::explained(bytes)
    }

    /// Opens a file that is aligned by its type, in constants too: what
    /// [`include_model!`](crate::include_model) does.
    ///
    /// # Errors
    /// Those of [`Model::open`].
    #[doc(hidden)]
    pub const fn embedded(file: &'a Aligned<[u8]>) -> Result<Self, ModelError> {
        Self::explained(&file.0)
    }

    const fn explained(bytes: &'a [u8]) -> Result<Self, ModelError> {
        let mut layer = 0;
        match check(bytes, &mut layer) {
            Ok(checked) => Ok(Self {
                bytes,
                records: checked.records,
                weights: checked.weights,
                params: checked.params,
                scratch_words_per_sample: checked.scratch_words,
                input_shape: checked.input_shape,
                output_shape: checked.output_shape,
                spatial: checked.spatial,
                input_code: checked.input_code,
                output_type: checked.output_type,
                is_graph: checked.is_graph,
                slides: checked.slides,
            }),
            Err(fault) => Err(fault.explain(bytes, layer)),
        }
    }

    /// Reads what a convolution or a dense layer multiplies with: rows of `k` bits.
    // All was checked in `check`: neither a type is unknown nor a part of the file not there.
    pub(super) fn layer_weights(&self, record: &Record, k: usize) -> LayerWeights<'a> {
        let (n, at) = (record.outputs as usize, record.weights_at as usize);
        let weights: &[u64] = numbers(self.weights.get(at..), n * row_words(k));
        let params = self.params.get(record.params_at as usize..);
        let (thresholds, params) = params
            .and_then(|params| params.split_at_checked(record.input_params()))
            .unwrap_or_default();
        let epilogue = match record.epilogue {
            epilogue::AFFINE_F32 => Epilogue::Affine {
                scale: bytemuck::cast_slice(words(Some(params), n)),
                bias: bytemuck::cast_slice(words(params.get(n * size_of::<f32>()..), n)),
            },
            epilogue::THRESHOLD_I16 => {
                Epilogue::Threshold(Thresholds::I16(numbers(Some(params), n)))
            }
            epilogue::THRESHOLD_I32 => {
                let thresholds = bytemuck::cast_slice(words(Some(params), n));
                Epilogue::Threshold(Thresholds::I32(thresholds))
            }
            _ => Epilogue::Sums,
        };
        LayerWeights {
            input: record.input_type().unwrap_or(InputType::Bits),
            input_thresholds: thresholds.get(..record.inputs as usize).unwrap_or_default(),
            weights: BitMatrixView::unchecked(weights, n, k),
            epilogue,
        }
    }

    /// Reads a layer.
    fn layer(&self, record: &Record) -> Layer<'a> {
        let (kind, row) = operation(record);
        let own = row.map(|row| self.layer_weights(record, row));
        Layer {
            kind,
            input: own.map_or(InputType::Bits, |own| own.input),
            input_shape: record.input_shape().sizes(),
            input_thresholds: own.map_or(&[], |own| own.input_thresholds),
            weights: own.map(|own| own.weights),
            epilogue: own.map(|own| own.epilogue),
            output: record.output_type(),
            output_shape: record.output_shape().sizes(),
        }
    }

    /// The layers of a chain, from the input to the output. A graph has nodes instead.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = Layer<'a>> + use<'a> {
        let model = *self;
        let records: &[_] = if model.is_graph() { &[] } else { model.records };
        let records = records.iter().map(Record::decode);
        records.map(move |record| model.layer(&record))
    }

    /// Convolutions and pools, which come first.
    pub(super) const fn spatial(&self) -> usize {
        if format::CONV {
            self.spatial as usize
        } else {
            0
        }
    }

    /// Rows of the input from one window of a stream to the next, where the window slides: all
    /// vertical strides multiplied.
    pub(super) const fn step(&self) -> Option<usize> {
        match (self.is_graph(), self.slides) {
            (true, true) => Some(self.graph_step()),
            (true, false) => None,
            _ => self.chain_step(),
        }
    }

    /// Whether it is a graph, and not a chain of layers.
    pub(super) const fn is_graph(&self) -> bool {
        format::GRAPH && self.is_graph
    }

    /// A layer as the file has it. `None`: there is no such layer.
    pub(super) fn record(&self, index: usize) -> Option<Record> {
        self.records.get(index).map(Record::decode)
    }

    /// The ranges in which a layer reads, works and writes.
    pub(super) fn regions(&self, index: usize, record: &Record) -> Regions {
        Regions::new(record, self.place(index))
    }

    /// The neighbours of a layer.
    pub(super) const fn place(&self, index: usize) -> Place {
        Place::new(index, self.records.len(), self.spatial())
    }

    /// Elements per sample, and their type.
    #[must_use]
    pub const fn input(&self) -> (usize, InputType) {
        (numbers_of(self.input_shape(), false), self.input_type())
    }

    /// The type of the input's elements.
    pub(super) const fn input_type(&self) -> InputType {
        match input_type(self.input_code) {
            Some(input) => input,
            // Checked in `check`.
            None => InputType::Bits,
        }
    }

    /// `[height, width, channels]` of a sample, whose elements are in this order (NHWC): an image,
    /// or a series whose time is the height. `[1, 1, inputs]` of a model of dense layers alone.
    #[must_use]
    pub const fn input_shape(&self) -> [usize; 3] {
        self.input_shape.sizes()
    }

    /// Numbers of an input per sample; see [`Sizes`](super::Sizes).
    pub(crate) const fn input_len(&self) -> usize {
        numbers_of(self.input_shape(), self.input_code == input::BITS)
    }

    /// Outputs per sample, and their type.
    #[must_use]
    pub const fn output(&self) -> (usize, OutputType) {
        (numbers_of(self.output_shape(), false), self.output_type)
    }

    /// `[height, width, channels]` of an output, whose elements are in this order. `[1, 1,
    /// outputs]` of a model that ends in dense layers.
    #[must_use]
    pub const fn output_shape(&self) -> [usize; 3] {
        self.output_shape.sizes()
    }

    /// Numbers of an output per sample; see [`Sizes`](super::Sizes).
    pub(crate) const fn output_len(&self) -> usize {
        numbers_of(
            self.output_shape(),
            matches!(self.output_type, OutputType::Bits),
        )
    }

    /// Words of scratch memory for a run of `samples` samples: a multiple of what one needs, or
    /// just that where the model has convolutions or pools, whose samples run one by one.
    ///
    /// # Errors
    /// Zero samples, or so many that the size overflows.
    pub fn scratch_words(&self, samples: usize) -> Result<usize, ModelError> {
        nonzero("samples", samples)?;
        let one_by_one = self.spatial() > 0 || self.is_graph();
        let together = if one_by_one { 1 } else { samples };
        Ok(mul(
            "words of scratch memory",
            together,
            self.scratch_words_per_sample,
        )?)
    }

    /// Words of the rows of the input that a row of windows of the first layer lies on, where that
    /// is a convolution or a pool; of a graph, of the rows that its nodes need at once.
    pub(super) const fn first_rows(&self) -> usize {
        if self.is_graph() {
            return self.graph_first_rows();
        }
        match self.records {
            [first, ..] if self.spatial() > 0 => super::plan::needs(&Record::decode(first)).input,
            _ => 0,
        }
    }

    /// Operations of a run of one sample: those of all [layers](Layer::operations), or `u64::MAX`
    /// if there are more.
    ///
    /// The time of a run is proportional to them, whatever the file, and a file of a few bytes can
    /// ask for any number of them: look at this figure, at [`scratch_words`](Model::scratch_words)
    /// and at [`sizes`](Model::sizes) before you run a model that you do not trust.
    #[must_use]
    pub fn operations(&self) -> u64 {
        if self.is_graph() {
            return self.graph_operations();
        }
        let layers = self.layers().map(|layer| layer.operations());
        layers.fold(0, u64::saturating_add)
    }

    /// The text of the meta section: `key=value` lines that `bnn train` writes; empty if there is
    /// none, or it is not UTF-8.
    #[must_use]
    pub fn meta(&self) -> &'a str {
        let meta = Sections::listed(self.bytes).map_or([].as_slice(), |sections| sections.meta);
        core::str::from_utf8(meta).unwrap_or_default()
    }

    /// The file's checksum.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        number(self.bytes, format::AT_CRC)
    }

    /// The file that the model is read from.
    #[must_use]
    #[doc(hidden)]
    pub fn file(&self) -> &'a [u8] {
        self.bytes
    }

    /// The file's size in bytes.
    #[must_use]
    pub fn file_bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Numbers of an image: words of bits, else an element each.
pub(super) const fn numbers_of([height, width, channels]: [usize; 3], bits: bool) -> usize {
    height * width * if bits { row_words(channels) } else { channels }
}

/// The first `n` numbers of `bytes`, in place.
pub(super) fn numbers<T: bytemuck::Pod>(bytes: Option<&[u8]>, n: usize) -> &[T] {
    let bytes = bytes.and_then(|bytes| bytes.get(..n * size_of::<T>()));
    bytemuck::try_cast_slice(bytes.unwrap_or_default()).unwrap_or_default()
}

/// [`numbers`] of 32 bits, for all types of them.
#[inline(never)] // little code matters more
pub(super) fn words(bytes: Option<&[u8]>, n: usize) -> &[u32] {
    numbers(bytes, n)
}
