//! The loops around a tile: which rows meet which panels in which order, and on which thread.

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

/// The left side as a kernel sees it: every sample is `factors.len()` rows of words, and with `c`
/// the mismatches of a row, an output is `base + sum over its rows of factor * c`, modulo `2^32`
/// (the sum itself fits `i32`: checked where the operands are).
#[derive(Clone, Copy)]
pub(super) struct Samples<'a> {
    words: &'a [u64],
    samples: usize,
    cols: usize,
    base: i32,
    factors: [i32; MAX_DEPTH + 1],
    rows_per_sample: usize,
}

impl<'a> Samples<'a> {
    /// `sum = k - 2 * c`.
    pub(super) fn of_bits(bits: BitMatrixView<'a>) -> Self {
        let mut factors = [0; MAX_DEPTH + 1];
        factors[0] = -2;
        Self {
            words: bits.words(),
            samples: bits.rows(),
            cols: bits.cols(),
            base: bits.cols() as i32,
            factors,
            rows_per_sample: 1,
        }
    }

    /// `sum = (2^depth - 1) * c_zero - sum over b of 2^b * c_b`; see [`Planes`].
    pub(super) fn of_planes(planes: Planes<'a>) -> Self {
        let depth = planes.depth();
        let mut factors = [0; MAX_DEPTH + 1];
        for (b, factor) in factors[1..].iter_mut().enumerate() {
            *factor = -(1 << b);
        }
        factors[0] = (1 << depth) - 1;
        Self {
            words: planes.bits(),
            samples: planes.rows(),
            cols: planes.cols(),
            base: 0,
            factors,
            rows_per_sample: depth + 1,
        }
    }

    /// Number of samples, `m`.
    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    pub(super) fn sample_words(&self) -> usize {
        self.rows_per_sample * row_words(self.cols)
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

/// Computes the whole product, on several threads where it is large enough. `c` holds
/// `samples` rows of outputs, `stride` elements apart.
pub(super) fn run<E: Epilogue>(
    a: &Samples<'_>,
    w: &Resolved<'_>,
    epilogue: &E,
    c: &mut [E::Elem],
    stride: usize,
) {
    #[cfg(feature = "std")]
    if let Some(split) = super::parallel::split(a, w) {
        return super::parallel::run(split, a, w, epilogue, c, stride);
    }
    product(a, w, 0..w.rows(), epilogue, &mut Strided { c, stride });
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
    let (mr, nr) = (kernel.mr(), kernel.nr());
    let words = row_words(a.cols);
    let samples_per_tile = (mr / a.rows_per_sample).max(1);
    let mut counts = [0_u32; (MAX_DEPTH + 1).next_multiple_of(MAX_MR) * MAX_NR];

    for first in columns.clone().step_by(COLUMN_BLOCK) {
        let block = first..(first + COLUMN_BLOCK).min(columns.end);
        for (tile, samples) in a
            .words
            .chunks(samples_per_tile * a.sample_words())
            .enumerate()
        {
            let mut rows: [&[u64]; MAX_DEPTH + 1] = [&[]; MAX_DEPTH + 1];
            let row_count = samples.len() / words;
            for (row, words) in rows.iter_mut().zip(samples.chunks_exact(words)) {
                *row = words;
            }
            for col in block.clone().step_by(nr) {
                // A sample of bit planes may have more rows than the kernel takes at once.
                for (rows, counts) in rows[..row_count].chunks(mr).zip(counts.chunks_mut(mr * nr)) {
                    w.counts(rows, col / nr, &mut counts[..rows.len() * nr]);
                }
                let used = nr.min(block.end - col);
                for (s, counts) in counts[..row_count * nr]
                    .chunks(a.rows_per_sample * nr)
                    .enumerate()
                {
                    let mut sums = [0; MAX_NR];
                    weigh(a, counts, nr, &mut sums);
                    if let Some(row) = out.row(tile * samples_per_tile + s) {
                        epilogue.write(&sums[..used], col, row, col - columns.start);
                    }
                }
            }
        }
    }
}

/// `sums[j] = base + sum over the sample's rows of factor * counts[row][j]`.
fn weigh(a: &Samples<'_>, counts: &[u32], nr: usize, sums: &mut [i32; MAX_NR]) {
    sums.fill(a.base);
    for (factor, counts) in a.factors.iter().zip(counts.chunks_exact(nr)) {
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum = sum.wrapping_add(factor.wrapping_mul(count.cast_signed()));
        }
    }
}
