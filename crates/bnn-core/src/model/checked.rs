//! What the checks of chains and of graphs find, and what they share.

use super::format::{RECORD_BYTES, Shape};
use super::layer::OutputType;
use crate::shape::last_word_mask;

/// A file that has been checked: its parts, and what is known of the whole.
pub(super) struct Checked<'a> {
    /// At least one record.
    pub(super) records: &'a [[u8; RECORD_BYTES]],
    /// The weights, whole words.
    pub(super) weights: &'a [u8],
    pub(super) params: &'a [u8],
    /// Convolutions and pools, which come first.
    pub(super) spatial: u32,
    /// Whether the records are nodes.
    pub(super) is_graph: bool,
    /// Whether the window of a graph slides.
    pub(super) slides: bool,
    /// The input's type as the first layer's record has it.
    pub(super) input_code: u8,
    pub(super) input_shape: Shape,
    pub(super) output_type: OutputType,
    pub(super) output_shape: Shape,
    pub(super) scratch_words: usize,
}

/// Whether the bits after the first `k` of each row are zero.
pub(super) const fn tails_are_zero(weights: &[u8], row_bytes: usize, k: usize) -> bool {
    let mut rows = weights;
    let mut union = 0;
    while let Some((row, after)) = rows.split_at_checked(row_bytes) {
        let Some(last) = row.last_chunk() else {
            return true; // rows of nothing
        };
        union |= u64::from_le_bytes(*last);
        rows = after;
    }
    union & !last_word_mask(k) == 0
}
