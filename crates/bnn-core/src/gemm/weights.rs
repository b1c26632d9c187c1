//! The right side of a product, packed or canonical, with the kernel that will read it.

use super::byte_tables::ByteTables;
use crate::bits::BitMatrixView;
use crate::kernel::{Kernel, NR};
use crate::shape::row_len;

/// The right side of a product, `[n, k]`: made from a `PackedWeights`, which knows its kernel, or
/// from the canonical rows of a [`BitMatrixView`]. Kernels read these in place (a model in flash)
/// or, for more than a few samples and outputs, lay them out in each call, if there is memory for
/// it: about a tenth of the time from 64 samples on, and up to half of it for fewer.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'w> {
    pub(super) storage: Storage<'w>,
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// `None`: the active one.
    pub(super) kernel: Option<&'static Kernel>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Storage<'w> {
    /// A kernel's panels, one after the other.
    #[cfg(feature = "alloc")]
    Panels(&'w [u64]),
    /// `[n][word]`.
    Canonical(&'w [u64]),
}

impl<'w> Weights<'w> {
    /// Canonical rows that `kernel` reads instead of the active kernel; for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn canonical(rows: BitMatrixView<'w>, kernel: &'static Kernel) -> Self {
        Self {
            kernel: Some(kernel),
            ..Self::from(rows)
        }
    }

    /// Bits per row.
    pub(super) fn cols(&self) -> usize {
        self.cols
    }
}

impl<'w> From<BitMatrixView<'w>> for Weights<'w> {
    fn from(bits: BitMatrixView<'w>) -> Self {
        Self {
            storage: Storage::Canonical(bits.words()),
            rows: bits.rows(),
            cols: bits.cols(),
            kernel: None,
        }
    }
}

/// Outputs of a sample that a model computes together.
pub(crate) const OUTPUTS: usize = 32;

/// A sample of a layer.
#[derive(Clone, Copy)]
pub(crate) enum Sample<'s> {
    /// A row of signs.
    Signs(&'s [u64]),
    /// A row of zeros and bit planes (see [`Planes`](crate::Planes)).
    Planes(&'s [u64]),
    /// A byte per element.
    Bytes(&'s [u8]),
}

/// Weights whose kernel is known.
#[derive(Clone, Copy)]
pub(crate) struct Resolved<'w> {
    pub(super) weights: Weights<'w>,
    pub(super) kernel: &'static Kernel,
}

impl<'w> Resolved<'w> {
    /// Canonical rows that `kernel` reads.
    pub(crate) fn canonical(rows: BitMatrixView<'w>, kernel: &'static Kernel) -> Self {
        Self {
            weights: Weights::from(rows),
            kernel,
        }
    }

    pub(crate) fn kernel(&self) -> &'static Kernel {
        self.kernel
    }

    /// Number of outputs, `n`.
    pub(super) fn rows(&self) -> usize {
        self.weights.rows
    }

    /// Sums of a sample with canonical weight rows from `first` on, as many as there are sums. The
    /// sample is a row of signs, or a row of zeros and bit planes (see [`Planes`](crate::Planes));
    /// then there are at most `NR` sums.
    pub(crate) fn sums(&self, sample: &[u64], first: usize, sums: &mut [i32]) {
        if sample.len() == row_len(self.weights.cols) {
            self.dots(sample, first, sums);
        } else {
            self.sums_of_planes(sample, first, sums);
        }
    }

    /// The sums of a sample, a few at a time, each with the number of its first weight row.
    pub(crate) fn outputs(&self, sample: Sample<'_>, finish: &mut dyn FnMut(usize, &[i32])) {
        let mut sums = [0; OUTPUTS]; // each one is written before it is used
        let mut first = 0;
        while first < self.weights.rows {
            let sums = sums.get_mut(..OUTPUTS.min(self.weights.rows - first));
            let sums = sums.unwrap_or_default();
            match sample {
                Sample::Signs(row) => self.dots(row, first, sums),
                Sample::Planes(rows) => self.sums_of_planes(rows, first, sums),
                Sample::Bytes(bytes) => {
                    let mut product = self.byte_tables(first, sums);
                    bytes.iter().for_each(|byte| product.push(*byte));
                    product.finish();
                }
            }
            finish(first, sums);
            first += OUTPUTS;
        }
    }

    /// Products of bytes that are yet to come with canonical weight rows from `first` on, as many
    /// as there are sums.
    pub(crate) fn byte_tables<'s>(&self, first: usize, sums: &'s mut [i32]) -> ByteTables<'s>
    where
        'w: 's,
    {
        let words = row_len(self.weights.cols);
        ByteTables::new(self.canonical_rows(first, words), words, sums)
    }

    /// `(2^depth - 1) * c(0) - sum over b of 2^b * c(x_b)`, see [`Planes`](crate::Planes), computed
    /// from the highest plane down: each step doubles the sum and adds the next count.
    fn sums_of_planes(&self, mut rows: &[u64], first: usize, sums: &mut [i32]) {
        if row_len(self.weights.cols) == 1 && !self.kernel.counts_by_arithmetic() {
            return self.sums_of_plane_words(rows, first, sums);
        }
        let k = self.weights.cols as i32;
        let mut dots = [0; NR];
        let Some(dots) = dots.get_mut(..sums.len()) else {
            return;
        };
        let mut most = 0_i32;
        sums.fill(0);
        while let Some(at) = rows.len().checked_sub(row_len(self.weights.cols)) {
            let (lower, row) = rows.split_at_checked(at).unwrap_or_default();
            let [of_sum, of_count] = if lower.is_empty() { [-1, most] } else { [2, 1] };
            self.dots(row, first, dots);
            for (sum, dot) in sums.iter_mut().zip(&*dots) {
                // A product is k less twice a count. Wrapping: past the last weight row there may
                // be anything.
                let count = (k.wrapping_sub(*dot).cast_unsigned() >> 1).cast_signed();
                *sum = sum.wrapping_mul(of_sum);
                *sum = sum.wrapping_add(count.wrapping_mul(of_count));
            }
            most = most << 1 | 1;
            rows = lower;
        }
    }

    /// The same where rows are words: output by output, for calls, and loops over the sums of each
    /// plane, would take longer than counting.
    fn sums_of_plane_words(&self, rows: &[u64], first: usize, sums: &mut [i32]) {
        let weights = self.canonical_rows(first, 1);
        match rows.len() {
            // The depths of pixels; without a counter of planes.
            2 => sums_of_words::<2>(rows, weights, sums),
            5 => sums_of_words::<5>(rows, weights, sums),
            6 => sums_of_words::<6>(rows, weights, sums),
            9 => sums_of_words::<9>(rows, weights, sums),
            _ => {
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = sum_of_words(rows, *weights);
                }
            }
        }
    }

    /// Products of a row with each weight row from `first` on, as many as there are sums.
    pub(crate) fn dots(&self, row: &[u64], first: usize, sums: &mut [i32]) {
        let k = self.weights.cols as i32;
        let weights = self.canonical_rows(first, row.len());
        self.kernel.dot_rows(row, weights, k, sums);
    }
}

/// [`sum_of_words`] of each weight row.
fn sums_of_words<const ROWS: usize>(rows: &[u64], weights: &[u64], sums: &mut [i32]) {
    if let Some(rows) = rows.first_chunk::<ROWS>() {
        for (sum, weights) in sums.iter_mut().zip(weights) {
            *sum = sum_of_words(rows, *weights);
        }
    }
}

/// The sum of a word of weights with a word of zeros and those of the bit planes.
#[inline(always)]
fn sum_of_words(rows: &[u64], weights: u64) -> i32 {
    let count = |word: &u64| (word ^ weights).count_ones().cast_signed();
    let Some((zeros, planes)) = rows.split_first() else {
        return 0;
    };
    let of_planes = planes.iter().rev().map(count);
    let most = (1 << planes.len()) - 1;
    most * count(zeros) - of_planes.fold(0, |sum, count| 2 * sum + count)
}
