//! Unsigned integers as bit planes, so that a first layer on raw pixels runs on bits too.
//!
//! A byte is `x = sum over b of 2^b * x_b` with bits `x_b` in {0, 1}. For a row `w` in {-1, +1} and
//! `c(p) = popcount(p ^ w)`, counting bits as the kernels do,
//! `sum of w_i * x_{b,i} = c(0) - c(x_b)`: an element contributes to the difference only where
//! `x_{b,i} = 1`, `+1` where `w_i = +1` and `-1` where it is `-1`. Hence
//! `sum of w_i * x_i = (2^depth - 1) * c(0) - sum over b of 2^b * c(x_b)`, exactly.
//! The row of zeros is stored with the planes, so that a kernel sees `depth + 1` ordinary rows.

use crate::error::Error;
use crate::kernel::Kernel;
use crate::shape::{at_least, mul, nonzero, positive, row_len, row_words, strided, sum_fits};

/// Most bits per element.
pub(crate) const MAX_DEPTH: usize = 8;

/// Rows of `u8` split into bit planes over borrowed words.
#[derive(Clone, Copy, Debug)]
pub struct Planes<'a> {
    /// `[rows][depth + 1][row_words(cols)]`; the first row of each sample is zero, then plane 0 up.
    words: &'a [u64],
    rows: usize,
    cols: usize,
    depth: usize,
}

impl<'a> Planes<'a> {
    /// Words of work memory that [`Planes::split`] needs: `rows * (depth + 1) * row_words(cols)`.
    ///
    /// # Errors
    /// A zero or overflowing shape, or a depth outside 1 to 8.
    pub fn words(rows: usize, cols: usize, depth: usize) -> Result<usize, Error> {
        nonzero("rows", rows)?;
        nonzero("columns", cols)?;
        depth_fits(depth)?;
        let per_row = mul("words of bit planes", depth + 1, row_words(cols))?;
        mul("words of bit planes", rows, per_row)
    }

    /// Splits `rows` rows of `cols` bytes, `x_stride` apart, each byte less than `2^depth`, into
    /// `work`, of which [`Planes::words`] words are used.
    ///
    /// # Errors
    /// A shape that is zero, overflows or lets sums leave `i32`; slices that are too short; a byte
    /// with more than `depth` bits ([`Error::OutOfRange`]); otherwise as [`Kernel::active`].
    /// Nothing is written then.
    pub fn split(
        x: &[u8],
        x_stride: usize,
        rows: usize,
        cols: usize,
        depth: usize,
        work: &'a mut [u64],
    ) -> Result<Self, Error> {
        let needed = Self::words(rows, cols, depth)?;
        sum_fits(cols, most(depth))?;
        strided("bytes to split", x.len(), rows, cols, x_stride)?;
        at_least("words of work memory", needed, work.len())?;
        let kernel = Kernel::active()?;
        for row in x.chunks(positive(x_stride)).take(rows) {
            check_depth(row.get(..cols).unwrap_or_default(), depth)?;
        }
        let (words, _) = work.split_at_mut_checked(needed).unwrap_or_default();
        Ok(Self::split_checked(x, x_stride, cols, depth, kernel, words))
    }

    /// Splits bytes whose sizes and values have been checked, into all of `words`.
    pub(crate) fn split_checked(
        x: &[u8],
        x_stride: usize,
        cols: usize,
        depth: usize,
        kernel: &Kernel,
        words: &'a mut [u64],
    ) -> Self {
        let per_row = row_len(cols);
        let split = kernel.packing().split;
        let mut rows = 0;
        for sample in words.chunks_exact_mut(((depth + 1) * per_row).max(1)) {
            let x = x.get(rows * x_stride..).and_then(|x| x.get(..cols));
            let (zeros, planes) = sample.split_at_mut_checked(per_row).unwrap_or_default();
            zeros.fill(0);
            split(x.unwrap_or_default(), planes);
            rows += 1;
        }
        Self {
            words,
            rows,
            cols,
            depth,
        }
    }

    /// Number of samples.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Elements per sample.
    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    /// Bits per element, 1 to 8.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn bits(&self) -> &'a [u64] {
        self.words
    }
}

/// The largest integer of `depth` bits.
pub(crate) fn most(depth: usize) -> usize {
    (1 << depth) - 1
}

/// Checks that `depth` is from 1 to [`MAX_DEPTH`].
pub(crate) fn depth_fits(depth: usize) -> Result<(), Error> {
    nonzero("bits per element", depth)?;
    if depth > MAX_DEPTH {
        return Err(Error::OutOfRange {
            what: "bits per element",
            max: MAX_DEPTH,
            found: depth,
        });
    }
    Ok(())
}

/// Refuses bytes that have more than `depth` bits.
pub(crate) fn check_depth(x: &[u8], depth: usize) -> Result<(), Error> {
    let max = most(depth);
    // A byte exceeds `max` only by a bit that `max` lacks, and that bit is in the union of all
    // bytes.
    if max == usize::from(u8::MAX) {
        return Ok(());
    }
    let union = x.iter().fold(0, |union, x| union | x);
    if usize::from(union) <= max {
        return Ok(());
    }
    let found = x.iter().copied().map(usize::from).find(|&x| x > max);
    Err(Error::OutOfRange {
        what: "element of an unsigned input",
        max,
        found: found.unwrap_or_default(),
    })
}
