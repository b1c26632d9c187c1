//! Packing, unpacking and transposing to matrices that own their words.

use alloc::vec::Vec;

use super::{Number, pack, unpack};
use crate::bits::{BitMatrix, BitMatrixView};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::memory;
use crate::shape::{equal, matrix_words, mul, row_words};

impl BitMatrix {
    /// Packs the signs of `x`, row-major `[rows, cols]` without gaps; see [`pack`] for strides.
    ///
    /// # Errors
    /// A zero or overflowing shape, or `x.len() != rows * cols`; otherwise as [`BitMatrix::zeros`]
    /// and [`Kernel::active`].
    pub fn pack<T: Number>(x: &[T], rows: usize, cols: usize) -> Result<Self, Error> {
        // Before memory is asked for: only numbers that are there are packed.
        matrix_words(rows, cols)?;
        equal("elements to pack", rows.saturating_mul(cols), x.len())?;
        let mut bits = Self::zeros(rows, cols)?;
        pack(x, cols, &mut bits.view_mut())?;
        Ok(bits)
    }

    /// The elements as `+1` and `-1`, row-major without gaps.
    ///
    /// # Errors
    /// [`Error::Overflow`] or [`Error::OutOfMemory`] if the numbers do not fit into memory;
    /// otherwise as [`Kernel::active`].
    pub fn unpack<T: Number>(&self) -> Result<Vec<T>, Error> {
        let len = mul("elements to unpack", self.rows(), self.cols())?;
        let mut x = memory::with_capacity(len)?;
        x.resize(len, T::zero());
        unpack(self.view(), &mut x, self.cols())?;
        Ok(x)
    }
}

impl BitMatrixView<'_> {
    /// The transposed matrix, `[cols, rows]`.
    ///
    /// # Errors
    /// Those of [`BitMatrix::zeros`] and [`Kernel::active`].
    pub fn transposed(self) -> Result<BitMatrix, Error> {
        let mut transposed = BitMatrix::zeros(self.cols(), self.rows())?;
        let (from_words, to_words) = (row_words(self.cols()), row_words(self.rows()));
        let transpose = Kernel::active()?.packing().transpose;
        let mut to = transposed.view_mut();
        transpose(self.words(), from_words, to.words_mut(), to_words);
        Ok(transposed)
    }
}
