//! The input of a binary layer as kept for the backward passes without a tape.

use bnn_core::{BitMatrixView, matrix_words};

use crate::bits::pack_into;
use crate::error::Error;

/// The part of a layer's input `[rows, cols]` that its backward pass needs: the packed
/// signs, followed by the range mask in the same layout, in which a 1 means that the gradient
/// passes.
#[derive(Clone, Copy, Debug)]
pub struct SavedInput<'a> {
    signs: BitMatrixView<'a>,
    mask: BitMatrixView<'a>,
}

impl<'a> SavedInput<'a> {
    /// Words that it takes.
    ///
    /// # Errors
    /// A size of 0, or one that overflows.
    pub fn words(rows: usize, cols: usize) -> Result<usize, Error> {
        let what = "words of a saved input";
        let words = matrix_words(rows, cols)?.checked_mul(2);
        Ok(words.ok_or(bnn_core::Error::Overflow { what })?)
    }

    /// Saves `x`, `[rows, cols]`, in `words`, [`SavedInput::words`] of them. The gradient passes
    /// where `|x| <= clip`, which no NaN is.
    ///
    /// # Errors
    /// A size of 0 or one that overflows; `x` or `words` of another length; an instruction set in
    /// `BNN_ISA` that this CPU does not have.
    pub fn save(
        x: &[f32],
        rows: usize,
        cols: usize,
        clip: f32,
        words: &'a mut [u64],
    ) -> Result<Self, Error> {
        Error::check_count("words", Self::words(rows, cols)?, words.len())?;
        Error::check_count("elements", rows.saturating_mul(cols), x.len())?;
        let (signs, mask) = words.split_at_mut(words.len() / 2);
        pack_into(x, cols, signs, |x, bits| bnn_core::pack(x, cols, bits))?;
        pack_into(x, cols, mask, |x, bits| {
            bnn_core::pack_where(x, cols, bits, |x| x.abs() <= clip)
        })?;
        Self::read(words, rows, cols)
    }

    /// Reads what was saved in `words`.
    ///
    /// # Errors
    /// A size of 0 or one that overflows; `words` of another length; a set bit after the end of a
    /// row.
    pub fn read(words: &'a [u64], rows: usize, cols: usize) -> Result<Self, Error> {
        Error::check_count("words", Self::words(rows, cols)?, words.len())?;
        let (signs, mask) = words.split_at(words.len() / 2);
        Ok(Self {
            signs: BitMatrixView::new(signs, rows, cols)?,
            mask: BitMatrixView::new(mask, rows, cols)?,
        })
    }

    /// The signs of the input.
    #[must_use]
    pub fn signs(&self) -> BitMatrixView<'a> {
        self.signs
    }

    /// The range mask: a 1 where the gradient passes.
    #[must_use]
    pub fn mask(&self) -> BitMatrixView<'a> {
        self.mask
    }
}
