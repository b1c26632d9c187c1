//! Transposing packed matrices.

#[cfg(feature = "alloc")]
use crate::bits::BitMatrix;
use crate::bits::{BitMatrixView, BitMatrixViewMut};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::shape::{equal, row_words};

/// Writes element `(r, c)` of `bits` to `(c, r)` of `out`, for bits `[rows, cols]` and an output
/// `[cols, rows]`.
///
/// # Errors
/// [`Error::Mismatch`] where `out` has another shape; else as [`Kernel::active`].
pub fn transpose(bits: BitMatrixView<'_>, out: &mut BitMatrixViewMut<'_>) -> Result<(), Error> {
    equal("rows of a transposed matrix", bits.cols(), out.rows())?;
    equal("columns of a transposed matrix", bits.rows(), out.cols())?;
    let (from_words, to_words) = (row_words(bits.cols()), row_words(bits.rows()));
    let transpose = Kernel::active()?.packing().transpose;
    transpose(bits.words(), from_words, out.words_mut(), to_words);
    Ok(())
}

#[cfg(feature = "alloc")]
impl BitMatrixView<'_> {
    /// The transposed matrix, `[cols, rows]`.
    ///
    /// # Errors
    /// As [`Kernel::active`].
    pub fn transposed(self) -> Result<BitMatrix, Error> {
        let mut turned = BitMatrix::zeros(self.cols(), self.rows())?;
        transpose(self, &mut turned.view_mut())?;
        Ok(turned)
    }
}

#[cfg(feature = "alloc")]
impl BitMatrix {
    /// As [`BitMatrixView::transposed`].
    ///
    /// # Errors
    /// As [`Kernel::active`].
    pub fn transposed(&self) -> Result<Self, Error> {
        self.view().transposed()
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    #[test]
    fn an_output_of_another_shape_is_refused() -> Result<(), Error> {
        let bits = BitMatrix::zeros(3, 70)?;
        for [rows, cols] in [[3, 70], [70, 4], [71, 3]] {
            let mut out = BitMatrix::zeros(rows, cols)?;
            assert!(transpose(bits.view(), &mut out.view_mut()).is_err());
        }
        Ok(())
    }
}
