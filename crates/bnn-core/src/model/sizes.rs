//! What memory a run of a model takes, known when compiling.

use super::format::{self, AT_LAYER, RECORD_BYTES};
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
    /// Outputs, as [`Model::output`](super::Model::output) tells.
    pub outputs: usize,
    /// Words of scratch memory, as [`Model::scratch_words`](super::Model::scratch_words) tells of one sample.
    pub scratch_words: usize,
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
        let count = len / RECORD_BYTES;
        let mut sizes = Self {
            inputs: 0,
            outputs: 0,
            scratch_words: 0,
        };
        let mut index = 0;
        while index < count {
            let record = at + index * RECORD_BYTES;
            let (Some(k), Some(n)) = (
                number(file, record + AT_LAYER.inputs),
                number(file, record + AT_LAYER.outputs),
            ) else {
                return None;
            };
            let (Some(work_at), Some(output_at)) = (
                number(file, record + AT_LAYER.work_at),
                number(file, record + AT_LAYER.output_at),
            ) else {
                return None;
            };
            if file[record] != format::KIND_DENSE {
                return None;
            }
            let work = match file[record + AT_LAYER.input_depth] {
                0 => 0,
                depth => (depth as usize + 1).saturating_mul(row_words(k)),
            };
            // The last layer writes to the caller's memory.
            let write = if index + 1 == count { 0 } else { row_words(n) };
            sizes.reach(work_at, work);
            sizes.reach(output_at, write);
            if index == 0 {
                sizes.inputs = k;
            }
            sizes.outputs = n;
            index += 1;
        }
        if count == 0 { None } else { Some(sizes) }
    }

    const fn reach(&mut self, at: usize, words: usize) {
        let end = at.saturating_add(words);
        if words > 0 && end > self.scratch_words {
            self.scratch_words = end;
        }
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
