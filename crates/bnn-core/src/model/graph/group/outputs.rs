//! The tensors that a group writes, a row of numbers for each pixel, and how they are cut for
//! several threads.

use alloc::vec::Vec;

use super::super::record::NodeRecord;
use super::super::whole::RowsMut;
use crate::shape::{WORD, positive, row_words};

/// Tensors that a group writes at most.
pub(in super::super) const MOST_OUTPUTS: usize = 4;

/// The tensors that a group writes, or the part of a thread.
#[derive(Debug, Default)]
pub(in super::super) struct GroupOutputs<'o> {
    pub(in super::super) tensors: [PixelRows<'o>; MOST_OUTPUTS],
    /// The pixel of the batch at which they begin.
    pub(super) first: usize,
}

/// A row of numbers for each pixel.
#[derive(Debug, Default)]
pub(in super::super) enum PixelRows<'o> {
    #[default]
    None,
    Bits(Cut<'o, u64>),
    Fixed(Cut<'o, i16>),
    Real(Cut<'o, f32>),
    Integer(Cut<'o, i32>),
}

/// Rows of consecutive pixels.
#[derive(Debug)]
pub(in super::super) enum Cut<'o, T> {
    Whole {
        x: &'o mut [T],
        stride: usize,
    },
    /// Some columns of each.
    Pieces(Vec<&'o mut [T]>),
}

impl<'o> PixelRows<'o> {
    /// The rows of `pixels` pixels of a node's tensor.
    pub(in super::super) fn new(node: &NodeRecord, pixels: usize, rows: RowsMut<'o>) -> Self {
        let n = node.channels as usize;
        match rows {
            RowsMut::Bits(x) => Self::Bits(Cut::whole(x, pixels, row_words(n))),
            RowsMut::Fixed(x) => Self::Fixed(Cut::whole(x, pixels, n)),
            RowsMut::Real(x) => Self::Real(Cut::whole(x, pixels, n)),
            RowsMut::Integer(x) => Self::Integer(Cut::whole(x, pixels, n)),
        }
    }

    fn by_samples(self, each: usize) -> Vec<Self> {
        match self {
            Self::None => Vec::new(),
            Self::Bits(rows) => rows.by_samples(each, Self::Bits),
            Self::Fixed(rows) => rows.by_samples(each, Self::Fixed),
            Self::Real(rows) => rows.by_samples(each, Self::Real),
            Self::Integer(rows) => rows.by_samples(each, Self::Integer),
        }
    }

    fn by_columns(self, each: usize) -> Vec<Self> {
        match self {
            Self::None => Vec::new(),
            Self::Bits(rows) => rows.by_columns(each / WORD, Self::Bits),
            Self::Fixed(rows) => rows.by_columns(each, Self::Fixed),
            Self::Real(rows) => rows.by_columns(each, Self::Real),
            Self::Integer(rows) => rows.by_columns(each, Self::Integer),
        }
    }
}

impl<'o, T> Cut<'o, T> {
    fn whole(x: &'o mut [T], pixels: usize, stride: usize) -> Self {
        let stride = positive(stride);
        let x = x.get_mut(..pixels * stride).unwrap_or_default();
        Self::Whole { x, stride }
    }

    fn by_samples<R>(self, each: usize, rows: impl Fn(Self) -> R) -> Vec<R> {
        match self {
            Self::Whole { x, stride } => {
                let parts = x.chunks_mut(positive(each.saturating_mul(stride)));
                parts.map(|x| rows(Self::Whole { x, stride })).collect()
            }
            Self::Pieces(_) => Vec::new(), // what is whole is cut once
        }
    }

    fn by_columns<R>(self, each: usize, rows: impl Fn(Self) -> R) -> Vec<R> {
        let mut parts: Vec<Vec<&'o mut [T]>> = Vec::new();
        if let Self::Whole { x, stride } = self {
            parts.resize_with(stride.div_ceil(positive(each)), Vec::new);
            for row in x.chunks_exact_mut(stride) {
                for (part, piece) in parts.iter_mut().zip(row.chunks_mut(positive(each))) {
                    part.push(piece);
                }
            }
        }
        let parts = parts.into_iter();
        parts.map(|pieces| rows(Self::Pieces(pieces))).collect()
    }

    /// Calls `write` with the rows of pixels from `first` on and what `values` has for each.
    #[inline(always)]
    pub(super) fn write<V>(
        &mut self,
        first: usize,
        values: impl Iterator<Item = V>,
        mut write: impl FnMut(&mut [T], V),
    ) {
        match self {
            Self::Whole { x, stride } => {
                let x = x.get_mut(first * *stride..).unwrap_or_default();
                for (row, value) in x.chunks_exact_mut(*stride).zip(values) {
                    write(row, value);
                }
            }
            Self::Pieces(rows) => {
                let rows = rows.get_mut(first..).unwrap_or_default();
                for (row, value) in rows.iter_mut().zip(values) {
                    write(row, value);
                }
            }
        }
    }
}

impl<'o> GroupOutputs<'o> {
    /// The parts of `each` pixels.
    pub(super) fn by_samples(self, each: usize) -> Vec<Self> {
        self.cut(each, |rows| rows.by_samples(each))
    }

    /// The parts of `each` channels.
    pub(super) fn by_columns(self, each: usize) -> Vec<Self> {
        self.cut(0, |rows| rows.by_columns(each))
    }

    /// Cuts all tensors alike; each part begins `step` pixels after the one before.
    fn cut(self, step: usize, cut: impl Fn(PixelRows<'o>) -> Vec<PixelRows<'o>>) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        for (slot, rows) in self.tensors.into_iter().enumerate() {
            for (i, rows) in cut(rows).into_iter().enumerate() {
                if parts.len() == i {
                    parts.push(Self {
                        first: self.first + i * step,
                        ..Self::default()
                    });
                }
                let part = parts.get_mut(i);
                if let Some(place) = part.and_then(|part| part.tensors.get_mut(slot)) {
                    *place = rows;
                }
            }
        }
        parts
    }
}
