//! Between float tensors and bits: signs, straight-through masks, and back.

use std::ops::Range;

use bnn_core::internal::{Loop, bits_at, vectorised};
use bnn_core::{BitMatrix, BitMatrixView, BitMatrixViewMut, Error, row_words};
use rayon::prelude::*;

use crate::affine::Affine;
use crate::buffer::{Buffer, take_buffer};
use crate::parallel::task_rows;
use crate::real::Real;

/// The signs of a row-major `[rows, cols]` matrix.
pub(crate) fn pack_signs<T: Real>(x: &[T], rows: usize, cols: usize) -> Result<BitMatrix, Error> {
    pack_parallel(x, rows, cols, |x, bits| bnn_core::pack(x, cols, bits))
}

/// Writes the signs of rows of `cols` elements to `words`, on this thread.
pub(crate) fn pack_rows<T: Real>(x: &[T], cols: usize, words: &mut [u64]) -> Result<(), Error> {
    let mut bits = BitMatrixViewMut::cleared(words, x.len() / cols, cols)?;
    bnn_core::pack(x, cols, &mut bits)
}

/// One bit per element of a row-major `[rows, cols]` matrix: whether `|x| <= 1`, the range in which
/// the clipped straight-through estimator passes the gradient (Hubara et al. 2016, arXiv
/// 1602.02830, equation 4). NaN is outside.
pub(crate) fn pack_mask<T: Real>(x: &[T], rows: usize, cols: usize) -> Result<BitMatrix, Error> {
    pack_where(x, rows, cols, is_inside)
}

/// [`pack_signs`] and [`pack_mask`] in one pass over `x`.
pub(crate) fn pack_signs_and_mask<T: Real>(
    x: &[T],
    rows: usize,
    cols: usize,
) -> Result<(BitMatrix, BitMatrix), Error> {
    let per_row = row_words(cols);
    let (mut signs, mut mask) = (vec![0; rows * per_row], vec![0; rows * per_row]);
    let task_rows = task_rows(cols);
    signs
        .par_chunks_mut(task_rows * per_row)
        .zip(mask.par_chunks_mut(task_rows * per_row))
        .zip(x.par_chunks(task_rows * cols))
        .try_for_each(|((signs, mask), x)| {
            pack_rows(x, cols, signs)?;
            // The elements are in the cache now.
            let mut bits = BitMatrixViewMut::cleared(mask, x.len() / cols, cols)?;
            bnn_core::pack_where(x, cols, &mut bits, is_inside)
        })?;
    let matrix = |words| BitMatrix::from_words(words, rows, cols);
    Ok((matrix(signs)?, matrix(mask)?))
}

/// Elements that are computed at a time where only their bits are kept: half an L1 cache of `f32`.
const PIECE: usize = 1 << 12;

/// The signs of `affine` of the rows of `x` as a `[rows, cols]` matrix, and [`pack_mask`] of it if
/// `masked`. The elements exist a piece at a time.
pub(crate) fn pack_affine<T: Real>(
    x: &[T],
    affine: &Affine<T>,
    [rows, cols]: [usize; 2],
    masked: bool,
) -> Result<(BitMatrix, Option<BitMatrix>), Error> {
    let per_row = row_words(cols);
    let mut signs = vec![0; rows * per_row];
    let mut mask = masked.then(|| vec![0; rows * per_row]);
    let (task, piece) = (task_rows(cols), (PIECE / cols).max(1));
    let masks: Vec<_> = match &mut mask {
        Some(mask) => mask.chunks_mut(task * per_row).map(Some).collect(),
        None => (0..rows.div_ceil(task)).map(|_| None).collect(),
    };
    signs
        .par_chunks_mut(task * per_row)
        .zip(masks)
        .zip(x.par_chunks(task * cols))
        .try_for_each(|((signs, mask), x)| {
            let mut room = Buffer::new(take_buffer(x.len().min(piece * cols)));
            let mut masks = mask.map(|mask| mask.chunks_mut(piece * per_row));
            let pieces = signs.chunks_mut(piece * per_row);
            for (signs, x) in pieces.zip(x.chunks(piece * cols)) {
                let y = &mut room.as_mut_slice()[..x.len()];
                affine.apply_to(x, y);
                pack_rows(y, cols, signs)?;
                if let Some(mask) = masks.as_mut().and_then(Iterator::next) {
                    let mut bits = BitMatrixViewMut::cleared(mask, x.len() / cols, cols)?;
                    bnn_core::pack_where(y, cols, &mut bits, is_inside)?;
                }
            }
            Ok(())
        })?;
    let matrix = |words| BitMatrix::from_words(words, rows, cols);
    Ok((matrix(signs)?, mask.map(matrix).transpose()?))
}

/// Whether the clipped straight-through estimator passes the gradient.
fn is_inside<T: Real>(x: T) -> bool {
    x.abs() <= T::one()
}

/// One bit per element of a row-major `[rows, cols]` matrix: whether the condition holds.
pub(crate) fn pack_where<T: Copy + Sync>(
    x: &[T],
    rows: usize,
    cols: usize,
    condition: impl Fn(T) -> bool + Sync,
) -> Result<BitMatrix, Error> {
    pack_parallel(x, rows, cols, |x, bits| {
        bnn_core::pack_where(x, cols, bits, &condition)
    })
}

/// Packs blocks of rows on several threads.
fn pack_parallel<T: Sync>(
    x: &[T],
    rows: usize,
    cols: usize,
    pack: impl Fn(&[T], &mut BitMatrixViewMut<'_>) -> Result<(), Error> + Sync,
) -> Result<BitMatrix, Error> {
    let mut words = vec![0; rows * row_words(cols)];
    pack_into(x, cols, &mut words, pack)?;
    BitMatrix::from_words(words, rows, cols)
}

/// Packs blocks of rows on several threads into `words`, as many as the rows take.
pub(crate) fn pack_into<T: Sync>(
    x: &[T],
    cols: usize,
    words: &mut [u64],
    pack: impl Fn(&[T], &mut BitMatrixViewMut<'_>) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let task_rows = task_rows(cols);
    words
        .par_chunks_mut(task_rows * row_words(cols))
        .zip(x.par_chunks(task_rows * cols))
        .try_for_each(|(words, x)| {
            let mut bits = BitMatrixViewMut::cleared(words, x.len() / cols, cols)?;
            pack(x, &mut bits)
        })
}

/// Sets the elements of the row-major `x` to zero where the bit of `mask`, of the same shape, is 0.
pub(crate) fn apply_mask<T: Real>(x: &mut [T], mask: BitMatrixView<'_>) {
    let cols = mask.cols();
    let task_rows = task_rows(cols);
    x.par_chunks_mut(task_rows * cols)
        .zip(mask.words().par_chunks(task_rows * row_words(cols)))
        .for_each(|(x, words)| {
            vectorised(ApplyMask { x, words, cols });
        });
}

/// The loop of [`apply_mask`], over some rows.
struct ApplyMask<'a, T> {
    x: &'a mut [T],
    words: &'a [u64],
    cols: usize,
}

impl<T: Real> Loop for ApplyMask<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let rows = self.x.chunks_mut(self.cols);
        for (x, words) in rows.zip(self.words.chunks(row_words(self.cols))) {
            for (x, word) in x.chunks_mut(64).zip(words) {
                let (eights, rest) = x.as_chunks_mut::<8>();
                for (eight, byte) in eights.iter_mut().zip(word.to_le_bytes()) {
                    // All of an array, so that the compiler makes vectors of it.
                    for (j, x) in eight.iter_mut().enumerate() {
                        *x = kept(*x, byte >> j & 1 == 1);
                    }
                }
                let last = word >> (8 * eights.len()).min(56);
                for (j, x) in rest.iter_mut().enumerate() {
                    *x = kept(*x, last >> j & 1 == 1);
                }
            }
        }
    }
}

fn kept<T: Real>(x: T, keep: bool) -> T {
    if keep { x } else { T::zero() }
}

/// Writes the signs of some rows and columns to `out`, row-major without gaps. The columns start at
/// a multiple of 64.
pub(crate) fn expand_signs<T: Real>(
    bits: BitMatrixView<'_>,
    rows: Range<usize>,
    cols: Range<usize>,
    out: &mut [T],
) {
    let per_row = row_words(bits.cols());
    let words = &bits.words()[rows.start * per_row..rows.end * per_row];
    for (out, words) in out.chunks_mut(cols.len()).zip(words.chunks(per_row)) {
        expand_row(&words[cols.start / 64..], out);
    }
}

/// Writes `out.len()` signs of a row of bits, from bit `first` on.
pub(crate) fn expand_run<T: Real>(words: &[u64], first: usize, out: &mut [T]) {
    if first.is_multiple_of(64) {
        return expand_row(words.get(first / 64..).unwrap_or_default(), out);
    }
    for (i, out) in out.chunks_mut(64).enumerate() {
        expand_row(&[bits_at(words, first + 64 * i, 64)], out);
    }
}

/// Some rows of a matrix.
pub(crate) fn rows_of(
    bits: BitMatrixView<'_>,
    rows: Range<usize>,
) -> Result<BitMatrixView<'_>, Error> {
    let per_row = row_words(bits.cols());
    let words = &bits.words()[rows.start * per_row..rows.end * per_row];
    BitMatrixView::new(words, rows.len(), bits.cols())
}

/// Cuts every row of bits into rows of `cols` bits, each of which starts on a word.
pub(crate) fn split_rows(bits: BitMatrixView<'_>, cols: usize) -> Result<BitMatrix, Error> {
    let rows = bits.cols() / cols;
    let per_row = row_words(cols);
    if cols.is_multiple_of(64) {
        return BitMatrix::from_words(bits.words().to_vec(), bits.rows() * rows, cols);
    }
    let mut words = vec![0; bits.rows() * rows * per_row];
    words
        .par_chunks_mut(rows * per_row)
        .zip(bits.words().par_chunks(row_words(bits.cols())))
        .for_each(|(rows, words)| {
            for (i, row) in rows.chunks_mut(per_row).enumerate() {
                for (j, word) in row.iter_mut().enumerate() {
                    let count = (cols - 64 * j).min(64);
                    *word = bits_at(words, i * cols + 64 * j, count);
                }
            }
        });
    BitMatrix::from_words(words, bits.rows() * rows, cols)
}

/// Sets the bits `to`, zeros so far, of a row to the bits of another row from bit `first` on.
pub(crate) fn copy_run(words: &[u64], first: usize, row: &mut [u64], to: Range<usize>) {
    for (i, at) in to.clone().step_by(64).enumerate() {
        let bits = bits_at(words, first + 64 * i, (to.end - at).min(64));
        let (word, shift) = (at / 64, at % 64);
        row[word] |= bits << shift;
        // A shift by 64 - 0 would be one too many.
        let over = bits >> 1 >> (63 - shift);
        if over != 0 {
            row[word + 1] |= over;
        }
    }
}

/// Writes runs of `count` bits of `words`, from each of `starts` on, side by side to a row, from its
/// first bit on.
#[inline]
pub(crate) fn join_runs(
    words: &[u64],
    starts: impl Iterator<Item = usize>,
    count: usize,
    row: &mut [u64],
) {
    let mut row = row.iter_mut();
    // The bits of the next word so far, fewer than 64.
    let (mut next, mut filled) = (0, 0);
    for start in starts {
        for done in (0..count).step_by(64) {
            let more = (count - done).min(64);
            let bits = bits_at(words, start + done, more);
            next |= bits << filled;
            if filled + more < 64 {
                filled += more;
                continue;
            }
            if let Some(word) = row.next() {
                *word = next;
            }
            // A shift by 64 - 0 would be one too many.
            next = bits >> 1 >> (63 - filled);
            filled = filled + more - 64;
        }
    }
    if let Some(word) = row.next().filter(|_| filled > 0) {
        *word = next;
    }
}

/// Sets the bits `to` of a row.
pub(crate) fn set_run(row: &mut [u64], to: Range<usize>) {
    for (i, word) in row.iter_mut().enumerate() {
        let (first, end) = (to.start.max(64 * i), to.end.min(64 * (i + 1)));
        if first < end {
            *word |= u64::MAX >> (64 - (end - first)) << (first - 64 * i);
        }
    }
}

/// Writes the first `out.len()` signs of a row, eight at a time from a table.
fn expand_row<T: Real>(words: &[u64], out: &mut [T]) {
    for (out, word) in out.chunks_mut(64).zip(words) {
        let (eights, rest) = out.as_chunks_mut::<8>();
        for (eight, byte) in eights.iter_mut().zip(word.to_le_bytes()) {
            *eight = T::SIGNS[usize::from(byte)];
        }
        let last = T::SIGNS[(word >> (8 * eights.len()).min(56) & 0xFF) as usize];
        for (x, sign) in rest.iter_mut().zip(last) {
            *x = sign;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws;
