//! Writes model files.

use alloc::vec;
use alloc::vec::Vec;

use super::bytes::AlignedBytes;
use super::crc::crc32;
use super::error::ModelError;
use super::format::{self, Record, ending};
use super::layer::{Ending, InputType, OutputType};
use super::reader::Model;
use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::planes::Planes;
use crate::shape::{equal, nonzero, row_words, sum_fits};

/// Puts a model file together, layer by layer from the input to the output.
#[derive(Clone, Debug)]
pub struct ModelWriter {
    input: InputType,
    records: Vec<Record>,
    /// What the layer added last gives out.
    output: Option<OutputType>,
    weights: Vec<u8>,
    params: Vec<u8>,
    meta: Vec<u8>,
}

impl ModelWriter {
    /// A model without layers, for inputs of the given type.
    #[must_use]
    pub fn new(input: InputType) -> Self {
        Self {
            input,
            records: Vec::new(),
            output: None,
            weights: Vec::new(),
            params: Vec::new(),
            meta: Vec::new(),
        }
    }

    /// Adds text for people and tools, by convention `key=value` lines.
    #[must_use]
    pub fn meta(mut self, text: &str) -> Self {
        self.meta = text.as_bytes().to_vec();
        self
    }

    /// Appends a fully connected layer with weights `[outputs, inputs]`. Thresholds that no sum
    /// reaches, or that every sum does, are moved to the nearest such value; they are stored in 16
    /// bits each if they all fit.
    ///
    /// # Errors
    /// Where the layer does not fit the one before, its parameters do not fit its weights, or a sum
    /// could leave `i32`. The writer is then as before.
    pub fn dense(
        &mut self,
        weights: BitMatrixView<'_>,
        ending: Ending<'_>,
    ) -> Result<(), ModelError> {
        let (n, k) = (weights.rows(), weights.cols());
        let input = match self.records.last() {
            None => self.input,
            Some(_) => InputType::Bits,
        };
        if let Some(before) = self.records.last() {
            equal("inputs of the layer", before.outputs as usize, k)?;
            if self.output != Some(OutputType::Bits) {
                return Err(ModelError::Layer {
                    index: self.records.len(),
                    expected: "a layer before it that gives out bits",
                });
            }
        }
        let input_depth = match input {
            InputType::Bits => 0,
            InputType::Unsigned { depth } => {
                Planes::words(1, k, usize::from(depth))?; // refuses a depth outside 1 to 8
                depth
            }
        };
        sum_fits(k, input.most())?;
        let mut record = Record {
            kind: format::KIND_DENSE,
            input_depth,
            inputs: small("inputs", k)?,
            outputs: small("outputs", n)?,
            weights_at: small("bytes of weights", self.weights.len())?,
            params_at: small("bytes of parameters", self.params.len())?,
            ..Record::default()
        };
        let mut params: Vec<u8> = Vec::new();
        match ending {
            Ending::Sums => record.ending = ending::SUMS,
            Ending::Affine { scale, bias } => {
                equal("scales", n, scale.len())?;
                equal("biases", n, bias.len())?;
                record.ending = ending::AFFINE_F32;
                params.extend(scale.iter().chain(bias).flat_map(|x| x.to_le_bytes()));
            }
            Ending::Threshold(thresholds) => {
                let most = (k * input.most()) as i32; // checked by `sum_fits`
                let clamp = |t: i32| t.clamp(-most, most.saturating_add(1));
                let thresholds: Vec<i32> = match thresholds {
                    Thresholds::I16(t) => t.iter().map(|&t| clamp(t.into())).collect(),
                    Thresholds::I32(t) => t.iter().map(|&t| clamp(t)).collect(),
                };
                equal("thresholds", n, thresholds.len())?;
                let narrow: Result<Vec<i16>, _> =
                    thresholds.iter().map(|&t| t.try_into()).collect();
                if let Ok(narrow) = narrow {
                    record.ending = ending::THRESHOLD_I16;
                    params.extend(narrow.iter().flat_map(|t| t.to_le_bytes()));
                } else {
                    record.ending = ending::THRESHOLD_I32;
                    params.extend(thresholds.iter().flat_map(|t| t.to_le_bytes()));
                }
            }
        }
        pad(&mut params, 4);
        self.params.append(&mut params);
        self.weights
            .extend(weights.words().iter().flat_map(|w| w.to_le_bytes()));
        self.output = Some(match ending {
            Ending::Sums => OutputType::I32,
            Ending::Affine { .. } => OutputType::F32,
            Ending::Threshold(_) => OutputType::Bits,
        });
        self.records.push(record);
        Ok(())
    }

    /// The whole file. It has been opened once, so that what is written can be read.
    ///
    /// # Errors
    /// No layers, or a file of 4 GiB or more.
    pub fn finish(mut self) -> Result<Vec<u8>, ModelError> {
        nonzero("layers", self.records.len())?;
        plan_scratch(&mut self.records)?;
        let records: Vec<u8> = self.records.iter().flat_map(Record::encode).collect();
        let sections = [
            (format::LAYERS, records),
            (format::WEIGHTS, self.weights),
            (format::PARAMS, self.params),
            (format::META, self.meta),
        ];
        let sections: Vec<_> = sections
            .into_iter()
            .filter(|(_, body)| !body.is_empty())
            .collect();

        let mut file = vec![0; format::HEADER_BYTES + sections.len() * format::SECTION_BYTES];
        for (i, (kind, body)) in sections.iter().enumerate() {
            pad(&mut file, format::ALIGN);
            let entry = format::HEADER_BYTES + i * format::SECTION_BYTES;
            let at = small("bytes of the file", file.len())?;
            let len = small("bytes of a section", body.len())?;
            put(&mut file, entry, kind);
            put(&mut file, entry + 4, &at.to_le_bytes());
            put(&mut file, entry + 8, &len.to_le_bytes());
            file.extend_from_slice(body);
        }
        let bytes = small("bytes of the file", file.len())?;
        let count = small("sections", sections.len())?;
        put(&mut file, 0, &format::MAGIC);
        put(&mut file, format::AT_MAJOR, &format::MAJOR.to_le_bytes());
        put(&mut file, format::AT_MINOR, &format::MINOR.to_le_bytes());
        put(&mut file, format::AT_FILE_BYTES, &bytes.to_le_bytes());
        put(&mut file, format::AT_SECTIONS, &count.to_le_bytes());
        let crc = crc32(&[&file[..format::AT_CRC], &file[format::AT_SECTIONS..]]);
        put(&mut file, format::AT_CRC, &crc.to_le_bytes());
        Model::open(AlignedBytes::from(file.as_slice()).bytes())?;
        Ok(file)
    }
}

/// Places each layer's regions so that the whole is as small as a chain of layers allows: outputs
/// lie in turn at the low and at the high end, and the largest layer sets the size.
fn plan_scratch(records: &mut [Record]) -> Result<(), Error> {
    let last = records.len() - 1;
    let sizes: Result<Vec<_>, Error> = records
        .iter()
        .enumerate()
        .map(|(i, record)| {
            let k = record.inputs as usize;
            let work = match record.input_depth {
                0 => 0,
                depth => Planes::words(1, k, usize::from(depth))?,
            };
            let read = if i == 0 { 0 } else { row_words(k) };
            let write = if i == last {
                0
            } else {
                row_words(record.outputs as usize)
            };
            Ok((read + work + write, work, write))
        })
        .collect();
    let sizes = sizes?;
    let total = sizes.iter().map(|&(all, ..)| all).max().unwrap_or(0);
    let mut input_at = 0;
    for (i, (record, (_, work, write))) in records.iter_mut().zip(sizes).enumerate() {
        let at = if i % 2 == 0 { 0 } else { total - write };
        record.input_at = small("words of scratch memory", input_at)?;
        record.output_at = small("words of scratch memory", at)?;
        // Only the first layer works on bit planes, and it reads the caller's memory.
        let work_at = if work == 0 { 0 } else { write };
        record.work_at = small("words of scratch memory", work_at)?;
        input_at = at;
    }
    Ok(())
}

fn small(what: &'static str, n: usize) -> Result<u32, Error> {
    u32::try_from(n).map_err(|_| Error::Overflow { what })
}

fn pad(bytes: &mut Vec<u8>, align: usize) {
    bytes.resize(bytes.len().next_multiple_of(align), 0);
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}
