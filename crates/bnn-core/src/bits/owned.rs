//! A bit matrix that owns its words.

use alloc::vec::Vec;

use super::{BitMatrixView, BitMatrixViewMut};
use crate::error::Error;
use crate::memory;
use crate::shape::matrix_words;

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
    /// A zero or overflowing shape; [`Error::OutOfMemory`].
    pub fn zeros(rows: usize, cols: usize) -> Result<Self, Error> {
        let words = memory::zeros(matrix_words(rows, cols)?)?;
        Ok(Self { words, rows, cols })
    }

    /// A matrix over words that are already packed.
    ///
    /// # Errors
    /// Those of [`BitMatrixView::new`].
    pub fn from_words(words: Vec<u64>, rows: usize, cols: usize) -> Result<Self, Error> {
        BitMatrixView::new(&words, rows, cols)?;
        Ok(Self { words, rows, cols })
    }

    /// The matrix, to read.
    #[must_use]
    pub fn view(&self) -> BitMatrixView<'_> {
        BitMatrixView::trusted(&self.words, self.rows, self.cols)
    }

    /// The matrix, to write.
    #[must_use]
    pub fn view_mut(&mut self) -> BitMatrixViewMut<'_> {
        BitMatrixViewMut {
            words: &mut self.words,
            rows: self.rows,
            cols: self.cols,
        }
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
