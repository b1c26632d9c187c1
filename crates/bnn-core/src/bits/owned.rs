//! A bit matrix that owns its words.

use alloc::vec;
use alloc::vec::Vec;

use super::{BitMatrixView, BitMatrixViewMut};
use crate::error::Error;
use crate::shape::{matrix_words, row_words};

/// A matrix of bits, `[rows, cols]`, that owns its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitMatrix {
    words: Vec<u64>,
    rows: usize,
    cols: usize,
}

impl BitMatrix {
    /// A matrix whose elements are all `-1` (bit 0).
    ///
    /// # Errors
    /// A zero or overflowing shape.
    pub fn zeros(rows: usize, cols: usize) -> Result<Self, Error> {
        let words = vec![0; matrix_words(rows, cols)?];
        Ok(Self { words, rows, cols })
    }

    /// A matrix over words that are already packed.
    ///
    /// # Errors
    /// As [`BitMatrixView::new`].
    pub fn from_words(words: Vec<u64>, rows: usize, cols: usize) -> Result<Self, Error> {
        BitMatrixView::new(&words, rows, cols)?;
        Ok(Self { words, rows, cols })
    }

    /// The transposed matrix, `[cols, rows]`.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut words = vec![0; self.cols * row_words(self.rows)];
        // 64 x 64 blocks are transposed in registers (Hacker's Delight, 7-3).
        for (block_row, rows) in self.words.chunks(64 * row_words(self.cols)).enumerate() {
            for block_col in 0..row_words(self.cols) {
                let mut block = [0_u64; 64];
                for (to, row) in block.iter_mut().zip(rows.chunks(row_words(self.cols))) {
                    *to = row[block_col];
                }
                transpose_64(&mut block);
                let to_rows = words
                    .chunks_mut(row_words(self.rows))
                    .skip(64 * block_col)
                    .take(64);
                for (to, from) in to_rows.zip(block) {
                    to[block_row] = from;
                }
            }
        }
        Self {
            words,
            rows: self.cols,
            cols: self.rows,
        }
    }

    /// The matrix, to read.
    #[must_use]
    pub fn view(&self) -> BitMatrixView<'_> {
        BitMatrixView::trusted(&self.words, self.rows, self.cols)
    }

    /// The matrix, to write.
    #[must_use]
    pub fn view_mut(&mut self) -> BitMatrixViewMut<'_> {
        BitMatrixViewMut::trusted(&mut self.words, self.rows, self.cols)
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bits per row.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All words, row after row.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }
}

/// Transposes a 64 x 64 bit block in place: bit `j` of word `i` becomes bit `i` of word `j`.
fn transpose_64(block: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = 0x0000_0000_FFFF_FFFF_u64;
    while width > 0 {
        for i in (0..64).filter(|i| i & width == 0) {
            let swap = ((block[i] >> width) ^ block[i + width]) & mask;
            block[i] ^= swap << width;
            block[i + width] ^= swap;
        }
        width /= 2;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn transposing_moves_every_element(rows in 1_usize..200, cols in 1_usize..200, seed: u64) {
            let x: Vec<i32> = (0..rows * cols)
                .map(|i| (seed.rotate_left(i as u32 % 64) ^ (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)) as i32)
                .collect();
            let bits = BitMatrix::pack(&x, rows, cols)?;
            let turned = bits.transposed();
            for r in 0..rows {
                for c in 0..cols {
                    prop_assert_eq!(bits.view().get(r, c), turned.view().get(c, r));
                }
            }
            prop_assert!(BitMatrixView::new(turned.words(), cols, rows).is_ok());
            prop_assert_eq!(turned.transposed(), bits);
        }
    }
}
