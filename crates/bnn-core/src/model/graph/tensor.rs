//! Rows of a tensor, read and written.

use core::ops::Range;

use super::record::{NodeRecord, values};
use crate::model::io::{Input, Output};

/// Consecutive rows of a tensor.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Rows<'r> {
    pub(in crate::model) numbers: RowNumbers<'r>,
    /// The number of the first row; of rows without an end, it may lie before 0, modulo the size of
    /// memory.
    pub(in crate::model) first: usize,
    /// Numbers from row to row.
    pub(in crate::model) stride: usize,
    /// Numbers of a row.
    pub(in crate::model) len: usize,
}

/// Numbers of a tensor: words of bits, else elements.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) enum RowNumbers<'r> {
    Bits(&'r [u64]),
    Bytes(&'r [u8]),
    Fixed(&'r [i16]),
    Real(&'r [f32]),
}

/// A row that is being written.
#[derive(Debug)]
pub(in crate::model) enum RowMut<'r> {
    Bits(&'r mut [u64]),
    Fixed(&'r mut [i16]),
    Real(&'r mut [f32]),
    Integer(&'r mut [i32]),
}

impl<'r> RowNumbers<'r> {
    pub(super) fn part(self, range: Range<usize>) -> Self {
        match self {
            RowNumbers::Bits(x) => RowNumbers::Bits(x.get(range).unwrap_or_default()),
            RowNumbers::Bytes(x) => RowNumbers::Bytes(x.get(range).unwrap_or_default()),
            RowNumbers::Fixed(x) => RowNumbers::Fixed(x.get(range).unwrap_or_default()),
            RowNumbers::Real(x) => RowNumbers::Real(x.get(range).unwrap_or_default()),
        }
    }

    /// The rows of a buffer.
    pub(in crate::model) fn of(node: &NodeRecord, words: &'r [u64]) -> Self {
        match node.values {
            values::BITS => RowNumbers::Bits(words),
            values::FIXED => RowNumbers::Fixed(bytemuck::cast_slice(words)),
            values::REAL => RowNumbers::Real(bytemuck::cast_slice(words)),
            _ => RowNumbers::Bytes(bytemuck::cast_slice(words)),
        }
    }
}

impl<'r> Rows<'r> {
    /// The rows in a node's buffer, of which row `first` is the first.
    pub(in crate::model) fn buffered(node: &NodeRecord, words: &'r [u64], first: usize) -> Self {
        Self {
            numbers: RowNumbers::of(node, words),
            first,
            stride: node.row_stride(),
            len: node.row_len(),
        }
    }

    /// A model's input, whole, as the caller has it.
    pub(in crate::model) fn given(node: &NodeRecord, input: Input<'r>) -> Self {
        Self {
            numbers: match input {
                Input::Bits(x) => RowNumbers::Bits(x),
                Input::Bytes(x) => RowNumbers::Bytes(x),
            },
            first: 0,
            stride: node.row_len(),
            len: node.row_len(),
        }
    }

    /// Row `y`.
    pub(in crate::model) fn row(&self, y: usize) -> RowNumbers<'r> {
        let at = y.wrapping_sub(self.first).saturating_mul(self.stride);
        self.numbers.part(at..at.saturating_add(self.len))
    }

    /// The rows `range`, where they are without gaps.
    pub(in crate::model) fn span(&self, range: Range<usize>) -> RowNumbers<'r> {
        let [start, end] = [range.start, range.end]
            .map(|y| y.wrapping_sub(self.first).saturating_mul(self.stride));
        self.numbers.part(start..end)
    }
}

impl<'r> RowMut<'r> {
    /// Words of a buffer, as a row of a node.
    pub(in crate::model) fn of(node: &NodeRecord, words: &'r mut [u64]) -> Self {
        let len = node.row_len();
        match node.values {
            values::BITS => RowMut::Bits(words.get_mut(..len).unwrap_or_default()),
            values::FIXED => RowMut::Fixed(
                bytemuck::cast_slice_mut(words)
                    .get_mut(..len)
                    .unwrap_or_default(),
            ),
            values::INTEGER => RowMut::Integer(
                bytemuck::cast_slice_mut(words)
                    .get_mut(..len)
                    .unwrap_or_default(),
            ),
            _ => RowMut::Real(
                bytemuck::cast_slice_mut(words)
                    .get_mut(..len)
                    .unwrap_or_default(),
            ),
        }
    }

    /// Row `y` of a model's output.
    pub(in crate::model) fn given(node: &NodeRecord, output: Output<'r>, y: usize) -> Self {
        let len = node.row_len();
        let range = y * len..(y + 1) * len;
        match output {
            Output::Bits(x) => RowMut::Bits(x.get_mut(range).unwrap_or_default()),
            Output::I32(x) => RowMut::Integer(x.get_mut(range).unwrap_or_default()),
            Output::F32(x) => RowMut::Real(x.get_mut(range).unwrap_or_default()),
        }
    }
}
