//! Tensors that are whole in memory, without gaps: those of hosts.

use core::ops::Range;

use super::record::{NodeRecord, kind, values};
use super::tensor::{RowMut, RowNumbers, Rows};
use crate::model::io::Output;

impl RowNumbers<'_> {
    fn len(self) -> usize {
        match self {
            RowNumbers::Bits(x) => x.len(),
            RowNumbers::Bytes(x) => x.len(),
            RowNumbers::Fixed(x) => x.len(),
            RowNumbers::Real(x) => x.len(),
        }
    }
}

impl<'r> Rows<'r> {
    /// The rows after the first `rows` ones, as rows of another image.
    pub(in crate::model) fn skip(&self, rows: usize) -> Self {
        let at = rows.saturating_mul(self.stride);
        Self {
            numbers: self.numbers.part(at..self.numbers.len()),
            ..*self
        }
    }

    /// Rows without gaps.
    pub(in crate::model) fn without_gaps(node: &NodeRecord, words: &'r [u64]) -> Self {
        Self {
            stride: node.row_len(),
            ..Self::buffered(node, words, 0)
        }
    }
}

/// Rows that are being written, without gaps.
#[derive(Debug)]
pub(in crate::model) enum RowsMut<'r> {
    Bits(&'r mut [u64]),
    Fixed(&'r mut [i16]),
    Real(&'r mut [f32]),
    Integer(&'r mut [i32]),
}

impl<'r> RowsMut<'r> {
    /// Words, as rows of a node.
    pub(in crate::model) fn of(node: &NodeRecord, words: &'r mut [u64]) -> Self {
        match node.values {
            values::BITS => RowsMut::Bits(words),
            values::FIXED => RowsMut::Fixed(bytemuck::cast_slice_mut(words)),
            values::INTEGER => RowsMut::Integer(bytemuck::cast_slice_mut(words)),
            _ => RowsMut::Real(bytemuck::cast_slice_mut(words)),
        }
    }

    /// A model's output.
    pub(in crate::model) fn given(output: Output<'r>) -> Self {
        match output {
            Output::Bits(x) => RowsMut::Bits(x),
            Output::I32(x) => RowsMut::Integer(x),
            Output::F32(x) => RowsMut::Real(x),
        }
    }

    /// The numbers in a range of elements.
    pub(in crate::model) fn part(&mut self, range: Range<usize>) -> RowMut<'_> {
        match self {
            RowsMut::Bits(x) => RowMut::Bits(x.get_mut(range).unwrap_or_default()),
            RowsMut::Fixed(x) => RowMut::Fixed(x.get_mut(range).unwrap_or_default()),
            RowsMut::Real(x) => RowMut::Real(x.get_mut(range).unwrap_or_default()),
            RowsMut::Integer(x) => RowMut::Integer(x.get_mut(range).unwrap_or_default()),
        }
    }
}

impl NodeRecord {
    /// Whether each of its rows comes from the row of the same number of each input.
    pub(in crate::model) const fn is_per_channel(&self) -> bool {
        !self.is_windowed() && !matches!(self.kind, kind::INPUT | kind::FLATTEN | kind::CROP)
    }
}
