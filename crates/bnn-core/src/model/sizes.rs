//! What memory a run of a model takes, known when compiling.

use super::format::{self, RECORD_BYTES, Record, ending, kind};
use super::plan::{self, Place};
use crate::shape::row_words;

/// The sizes of a run of one sample. In a constant they are known when compiling, so that a program which
/// embeds its model has arrays of the right size: `const SIZES: Sizes = Sizes::of(MODEL).unwrap();` behind
/// `static MODEL: &[u8] = include_model!("digits.bnn");`, and `[0_u64; SIZES.scratch_words]`.
///
/// ```
/// use bnn_core::BitMatrixView;
/// use bnn_core::model::{Ending, InputType, ModelWriter, Sizes};
///
/// # fn main() -> Result<(), bnn_core::model::ModelError> {
/// let mut writer = ModelWriter::new(InputType::Unsigned { depth: 8 });
/// writer.dense(BitMatrixView::new(&[5, 2, 7], 3, 3)?, Ending::Sums)?;
/// let sizes = Sizes::of(&writer.finish()?).unwrap();
/// assert_eq!((sizes.inputs, sizes.outputs), (3, 3));
/// assert_eq!(sizes.scratch_words, 9); // a row of zeros and eight bit planes
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sizes {
    /// Elements of the input, as [`Model::input`](super::Model::input) tells.
    pub inputs: usize,
    /// Words or bytes of the input, as [`Model::input_len`](super::Model::input_len) tells.
    pub input_len: usize,
    /// Outputs, as [`Model::output`](super::Model::output) tells.
    pub outputs: usize,
    /// Words or numbers of the output, as [`Model::output_len`](super::Model::output_len) tells.
    pub output_len: usize,
    /// Words of scratch memory, as [`Model::scratch_words`](super::Model::scratch_words) tells of one sample.
    pub scratch_words: usize,
    /// Words of memory of a [`Stream`](super::Stream), as [`Stream::words`](super::Stream::words) tells of a
    /// model that has one.
    pub stream_words: usize,
}

impl Sizes {
    /// Reads the sizes of a model file: in a constant, when compiling. They are those of the model, if
    /// [`Model::open`](super::Model::open) takes the file; checking that it does is left to it.
    ///
    /// `None` where the bytes are not a model file, or their layers not such as this version knows.
    #[must_use]
    pub const fn of(file: &[u8]) -> Option<Self> {
        let Some((at, len)) = layer_section(file) else {
            return None;
        };
        let (records, _) = file
            .split_at(at)
            .1
            .split_at(len)
            .0
            .as_chunks::<RECORD_BYTES>();
        let Some(first) = record(records, 0) else {
            return None;
        };
        let mut sizes = Self {
            inputs: elements(&first, first.inputs),
            input_len: match first.input_depth {
                0 => words(&first, first.inputs),
                _ => elements(&first, first.inputs),
            },
            outputs: 0,
            output_len: 0,
            scratch_words: 0,
            stream_words: 0,
        };
        let mut index = 0;
        while let Some(layer) = record(records, index) {
            let next = record(records, index + 1);
            let place = Place {
                first: index == 0,
                last: next.is_none(),
                before_spatial: matches!(&next, Some(next) if next.is_spatial()),
            };
            let needs = plan::regional(&layer, place);
            sizes.reach(layer.input_at, needs.input);
            sizes.reach(layer.work_at, needs.work);
            sizes.reach(layer.output_at, needs.output);
            if next.is_none() {
                let out = output_image(&layer);
                sizes.outputs = elements(&out, layer.outputs);
                sizes.output_len = match layer.ending {
                    ending::SUMS | ending::AFFINE_F32 if layer.kind != kind::MAX_POOL2D => {
                        sizes.outputs
                    }
                    _ => words(&out, layer.outputs),
                };
            }
            index += 1;
        }
        if index != records.len() {
            return None;
        }
        sizes.stream_words = sizes
            .scratch_words
            .saturating_add(plan::needs(&first).input);
        Some(sizes)
    }

    const fn reach(&mut self, at: u32, words: usize) {
        let end = (at as usize).saturating_add(words);
        if words > 0 && end > self.scratch_words {
            self.scratch_words = end;
        }
    }
}

/// A record of a kind that is known.
const fn record(records: &[[u8; RECORD_BYTES]], index: usize) -> Option<Record> {
    if index >= records.len() {
        return None;
    }
    let record = Record::decode(&records[index]);
    if record.kind == kind::DENSE || record.is_spatial() {
        Some(record)
    } else {
        None
    }
}

/// The layer with the image that it writes in the place of the one that it reads.
const fn output_image(record: &Record) -> Record {
    let mut out = *record;
    let window = &record.window;
    let mut axis = 0;
    while axis < 2 {
        let taps = (window.kernel[axis] as usize).saturating_sub(1);
        let dilation = if record.kind == kind::MAX_POOL2D {
            1
        } else {
            window.dilation[axis] as usize
        };
        let padding = window.padding[2 * axis] as usize + window.padding[2 * axis + 1] as usize;
        let room = (window.image[axis] as usize + padding).saturating_sub(taps * dilation + 1);
        let stride = if window.stride[axis] == 0 {
            1
        } else {
            window.stride[axis] as usize
        };
        // No larger than the image, of which `Model::open` makes sure.
        out.window.image[axis] = (room / stride + 1) as u16;
        axis += 1;
    }
    out
}

/// Elements of an image of so many channels.
const fn elements(record: &Record, channels: u32) -> usize {
    pixels(record).saturating_mul(channels as usize)
}

/// Words of an image of bits of so many channels.
const fn words(record: &Record, channels: u32) -> usize {
    pixels(record).saturating_mul(row_words(channels as usize))
}

const fn pixels(record: &Record) -> usize {
    match record.is_spatial() {
        true => record.window.image[0] as usize * record.window.image[1] as usize,
        false => 1,
    }
}

/// Where the layer records lie, and how many bytes of them; inside the file.
const fn layer_section(file: &[u8]) -> Option<(usize, usize)> {
    if file.len() < format::HEADER_BYTES {
        return None;
    }
    let mut i = 0;
    while i < format::MAGIC.len() {
        if file[i] != format::MAGIC[i] {
            return None;
        }
        i += 1;
    }
    let Some(count) = number(file, format::AT_SECTIONS) else {
        return None;
    };
    let mut entry = format::HEADER_BYTES;
    let mut i = 0;
    while i < count {
        let (Some(kind), Some(at), Some(len)) = (
            number(file, entry),
            number(file, entry + 4),
            number(file, entry + 8),
        ) else {
            return None;
        };
        if kind == u32::from_le_bytes(format::LAYERS) as usize {
            let inside = at <= file.len() && len <= file.len() - at;
            return if inside { Some((at, len)) } else { None };
        }
        entry += format::SECTION_BYTES;
        i += 1;
    }
    None
}

/// The `u32` at byte `at`, if it lies inside.
const fn number(bytes: &[u8], at: usize) -> Option<usize> {
    if at >= bytes.len() || bytes.len() - at < 4 {
        return None;
    }
    let number = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    Some(u32::from_le_bytes(number) as usize)
}
