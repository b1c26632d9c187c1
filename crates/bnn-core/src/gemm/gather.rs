//! Rows of samples that are written block by block, into memory of the product's.

use core::ops::Range;

use crate::kernel::{Kernel, Sums};

/// Rows that are written block by block, when the product reaches them.
pub(crate) trait Gather: Sync {
    /// Writes the rows of the samples `range`, one after the other: every word of `room`.
    fn gather(&self, kernel: &Kernel, range: Range<usize>, room: &mut [u64]);

    /// Adds a correction to the sums of the samples `range` with the weight rows from `first` on,
    /// for what rows of bits cannot express. Sums past the last weight row mean nothing.
    fn correct(&self, range: Range<usize>, first: usize, sums: &mut [Sums]);
}
