//! Views of packed rows over borrowed words.

use crate::error::Error;
use crate::shape::{WORD, equal, last_word_mask, matrix_words, row_len};

/// A matrix of bits over borrowed words, `[rows, cols]`, rows on word borders, tail bits zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitMatrixView<'a> {
    words: &'a [u64],
    rows: usize,
    cols: usize,
}

impl<'a> BitMatrixView<'a> {
    /// Views `words` as `rows` rows of `cols` bits; `words` must hold exactly
    /// [`matrix_words(rows, cols)`](matrix_words) words.
    ///
    /// # Errors
    /// A zero or overflowing shape, a slice of another length, or a set tail bit.
    pub fn new(words: &'a [u64], rows: usize, cols: usize) -> Result<Self, Error> {
        equal(
            "words of a bit matrix",
            matrix_words(rows, cols)?,
            words.len(),
        )?;
        check_tails(words, cols)?;
        Ok(Self { words, rows, cols })
    }

    /// A view without reading the words, for words that have passed [`BitMatrixView::new`] before
    /// or that the crate wrote itself. `words.len()` must be `rows * row_words(cols)`.
    pub(crate) fn trusted(words: &'a [u64], rows: usize, cols: usize) -> Self {
        debug_assert_eq!(Ok(words.len()), matrix_words(rows, cols));
        debug_assert_eq!(check_tails(words, cols), Ok(()));
        Self { words, rows, cols }
    }

    /// A view of words that the caller checks next.
    pub(crate) fn unchecked(words: &'a [u64], rows: usize, cols: usize) -> Self {
        Self { words, rows, cols }
    }

    /// Number of rows, at least 1.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bits per row, at least 1.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All words, row after row.
    #[must_use]
    pub fn words(&self) -> &'a [u64] {
        self.words
    }

    /// The words of row `r`, or an empty slice if there is no such row.
    #[must_use]
    pub fn row(&self, r: usize) -> &'a [u64] {
        self.words
            .chunks_exact(row_len(self.cols))
            .nth(r)
            .unwrap_or_default()
    }

    /// Whether element `(r, c)` is `+1`; `None` outside the matrix.
    #[must_use]
    pub fn get(&self, r: usize, c: usize) -> Option<bool> {
        if c >= self.cols {
            return None;
        }
        self.row(r)
            .get(c / WORD)
            .map(|word| word >> (c % WORD) & 1 == 1)
    }

    /// The rows, in order, as slices of words.
    pub(crate) fn iter_rows(&self) -> core::slice::ChunksExact<'a, u64> {
        self.words.chunks_exact(row_len(self.cols))
    }
}

/// A matrix of bits over borrowed words that can be written; tail bits stay zero.
#[derive(Debug, PartialEq, Eq)]
pub struct BitMatrixViewMut<'a> {
    pub(super) words: &'a mut [u64],
    pub(super) rows: usize,
    pub(super) cols: usize,
}

impl<'a> BitMatrixViewMut<'a> {
    /// Takes `words` as `rows` rows of `cols` bits and clears them: every element is `-1`.
    ///
    /// # Errors
    /// A zero or overflowing shape, or a slice of another length than
    /// [`matrix_words(rows, cols)`](matrix_words).
    pub fn cleared(words: &'a mut [u64], rows: usize, cols: usize) -> Result<Self, Error> {
        equal(
            "words of a bit matrix",
            matrix_words(rows, cols)?,
            words.len(),
        )?;
        words.fill(0);
        Ok(Self { words, rows, cols })
    }

    /// Number of rows, at least 1.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bits per row, at least 1.
    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    /// The matrix, to read.
    #[must_use]
    pub fn view(&self) -> BitMatrixView<'_> {
        BitMatrixView::trusted(self.words, self.rows, self.cols)
    }

    /// Sets element `(r, c)` to `+1` or `-1`; returns whether it is in the matrix.
    pub fn set(&mut self, r: usize, c: usize, plus: bool) -> bool {
        if c >= self.cols {
            return false;
        }
        let row = self.words.chunks_exact_mut(row_len(self.cols)).nth(r);
        let Some(word) = row.and_then(|row| row.get_mut(c / WORD)) else {
            return false;
        };
        let bit = 1 << (c % WORD);
        *word = if plus { *word | bit } else { *word & !bit };
        true
    }

    /// The words, to write; the caller keeps the tail bits zero.
    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        self.words
    }
}

pub(crate) fn check_tails(words: &[u64], cols: usize) -> Result<(), Error> {
    let tail = !last_word_mask(cols);
    if tail == 0 {
        return Ok(());
    }
    let dirty = |row: &[u64]| row.last().is_some_and(|last| last & tail != 0);
    match words.chunks_exact(row_len(cols)).position(dirty) {
        Some(row) => Err(Error::TailBits { row }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_refuses_what_breaks_the_bit_law() {
        assert!(BitMatrixView::new(&[1, 2], 2, 2).is_ok());
        assert_eq!(
            BitMatrixView::new(&[1, 4], 2, 2),
            Err(Error::TailBits { row: 1 })
        );
        assert_eq!(
            BitMatrixView::new(&[1], 2, 2),
            Err(Error::Mismatch {
                what: "words of a bit matrix",
                expected: 2,
                found: 1
            })
        );
        assert!(BitMatrixView::new(&[], 0, 2).is_err());
    }

    #[test]
    fn elements_are_read_and_set_by_the_bit_law() -> Result<(), Error> {
        let mut words = [u64::MAX; 4];
        let mut m = BitMatrixViewMut::cleared(&mut words, 2, 65)?;
        assert!(m.set(0, 64, true));
        assert!(m.set(1, 3, true));
        assert!(m.set(1, 3, false));
        assert!(m.set(1, 5, true));
        assert!(!m.set(2, 0, true));
        assert!(!m.set(0, 65, true));
        assert_eq!(m.view().get(0, 64), Some(true));
        assert_eq!(m.view().get(0, 65), None);
        assert_eq!(m.view().get(2, 0), None);
        assert_eq!(words, [0, 1, 32, 0]);
        Ok(())
    }
}
