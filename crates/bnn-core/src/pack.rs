//! Numbers to sign bits and back. The sign law itself is computed by the functions of the instruction
//! set, `kernel/arch/**/pack.rs`, and nowhere else.

#[cfg(feature = "alloc")]
use alloc::vec;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use num_traits::Zero;

#[cfg(feature = "alloc")]
use crate::bits::BitMatrix;
use crate::bits::{BitMatrixView, BitMatrixViewMut};
use crate::error::Error;
use crate::kernel::{Kernel, pack_row, unpack_row};
#[cfg(feature = "alloc")]
use crate::shape::equal;
use crate::shape::{row_words, strided};

/// A signed number that packs to one bit: `f32`, `f64`, `i8`, `i16`, `i32`, `i64`.
///
/// Sealed: an instruction set has functions of its own for some of them. For other types there is
/// [`pack_where`].
pub trait Number: Copy + PartialOrd + Zero + sealed::SignRow {}

mod sealed {
    use crate::kernel::Kernel;

    /// Packing and unpacking one row, as [`Packing`](crate::kernel::packing::Packing) says.
    pub trait SignRow: Sized {
        fn pack(kernel: &Kernel, x: &[Self], bits: &mut [u64]);
        fn unpack(kernel: &Kernel, bits: &[u64], x: &mut [Self]);
    }
}

macro_rules! number {
    ($($t:ident: $pack:ident, $unpack:ident);+) => {$(
        impl Number for $t {}
        impl sealed::SignRow for $t {
            fn pack(kernel: &Kernel, x: &[Self], bits: &mut [u64]) {
                (kernel.packing().$pack)(x, bits);
            }
            fn unpack(kernel: &Kernel, bits: &[u64], x: &mut [Self]) {
                (kernel.packing().$unpack)(bits, x);
            }
        }
    )+};
    ($($t:ident),+) => {$(
        impl Number for $t {}
        impl sealed::SignRow for $t {
            fn pack(_: &Kernel, x: &[Self], bits: &mut [u64]) {
                pack_row(x, bits, |x| x >= 0);
            }
            fn unpack(_: &Kernel, bits: &[u64], x: &mut [Self]) {
                unpack_row(bits, x, 1, -1);
            }
        }
    )+};
}

number!(f32: f32, unpack_f32; f64: f64, unpack_f64; i8: i8, unpack_i8);
number!(i16, i32, i64);

/// Packs the signs of `out.rows()` rows of `out.cols()` numbers, `x_stride` elements apart.
///
/// The sign law: bit 1 (`+1`) where `x >= 0`, else bit 0 (`-1`); so `-0.0` is `+1` and NaN is `-1`.
///
/// # Errors
/// [`Error::TooShort`] where the stride is less than a row, or `x` ends before the last row does;
/// else as [`Kernel::active`].
pub fn pack<T: Number>(
    x: &[T],
    x_stride: usize,
    out: &mut BitMatrixViewMut<'_>,
) -> Result<(), Error> {
    let kernel = Kernel::active()?;
    pack_rows(x, x_stride, out, |x, bits| T::pack(kernel, x, bits))
}

/// Packs rows of bytes, as [`pack`] takes them: bit 1 where `x >= threshold`.
///
/// # Errors
/// As [`pack`].
pub fn pack_threshold(
    x: &[u8],
    x_stride: usize,
    threshold: u8,
    out: &mut BitMatrixViewMut<'_>,
) -> Result<(), Error> {
    let at_least = Kernel::active()?.packing().at_least;
    pack_rows(x, x_stride, out, |x, bits| at_least(x, threshold, bits))
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
    pack_rows(x, x_stride, out, |x, bits| pack_row(x, bits, &plus))
}

fn pack_rows<T>(
    x: &[T],
    x_stride: usize,
    out: &mut BitMatrixViewMut<'_>,
    pack_row: impl Fn(&[T], &mut [u64]),
) -> Result<(), Error> {
    let (rows, cols) = (out.rows(), out.cols());
    strided("numbers to pack", x.len(), rows, cols, x_stride)?;
    let bits = out.words_mut().chunks_exact_mut(row_words(cols));
    for (bits, x) in bits.zip(x.chunks(x_stride)) {
        pack_row(x.get(..cols).unwrap_or(x), bits);
    }
    Ok(())
}

/// Writes `+1` or `-1` for every bit: `bits.rows()` rows of `bits.cols()` numbers, `x_stride`
/// elements apart. What lies between the rows stays as it was.
///
/// # Errors
/// [`Error::TooShort`] where the stride is less than a row, or `x` ends before the last row does;
/// else as [`Kernel::active`].
pub fn unpack<T: Number>(
    bits: BitMatrixView<'_>,
    x: &mut [T],
    x_stride: usize,
) -> Result<(), Error> {
    let (rows, cols) = (bits.rows(), bits.cols());
    strided("room for unpacked numbers", x.len(), rows, cols, x_stride)?;
    let kernel = Kernel::active()?;
    for (x, bits) in x.chunks_mut(x_stride).zip(bits.iter_rows()) {
        let (x, _) = x.split_at_mut_checked(cols).unwrap_or_default();
        T::unpack(kernel, bits, x);
    }
    Ok(())
}

#[cfg(feature = "alloc")]
impl BitMatrix {
    /// Packs the signs of `x`, row-major `[rows, cols]` without gaps; see [`pack`] for strides.
    ///
    /// # Errors
    /// A zero or overflowing shape, or `x.len() != rows * cols`; else as [`Kernel::active`].
    pub fn pack<T: Number>(x: &[T], rows: usize, cols: usize) -> Result<Self, Error> {
        let mut bits = Self::zeros(rows, cols)?;
        equal("elements to pack", rows.saturating_mul(cols), x.len())?;
        pack(x, cols, &mut bits.view_mut())?;
        Ok(bits)
    }

    /// The elements as `+1` and `-1`, row-major without gaps.
    ///
    /// # Errors
    /// As [`Kernel::active`].
    pub fn unpack<T: Number>(&self) -> Result<Vec<T>, Error> {
        let mut x = vec![T::zero(); self.rows() * self.cols()];
        unpack(self.view(), &mut x, self.cols())?;
        Ok(x)
    }
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

        #[test]
        fn a_threshold_on_bytes_is_a_comparison(
            rows in 1_usize..4, cols in 1_usize..200, gap in 0_usize..9, threshold: u8,
            fill in proptest::collection::vec(any::<u8>(), 1..400),
        ) {
            let stride = cols + gap;
            let x: Vec<u8> = fill.iter().copied().cycle().take(rows * stride).collect();
            let (mut bits, mut expected) = (BitMatrix::zeros(rows, cols)?, BitMatrix::zeros(rows, cols)?);
            pack_threshold(&x, stride, threshold, &mut bits.view_mut())?;
            pack_where(&x, stride, &mut expected.view_mut(), |x| x >= threshold)?;
            prop_assert_eq!(bits, expected);
        }

        #[test]
        fn every_type_packs_and_unpacks_the_same(
            cols in 1_usize..200, fill in proptest::collection::vec(any::<i8>(), 200),
        ) {
            fn there_and_back<T: Number + From<i8>>(x: &[i8]) -> Result<(BitMatrix, bool), Error> {
                let x: Vec<T> = x.iter().map(|&x| x.into()).collect();
                let bits = BitMatrix::pack(&x, 1, x.len())?;
                let signs = x.iter().map(|&x| T::from(if x >= T::zero() { 1 } else { -1 }));
                let same = signs.eq(bits.unpack::<T>()?);
                Ok((bits, same))
            }
            let x = &fill[..cols];
            let expected = (BitMatrix::pack(x, 1, cols)?, true);
            prop_assert_eq!(&there_and_back::<i8>(x)?, &expected);
            prop_assert_eq!(&there_and_back::<i16>(x)?, &expected);
            prop_assert_eq!(&there_and_back::<i32>(x)?, &expected);
            prop_assert_eq!(&there_and_back::<i64>(x)?, &expected);
            prop_assert_eq!(&there_and_back::<f32>(x)?, &expected);
            prop_assert_eq!(&there_and_back::<f64>(x)?, &expected);
        }
    }
}
