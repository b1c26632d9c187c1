//! Writes model files.

mod file;
mod placing;

use alloc::vec::Vec;

use super::error::ModelError;
use super::fault::Fault;
use super::format::{self, Record, WindowRecord, epilogue, input, kind, pad};
use super::layer::{Epilogue, InputType, OutputType};
use super::owned_bytes::AlignedBytes;
use super::reader::Model;
use crate::bits::BitMatrixView;
use crate::conv::{Conv2d, PadValue, Pool2d};
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::planes::depth_fits;
use crate::shape::{equal, nonzero, sum_fits};
pub(super) use file::{pad_to, small, write};

/// Writes a model file, layer by layer from the input to the output.
#[derive(Clone, Debug)]
pub struct ModelWriter {
    input: InputType,
    /// The thresholds of [`InputType::Thresholds`]; else empty.
    thresholds: Vec<u8>,
    records: Vec<Record>,
    /// The type of the last layer's output, and its `[height, width, channels]`.
    output: Option<(OutputType, [usize; 3])>,
    weights: Vec<u8>,
    params: Vec<u8>,
    meta: Vec<u8>,
}

impl ModelWriter {
    /// A model without layers, for inputs of the given type. (Of [`InputType::Thresholds`] there
    /// are none so, which no layer fits: see [`ModelWriter::with_thresholds`].)
    #[must_use]
    pub fn new(input: InputType) -> Self {
        Self {
            input,
            thresholds: Vec::new(),
            records: Vec::new(),
            output: None,
            weights: Vec::new(),
            params: Vec::new(),
            meta: Vec::new(),
        }
    }

    /// A model without layers, for inputs of bytes that become +1 where they reach the threshold of
    /// their channel: one for each channel of the first layer's image, or for each of its inputs if
    /// it is dense.
    #[must_use]
    pub fn with_thresholds(thresholds: &[u8]) -> Self {
        Self {
            thresholds: thresholds.to_vec(),
            ..Self::new(InputType::Thresholds)
        }
    }

    /// Adds text for people and tools, by convention `key=value` lines.
    #[must_use]
    pub fn meta(mut self, text: &str) -> Self {
        self.meta = text.as_bytes().to_vec();
        self
    }

    /// Appends a fully connected layer with weights `[outputs, inputs]`. After a convolution or a
    /// pool its input must be one pixel; to flatten a larger image, add a convolution whose kernel
    /// covers the whole image. Thresholds that no sum reaches, or that every sum does, are moved to
    /// the nearest such value; they are stored in 16 bits each if they all fit.
    ///
    /// # Errors
    /// Where the layer does not fit the one before, its parameters do not fit its weights, or a sum
    /// could leave `i32`. The writer is then as before.
    pub fn dense(
        &mut self,
        weights: BitMatrixView<'_>,
        epilogue: Epilogue<'_>,
    ) -> Result<(), ModelError> {
        let (n, k) = (weights.rows(), weights.cols());
        let input = self.input([1, 1, k], k)?;
        let record = self.record(kind::DENSE, input, k, n)?;
        self.product(record, weights, epilogue, k * input.most(), [1, 1, n])
    }

    /// Appends a convolution with filters `[outputs, patch_len]`, in the first layers of a model:
    /// no dense layer is before it. Thresholds as in [`ModelWriter::dense`].
    ///
    /// # Errors
    /// Those of [`ModelWriter::dense`]. What the format cannot hold: a side of more than 65535
    /// pixels, a kernel, a stride, a dilation or padding of more than 255, more than 65535 groups;
    /// padding as large as the (dilated) kernel; outputs with more rows or columns than their
    /// image; `-1` or `+1` around integers.
    pub fn conv2d(
        &mut self,
        conv: &Conv2d,
        filters: BitMatrixView<'_>,
        epilogue: Epilogue<'_>,
    ) -> Result<(), ModelError> {
        let (n, k, [height, width]) = (
            conv.outputs(),
            conv.patch_len(),
            conv.windows().input_size(),
        );
        equal("filters", n, filters.rows())?;
        equal("elements of a filter", k, filters.cols())?;
        let input = self.input([height, width, conv.channels()], k)?;
        self.check_spatial(conv.windows().is_moderate())?;
        if matches!(input, InputType::Unsigned { .. }) && conv.pad_value() != PadValue::Zero {
            return Err(self.refusal("zeros around images of integers"));
        }
        let mut record = self.record(kind::CONV2D, input, conv.channels(), n)?;
        record.pad = match conv.pad_value() {
            PadValue::Zero => pad::ZERO,
            PadValue::MinusOne => pad::MINUS_ONE,
            PadValue::PlusOne => pad::PLUS_ONE,
        };
        record.window = WindowRecord {
            image: sides(conv.windows().input_size())?,
            kernel: pair("kernel of a convolution", conv.windows().kernel())?,
            stride: pair("stride of a convolution", conv.windows().stride())?,
            padding: padding(
                conv.windows().padding_before(),
                conv.windows().padding_after(),
            )?,
            dilation: pair("dilation of a convolution", conv.windows().dilation())?,
            groups: small("groups of a convolution", conv.groups())?,
        };
        let [height, width] = conv.windows().output_size();
        self.product(
            record,
            filters,
            epilogue,
            k * input.most(),
            [height, width, n],
        )
    }

    /// Appends a max pool from bits to bits, in the first layers of a model as
    /// [`ModelWriter::conv2d`].
    ///
    /// # Errors
    /// Those of [`ModelWriter::conv2d`].
    pub fn max_pool2d(&mut self, pool: &Pool2d) -> Result<(), ModelError> {
        let ([height, width], channels) = (pool.windows().input_size(), pool.channels());
        let input = self.input([height, width, channels], 1)?;
        if input != InputType::Bits {
            return Err(self.refusal("a pool of bits, not of bytes"));
        }
        self.check_spatial(pool.windows().is_moderate())?;
        let record = self.record(kind::MAX_POOL2D, input, channels, channels)?;
        let window = WindowRecord {
            image: sides(pool.windows().input_size())?,
            kernel: pair("kernel of a pool", pool.windows().kernel())?,
            stride: pair("stride of a pool", pool.windows().stride())?,
            padding: padding(
                pool.windows().padding_before(),
                pool.windows().padding_after(),
            )?,
            dilation: [1, 1],
            groups: 1,
        };
        self.records.push(Record { window, ..record });
        let [height, width] = pool.windows().output_size();
        self.output = Some((OutputType::Bits, [height, width, channels]));
        Ok(())
    }

    /// The type of the input of a layer that takes `shape`, with sums of `k` products.
    fn input(&self, shape: [usize; 3], k: usize) -> Result<InputType, ModelError> {
        let Some((output, [height, width, channels])) = self.output else {
            match self.input {
                InputType::Bits => {}
                InputType::Unsigned { depth } => depth_fits(depth.into())?,
                InputType::Thresholds => {
                    equal("thresholds of the input", shape[2], self.thresholds.len())?;
                }
            }
            sum_fits(k, self.input.most())?;
            return Ok(self.input);
        };
        equal("rows of the layer's input", height, shape[0])?;
        equal("columns of the layer's input", width, shape[1])?;
        equal("inputs of the layer", channels, shape[2])?;
        if output != OutputType::Bits {
            return Err(self.refusal("a layer before it that gives out bits"));
        }
        Ok(InputType::Bits)
    }

    fn check_spatial(&self, is_moderate: bool) -> Result<(), ModelError> {
        if !self.records.iter().all(Record::is_spatial) {
            return Err(self.refusal("convolutions and pools before dense layers"));
        }
        match is_moderate {
            true => Ok(()),
            false => Err(self.refusal(Fault::Moderate.expected())),
        }
    }

    /// Why the layer that is being added is refused.
    fn refusal(&self, expected: &'static str) -> ModelError {
        let index = self.records.len();
        ModelError::Layer { index, expected }
    }

    fn record(&self, kind: u8, takes: InputType, k: usize, n: usize) -> Result<Record, Error> {
        Ok(Record {
            kind,
            input: match takes {
                InputType::Bits => input::BITS,
                InputType::Unsigned { depth } => depth,
                InputType::Thresholds => input::THRESHOLDS,
            },
            inputs: small("inputs", k)?,
            outputs: small("outputs", n)?,
            weights_at: small("bytes of weights", self.weights.len())?,
            params_at: small("bytes of parameters", self.params.len())?,
            ..Record::default()
        })
    }

    /// Adds a layer of weights, whose sums are at most `most`, with its epilogue.
    fn product(
        &mut self,
        mut record: Record,
        weights: BitMatrixView<'_>,
        epilogue: Epilogue<'_>,
        most: usize,
        output: [usize; 3],
    ) -> Result<(), ModelError> {
        let n = weights.rows();
        let mut params: Vec<u8> = Vec::new();
        if record.input == input::THRESHOLDS {
            params.extend(&self.thresholds);
            pad_to(&mut params, 4);
        }
        let output_type = match epilogue {
            Epilogue::Sums => {
                record.epilogue = epilogue::SUMS;
                OutputType::I32
            }
            Epilogue::Affine { scale, bias } => {
                equal("scales", n, scale.len())?;
                equal("biases", n, bias.len())?;
                record.epilogue = epilogue::AFFINE_F32;
                params.extend(scale.iter().chain(bias).flat_map(|x| x.to_le_bytes()));
                OutputType::F32
            }
            Epilogue::Threshold(thresholds) => {
                equal("thresholds", n, thresholds.len())?;
                let most = most as i32; // checked by `sum_fits`
                record.epilogue = write_thresholds(thresholds, most, &mut params);
                OutputType::Bits
            }
        };
        pad_to(&mut params, 4);
        self.params.append(&mut params);
        self.weights
            .extend(weights.words().iter().flat_map(|w| w.to_le_bytes()));
        self.output = Some((output_type, output));
        self.records.push(record);
        Ok(())
    }

    /// The whole file. It is opened once, so that every file written can be read.
    ///
    /// # Errors
    /// No layers, or a file of 4 GiB or more.
    pub fn finish(mut self) -> Result<Vec<u8>, ModelError> {
        nonzero("layers", self.records.len())?;
        placing::place(&mut self.records)?;
        let records: Vec<u8> = self.records.iter().flat_map(Record::encode).collect();
        let sections = [
            (format::LAYERS, records),
            (format::WEIGHTS, self.weights),
            (format::PARAMS, self.params),
            (format::META, self.meta),
        ];
        let file = write(format::MAJOR, &sections)?;
        Model::open(&AlignedBytes::from(file.as_slice()))?;
        Ok(file)
    }
}

/// Writes thresholds of sums of at most `most`, in 16 bits where they fit; returns which epilogue
/// that is.
fn write_thresholds(thresholds: Thresholds<'_>, most: i32, params: &mut Vec<u8>) -> u8 {
    let clamp = |t: i32| t.clamp(-most, most.saturating_add(1));
    let thresholds: Vec<i32> = match thresholds {
        Thresholds::I16(t) => t.iter().map(|&t| clamp(t.into())).collect(),
        Thresholds::I32(t) => t.iter().map(|&t| clamp(t)).collect(),
    };
    let narrow: Result<Vec<i16>, _> = thresholds.iter().map(|&t| t.try_into()).collect();
    if let Ok(narrow) = narrow {
        params.extend(narrow.iter().flat_map(|t| t.to_le_bytes()));
        epilogue::THRESHOLD_I16
    } else {
        params.extend(thresholds.iter().flat_map(|t| t.to_le_bytes()));
        epilogue::THRESHOLD_I32
    }
}

pub(super) fn sides([height, width]: [usize; 2]) -> Result<[u16; 2], Error> {
    Ok([small("image height", height)?, small("image width", width)?])
}

pub(super) fn pair(what: &'static str, [y, x]: [usize; 2]) -> Result<[u8; 2], Error> {
    Ok([small(what, y)?, small(what, x)?])
}

pub(super) fn padding(before: [usize; 2], after: [usize; 2]) -> Result<[u8; 4], Error> {
    let ([top, left], [bottom, right]) = (pair(PADDING, before)?, pair(PADDING, after)?);
    Ok([top, bottom, left, right])
}

const PADDING: &str = "pixels of padding";
