//! Numbers to sign bits and back. This is the one place where the sign law is computed.

#[cfg(feature = "alloc")]
use alloc::vec;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::ops::Neg;

use num_traits::{One, Zero};

#[cfg(feature = "alloc")]
use crate::bits::BitMatrix;
use crate::bits::{BitMatrixView, BitMatrixViewMut};
use crate::error::Error;
#[cfg(feature = "alloc")]
use crate::shape::equal;
use crate::shape::{WORD, row_words, strided};

/// Packs the signs of `out.rows()` rows of `out.cols()` numbers, `x_stride` elements apart.
///
/// The sign law: bit 1 (`+1`) where `x >= 0`, else bit 0 (`-1`); so `-0.0` is `+1` and NaN is `-1`.
///
/// # Errors
/// [`Error::TooShort`] where the stride is less than a row, or `x` ends before the last row does.
pub fn pack<T>(x: &[T], x_stride: usize, out: &mut BitMatrixViewMut<'_>) -> Result<(), Error>
where
    T: Copy + PartialOrd + Zero,
{
    let zero = T::zero();
    pack_where(x, x_stride, out, |x| x >= zero)
}

/// As [`pack`], with bit 1 where `plus` says so: a range mask, or another threshold than 0.
///
/// # Errors
/// As [`pack`].
pub fn pack_where<T: Copy>(
    x: &[T],
    x_stride: usize,
    out: &mut BitMatrixViewMut<'_>,
    plus: impl Fn(T) -> bool,
) -> Result<(), Error> {
    let (rows, cols) = (out.rows(), out.cols());
    strided("numbers to pack", x.len(), rows, cols, x_stride)?;
    let bits = out.words_mut().chunks_exact_mut(row_words(cols));
    for (bits, x) in bits.zip(x.chunks(x_stride)) {
        pack_row(x.get(..cols).unwrap_or(x), bits, &plus);
    }
    Ok(())
}

/// Writes `+1` or `-1` for every bit: `bits.rows()` rows of `bits.cols()` numbers, `x_stride`
/// elements apart. What lies between the rows stays as it was.
///
/// # Errors
/// [`Error::TooShort`] where the stride is less than a row, or `x` ends before the last row does.
pub fn unpack<T>(bits: BitMatrixView<'_>, x: &mut [T], x_stride: usize) -> Result<(), Error>
where
    T: Copy + One + Neg<Output = T>,
{
    let (rows, cols) = (bits.rows(), bits.cols());
    strided("room for unpacked numbers", x.len(), rows, cols, x_stride)?;
    for (x, bits) in x.chunks_mut(x_stride).zip(bits.iter_rows()) {
        let (x, _) = x.split_at_mut_checked(cols).unwrap_or_default();
        for (x, word) in x.chunks_mut(WORD).zip(bits) {
            for (j, x) in x.iter_mut().enumerate() {
                *x = if word >> j & 1 == 1 {
                    T::one()
                } else {
                    -T::one()
                };
            }
        }
    }
    Ok(())
}

#[cfg(feature = "alloc")]
impl BitMatrix {
    /// Packs the signs of `x`, row-major `[rows, cols]` without gaps; see [`pack`] for strides.
    ///
    /// # Errors
    /// A zero or overflowing shape, or `x.len() != rows * cols`.
    pub fn pack<T>(x: &[T], rows: usize, cols: usize) -> Result<Self, Error>
    where
        T: Copy + PartialOrd + Zero,
    {
        let mut bits = Self::zeros(rows, cols)?;
        equal("elements to pack", rows.saturating_mul(cols), x.len())?;
        pack(x, cols, &mut bits.view_mut())?;
        Ok(bits)
    }

    /// The elements as `+1` and `-1`, row-major without gaps.
    #[must_use]
    pub fn unpack<T>(&self) -> Vec<T>
    where
        T: Copy + One + Neg<Output = T>,
    {
        let mut x = vec![T::one(); self.rows() * self.cols()];
        let done = unpack(self.view(), &mut x, self.cols());
        debug_assert_eq!(done, Ok(()));
        x
    }
}

/// Packs one row; `bits` has `row_words(x.len())` words.
fn pack_row<T: Copy>(x: &[T], bits: &mut [u64], plus: impl Fn(T) -> bool) {
    for (word, x) in bits.iter_mut().zip(x.chunks(WORD)) {
        // First a byte per element, which compilers turn into vector compares, then bytes to bits.
        let mut bytes = [0_u8; WORD];
        for (byte, x) in bytes.iter_mut().zip(x) {
            *byte = u8::from(plus(*x));
        }
        *word = gather(&bytes);
    }
}

/// The lowest bits of up to 64 bytes, each 0 or 1, as bits of a word.
pub(crate) fn gather<const BYTES: usize>(bytes: &[u8; BYTES]) -> u64 {
    let (groups, _) = bytes.as_chunks::<8>();
    groups.iter().rev().fold(0, |word, group| {
        // Byte i, at bit 8 * i, lands at bit 56 + i; no two products meet, so nothing is carried.
        let bits = u64::from_le_bytes(*group).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word << 8 | bits
    })
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_sign_law_holds_at_its_edges() -> Result<(), Error> {
        let tiny = f32::from_bits(1);
        let x = [
            0.0,
            -0.0,
            f32::NAN,
            tiny,
            -tiny,
            f32::INFINITY,
            f32::NEG_INFINITY,
        ];
        assert_eq!(BitMatrix::pack(&x, 1, 7)?.words(), [0b010_1011]);
        let x = [0.0, -0.0, -f64::NAN, 1e-300, -1e-300];
        assert_eq!(BitMatrix::pack(&x, 1, 5)?.words(), [0b0_1011]);
        assert_eq!(
            BitMatrix::pack(&[0_i8, -1, i8::MIN, i8::MAX], 1, 4)?.words(),
            [0b1001]
        );
        assert_eq!(
            BitMatrix::pack(&[0_i32, -1, i32::MIN, i32::MAX], 1, 4)?.words(),
            [0b1001]
        );
        Ok(())
    }

    #[test]
    fn a_stride_shorter_than_a_row_or_a_slice_too_short_is_refused() -> Result<(), Error> {
        let mut bits = BitMatrix::zeros(2, 3)?;
        assert!(pack(&[1.0_f32; 6], 2, &mut bits.view_mut()).is_err());
        assert!(pack(&[1.0_f32; 6], 4, &mut bits.view_mut()).is_err());
        assert!(pack(&[1.0_f32; 7], 4, &mut bits.view_mut()).is_ok());
        assert!(unpack(bits.view(), &mut [0_i8; 6], 4).is_err());
        Ok(())
    }

    #[test]
    fn packing_counts_its_elements() {
        assert!(BitMatrix::pack(&[1.0_f32; 6], 2, 3).is_ok());
        assert!(BitMatrix::pack(&[1.0_f32; 7], 2, 3).is_err());
        assert!(BitMatrix::pack::<f32>(&[], 0, 3).is_err());
    }

    proptest! {
        #[test]
        fn packing_with_a_stride_equals_the_sign_law_bit_by_bit(
            rows in 1_usize..5, cols in 1_usize..200, gap in 0_usize..9,
            fill in proptest::collection::vec(-2.0_f32..2.0, 1..400),
        ) {
            let stride = cols + gap;
            let x: Vec<f32> = fill.iter().copied().cycle().take(rows * stride).collect();
            let mut bits = BitMatrix::zeros(rows, cols)?;
            pack(&x, stride, &mut bits.view_mut())?;
            for r in 0..rows {
                for c in 0..cols {
                    prop_assert_eq!(bits.view().get(r, c), Some(x[r * stride + c] >= 0.0));
                }
            }
            prop_assert!(BitMatrixView::new(bits.words(), rows, cols).is_ok());

            let mut back = vec![7_i8; rows * stride];
            unpack(bits.view(), &mut back, stride)?;
            for (i, &v) in back.iter().enumerate() {
                let expected = if i % stride >= cols { 7 } else if x[i] >= 0.0 { 1 } else { -1 };
                prop_assert_eq!(v, expected);
            }
        }
    }
}
