//! Numbers to sign bits and back. Only the functions of the instruction sets,
//! `kernel/arch/**/pack.rs`, compute the sign law.

#[cfg(feature = "alloc")]
mod owned;

use num_traits::Zero;

use crate::bits::{BitMatrixView, BitMatrixViewMut};
use crate::error::Error;
use crate::kernel::loops::Loop;
use crate::kernel::vectorised;
use crate::kernel::{Kernel, pack_row, unpack_row};
use crate::shape::{row_words, strided};

/// A signed number that packs to one bit: `f32`, `f64`, `i8`, `i16`, `i32`, `i64`.
///
/// Sealed, because instruction sets have their own functions for some of these types. For other
/// types use [`pack_where`].
pub trait Number: Copy + PartialOrd + Zero + sealed::SignRow {}

mod sealed {
    use crate::kernel::Kernel;

    /// Packing and unpacking one row; see [`Packing`](crate::kernel::packing::Packing).
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
/// [`Error::TooShort`] if the stride is shorter than a row, or `x` is too short for the last row;
/// otherwise as [`Kernel::active`].
pub fn pack<T: Number>(
    x: &[T],
    x_stride: usize,
    out: &mut BitMatrixViewMut<'_>,
) -> Result<(), Error> {
    let kernel = Kernel::active()?;
    pack_rows(x, x_stride, out, |x, bits| T::pack(kernel, x, bits))
}

/// Packs rows of bytes as [`pack`] does, with bit 1 where `x >= threshold`.
///
/// # Errors
/// Those of [`pack`].
pub fn pack_threshold(
    x: &[u8],
    x_stride: usize,
    threshold: u8,
    out: &mut BitMatrixViewMut<'_>,
) -> Result<(), Error> {
    let at_least = Kernel::active()?.packing().at_least;
    pack_rows(x, x_stride, out, |x, bits| at_least(x, threshold, bits))
}

/// Packs as [`pack`] does, with bit 1 where `plus` holds: for a range mask, or a threshold other
/// than 0.
///
/// # Errors
/// Those of [`pack`].
pub fn pack_where<T: Copy>(
    x: &[T],
    x_stride: usize,
    out: &mut BitMatrixViewMut<'_>,
    plus: impl Fn(T) -> bool,
) -> Result<(), Error> {
    let (rows, cols) = (out.rows(), out.cols());
    strided("numbers to pack", x.len(), rows, cols, x_stride)?;
    vectorised(PackWhere {
        x: x.chunks(x_stride),
        bits: out.words_mut().chunks_exact_mut(row_words(cols)),
        cols,
        plus,
    });
    Ok(())
}

/// The loop of [`pack_where`]: rows of at least `cols` numbers, and their words.
struct PackWhere<X, B, F> {
    x: X,
    bits: B,
    cols: usize,
    plus: F,
}

impl<'a, T, X, B, F> Loop for PackWhere<X, B, F>
where
    T: Copy + 'a,
    X: Iterator<Item = &'a [T]>,
    B: Iterator<Item = &'a mut [u64]>,
    F: Fn(T) -> bool,
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (bits, x) in self.bits.zip(self.x) {
            pack_row(x.get(..self.cols).unwrap_or(x), bits, &self.plus);
        }
    }
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
/// elements apart. The elements between the rows stay as they were.
///
/// # Errors
/// [`Error::TooShort`] if the stride is shorter than a row, or `x` is too short for the last row;
/// otherwise as [`Kernel::active`].
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

#[cfg(all(test, feature = "alloc"))]
mod laws;
