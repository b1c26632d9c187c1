//! Between float tensors and bits: signs, straight-through masks, and back.

use std::ops::Range;

use bnn_core::{BitMatrix, BitMatrixView, BitMatrixViewMut, Error, row_words};
use rayon::prelude::*;

use crate::parallel::task_rows;
use crate::real::Real;

/// The signs of a row-major `[rows, cols]` matrix.
pub(crate) fn pack_signs<T: Real>(x: &[T], rows: usize, cols: usize) -> Result<BitMatrix, Error> {
    pack_parallel(x, rows, cols, |x, bits| bnn_core::pack(x, cols, bits))
}

/// One bit per element of a row-major `[rows, cols]` matrix: whether `|x| <= 1`, where the clipped
/// straight-through estimator lets the gradient through (Hubara et al. 2016, arXiv 1602.02830,
/// equation 4). NaN is outside.
pub(crate) fn pack_mask<T: Real>(x: &[T], rows: usize, cols: usize) -> Result<BitMatrix, Error> {
    pack_where(x, rows, cols, |x| x.abs() <= T::one())
}

/// One bit per element of a row-major `[rows, cols]` matrix: whether the condition holds.
pub(crate) fn pack_where<T: Real>(
    x: &[T],
    rows: usize,
    cols: usize,
    condition: impl Fn(T) -> bool + Sync,
) -> Result<BitMatrix, Error> {
    pack_parallel(x, rows, cols, |x, bits| {
        bnn_core::pack_where(x, cols, bits, &condition)
    })
}

/// The transposed matrix.
pub(crate) fn transposed(bits: BitMatrixView<'_>) -> Result<BitMatrix, Error> {
    let mut turned = BitMatrix::zeros(bits.cols(), bits.rows())?;
    bnn_core::transpose(bits, &mut turned.view_mut())?;
    Ok(turned)
}

/// Packs blocks of rows on several threads.
fn pack_parallel<T: Real>(
    x: &[T],
    rows: usize,
    cols: usize,
    pack: impl Fn(&[T], &mut BitMatrixViewMut<'_>) -> Result<(), Error> + Sync,
) -> Result<BitMatrix, Error> {
    let mut words = vec![0; rows * row_words(cols)];
    let task_rows = task_rows(cols);
    words
        .par_chunks_mut(task_rows * row_words(cols))
        .zip(x.par_chunks(task_rows * cols))
        .try_for_each(|(words, x)| {
            let mut bits = BitMatrixViewMut::cleared(words, x.len() / cols, cols)?;
            pack(x, &mut bits)
        })?;
    BitMatrix::from_words(words, rows, cols)
}

/// Sets the elements of the row-major `x` to zero where the bit of `mask`, of the same shape, is 0.
pub(crate) fn apply_mask<T: Real>(x: &mut [T], mask: BitMatrixView<'_>) {
    let cols = mask.cols();
    let task_rows = task_rows(cols);
    x.par_chunks_mut(task_rows * cols)
        .zip(mask.words().par_chunks(task_rows * row_words(cols)))
        .for_each(|(x, words)| {
            let rows = x.chunks_mut(cols).zip(words.chunks(row_words(cols)));
            for (x, words) in rows {
                for (x, word) in x.chunks_mut(64).zip(words) {
                    let (eights, rest) = x.as_chunks_mut::<8>();
                    for (eight, byte) in eights.iter_mut().zip(word.to_le_bytes()) {
                        // All of an array, so that the compiler makes vectors of it.
                        *eight = std::array::from_fn(|j| kept(eight[j], byte >> j & 1 == 1));
                    }
                    let last = word >> (8 * eights.len()).min(56);
                    for (j, x) in rest.iter_mut().enumerate() {
                        *x = kept(*x, last >> j & 1 == 1);
                    }
                }
            }
        });
}

fn kept<T: Real>(x: T, keep: bool) -> T {
    if keep { x } else { T::zero() }
}

/// Writes the signs of some rows and columns to `out`, row-major without gaps. The columns start at a
/// multiple of 64.
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(count: usize, seed: u64) -> Vec<f64> {
        let edge = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            1.0 + f64::EPSILON,
            f64::NAN,
            f64::INFINITY,
            -0.5,
        ];
        (0..count as u64)
            .map(|i| edge[((i ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61) as usize])
            .collect()
    }

    proptest! {
        #[test]
        fn signs_and_masks_hold_element_by_element(
            rows in 1_usize..9, cols in 1_usize..200, seed: u64,
        ) {
            let x = values(rows * cols, seed);
            let signs = pack_signs(&x, rows, cols).unwrap();
            prop_assert_eq!(&signs, &BitMatrix::pack(&x, rows, cols).unwrap());
            let mask = pack_mask(&x, rows, cols).unwrap();
            let mut kept = vec![3.0; rows * cols];
            apply_mask(&mut kept, mask.view());
            for (i, x) in x.iter().enumerate() {
                let inside = (-1.0..=1.0).contains(x);
                prop_assert_eq!(mask.view().get(i / cols, i % cols), Some(inside));
                prop_assert_eq!(kept[i], if inside { 3.0 } else { 0.0 });
            }
        }

        #[test]
        fn expanding_a_part_gives_the_signs_of_that_part(
            rows in 1_usize..9, cols in 1_usize..300, from_row in 0_usize..9, from_word in 0_usize..5,
            width in 1_usize..300, seed: u64,
        ) {
            let (from_row, from_col) = (from_row % rows, from_word % row_words(cols) * 64);
            let width = width.min(cols - from_col);
            let bits = BitMatrix::pack(&values(rows * cols, seed), rows, cols).unwrap();
            let all: Vec<f32> = bits.unpack().unwrap();
            let mut part = vec![0.0_f32; (rows - from_row) * width];
            expand_signs(bits.view(), from_row..rows, from_col..from_col + width, &mut part);
            for (i, &sign) in part.iter().enumerate() {
                let (r, c) = (from_row + i / width, from_col + i % width);
                prop_assert_eq!(sign, all[r * cols + c]);
            }
        }
    }

    #[test]
    fn matrices_of_several_tasks_pack_as_one() {
        let (rows, cols) = (37, 1023);
        assert!(rows > task_rows(cols));
        let x = values(rows * cols, 5);
        assert_eq!(
            pack_signs(&x, rows, cols).unwrap(),
            BitMatrix::pack(&x, rows, cols).unwrap()
        );
    }
}
