//! Floats as the left side of a product: their signs are taken as the product goes.

use crate::error::Error;
use crate::shape::{matrix_words, strided};

/// Rows of floats, of which a product takes the signs: [`pack`](crate::pack) and product in one call,
/// without a packed matrix of all rows.
#[derive(Clone, Copy, Debug)]
pub struct FloatRows<'a> {
    pub(super) x: &'a [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) stride: usize,
}

impl<'a> FloatRows<'a> {
    /// `rows` rows of `cols` floats, `stride` elements apart.
    ///
    /// # Errors
    /// A zero or overflowing shape, a stride less than a row, or `x` ends before the last row does.
    pub fn new(x: &'a [f32], rows: usize, cols: usize, stride: usize) -> Result<Self, Error> {
        matrix_words(rows, cols)?;
        strided("floats", x.len(), rows, cols, stride)?;
        Ok(Self {
            x,
            rows,
            cols,
            stride,
        })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Elements per row.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }
}
