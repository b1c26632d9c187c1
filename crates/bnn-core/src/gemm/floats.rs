//! Floats as the left side of a product, which takes their signs block by block.

use super::Activations;
use crate::error::Error;
use crate::shape::{matrix_words, strided};

/// Rows of floats whose signs a product takes: [`pack`](crate::pack) and product in one call,
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
    /// A zero or overflowing shape, a stride shorter than a row, or `x` too short for the last row.
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
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Elements per row.
    pub(crate) fn cols(&self) -> usize {
        self.cols
    }
}

impl<'a> From<FloatRows<'a>> for Activations<'a> {
    fn from(floats: FloatRows<'a>) -> Self {
        Activations::Floats(floats)
    }
}
