//! The loops around a tile: which rows meet which panels in which order.

use core::ops::Range;

use super::epilogue::Epilogue;
use super::weights::Resolved;
use crate::bits::BitMatrixView;
use crate::kernel::{MAX_MR, MAX_NR};
use crate::planes::{MAX_DEPTH, Planes};
use crate::shape::{WORD, row_words};

/// Columns that are finished for all samples before the next ones begin: a word of output bits, and
/// few enough weights to stay in the L1/L2 cache while the samples stream by.
pub(super) const COLUMN_BLOCK: usize = WORD;

/// The left side as a kernel sees it: every sample is one row of words, or several.
#[derive(Clone, Copy)]
pub(super) struct Samples<'a> {
    words: &'a [u64],
    samples: usize,
    cols: usize,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// A row per sample.
    Bits,
    /// `depth + 1` rows per sample; see [`Planes`].
    Planes { depth: usize },
}

impl<'a> Samples<'a> {
    pub(super) fn of_bits(bits: BitMatrixView<'a>) -> Self {
        Self {
            words: bits.words(),
            samples: bits.rows(),
            cols: bits.cols(),
            kind: Kind::Bits,
        }
    }

    pub(super) fn of_planes(planes: Planes<'a>) -> Self {
        Self {
            words: planes.bits(),
            samples: planes.rows(),
            cols: planes.cols(),
            kind: Kind::Planes {
                depth: planes.depth(),
            },
        }
    }

    fn rows_per_sample(&self) -> usize {
        match self.kind {
            Kind::Bits => 1,
            Kind::Planes { depth } => depth + 1,
        }
    }

    /// Number of samples, `m`.
    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    pub(super) fn sample_words(&self) -> usize {
        self.rows_per_sample() * row_words(self.cols)
    }

    /// The samples `range`, fewer where the range leaves the matrix.
    #[cfg(feature = "std")]
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        let words = self.sample_words();
        let range = range.start..range.end.min(self.samples);
        Self {
            words: &self.words[range.start * words..range.end * words],
            samples: range.len(),
            ..*self
        }
    }
}

/// Where a thread writes: the columns that it was given of the samples that it was given.
pub(super) trait Rows<T> {
    fn row(&mut self, sample: usize) -> Option<&mut [T]>;
}

/// Whole rows, a stride apart.
pub(super) struct Strided<'c, T> {
    pub(super) c: &'c mut [T],
    pub(super) stride: usize,
}

impl<T> Rows<T> for Strided<'_, T> {
    fn row(&mut self, sample: usize) -> Option<&mut [T]> {
        self.c.get_mut(sample * self.stride..)
    }
}

/// Computes the outputs `columns` of all samples; `columns` starts on a column block.
pub(super) fn product<E: Epilogue>(
    a: &Samples<'_>,
    w: &Resolved<'_>,
    columns: Range<usize>,
    epilogue: &E,
    out: &mut impl Rows<E::Elem>,
) {
    let kernel = w.kernel();
    let nr = kernel.nr();
    let words = row_words(a.cols);
    let samples_per_tile = match a.kind {
        Kind::Bits => kernel.mr(),
        Kind::Planes { .. } => 1,
    };
    let mut sums = [0_i32; MAX_MR * MAX_NR];

    for first in columns.clone().step_by(COLUMN_BLOCK) {
        let block = first..(first + COLUMN_BLOCK).min(columns.end);
        let tiles = a.words.chunks(samples_per_tile * a.sample_words());
        for (tile, samples) in tiles.enumerate() {
            let mut rows: [&[u64]; MAX_ROWS] = [&[]; MAX_ROWS];
            for (row, words) in rows.iter_mut().zip(samples.chunks_exact(words)) {
                *row = words;
            }
            let rows = &rows[..samples.len() / words];
            for col in block.clone().step_by(nr) {
                let sums = &mut sums[..samples.len() / a.sample_words() * nr];
                match a.kind {
                    Kind::Bits => w.signs(rows, col / nr, sums),
                    Kind::Planes { .. } => w.planes(rows, col / nr, sums),
                }
                let used = nr.min(block.end - col);
                for (s, sums) in sums.chunks_exact(nr).enumerate() {
                    if let Some(row) = out.row(tile * samples_per_tile + s) {
                        epilogue.write(&sums[..used], col, row, col - columns.start);
                    }
                }
            }
        }
    }
}

/// Most rows of words that a tile takes: signs of several samples, or the planes of one.
const MAX_ROWS: usize = if MAX_MR > MAX_DEPTH + 1 {
    MAX_MR
} else {
    MAX_DEPTH + 1
};
