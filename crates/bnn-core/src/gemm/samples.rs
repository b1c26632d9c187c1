//! The left side of a product: samples of one row of packed words each, or of several, which are in
//! memory already or are written block by block.

use crate::bits::BitMatrixView;
use crate::planes::{Planes, most};
use crate::shape::row_words;

/// The left side of a product.
#[derive(Clone, Copy)]
pub(crate) struct Samples<'a> {
    pub(super) samples: usize,
    /// Elements per row.
    pub(super) cols: usize,
    /// `None`: a sample is a row of signs. Otherwise a sample is unsigned integers of this many
    /// bits: a row of zeros and a row per bit plane (see [`Planes`]).
    pub(super) depth: Option<usize>,
    pub(super) rows: Source<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// Packed, one after the other.
    Packed(&'a [u64]),
    /// Written block by block.
    #[cfg(feature = "alloc")]
    Written(super::sample_rows::Written<'a>),
}

impl<'a> Samples<'a> {
    pub(crate) fn of_bits(bits: BitMatrixView<'a>) -> Self {
        Self {
            samples: bits.rows(),
            cols: bits.cols(),
            depth: None,
            rows: Source::Packed(bits.words()),
        }
    }

    pub(crate) fn of_planes(planes: Planes<'a>) -> Self {
        Self {
            samples: planes.rows(),
            cols: planes.cols(),
            depth: Some(planes.depth()),
            rows: Source::Packed(planes.bits()),
        }
    }

    /// Number of samples, `m`.
    pub(crate) fn len(&self) -> usize {
        self.samples
    }

    /// Elements per row, `k`.
    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    /// The largest magnitude of an element.
    pub(crate) fn most(&self) -> usize {
        self.depth.map_or(1, most)
    }

    /// Rows of words per sample.
    pub(crate) fn rows_per_sample(&self) -> usize {
        self.depth.map_or(1, |depth| depth + 1)
    }

    /// Words per sample.
    pub(crate) fn sample_words(&self) -> usize {
        self.rows_per_sample() * row_words(self.cols)
    }
}
