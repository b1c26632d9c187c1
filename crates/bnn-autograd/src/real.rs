//! The element types of the tape: f32 to train, f64 so that gradient checks are sharp.

use std::fmt::{Debug, Display};
use std::iter::Sum;

use bnn_core::conv::PackedFilters;
use bnn_core::{BitMatrixView, PackedWeights};
use num_traits::{Float, NumAssign};

use crate::buffer::Pool;
use crate::linalg::{
    Mat, Right, fast_product_f32, sign_conv2d_f32, sign_conv2d_f64, sign_product_f32,
    sign_product_f64,
};

/// A floating-point element: `f32` (training) or `f64` (gradient checks).
///
/// Sealed: the float GEMM and the checkpoint format know exactly these two types.
pub trait Real:
    sealed::Element
    + bnn_core::Number
    + Float
    + NumAssign
    + Sum
    + Debug
    + Display
    + Default
    + Send
    + Sync
    + 'static
{
    /// The nearest value of this type.
    fn from_f64(x: f64) -> Self;
    /// The nearest value of this type; exact up to 2^24 in magnitude for `f32`.
    fn from_i32(x: i32) -> Self;
    /// The same value as `f64`.
    fn as_f64(self) -> f64;
}

/// `+1` where `x >= 0`, else `-1`: of `-0.0` it is `+1`, of NaN `-1`.
pub(crate) fn sign_of<T: Real>(x: T) -> T {
    if x >= T::zero() { T::one() } else { -T::one() }
}

pub(crate) mod sealed {
    use bnn_core::conv::PackedFilters;
    use bnn_core::{BitMatrixView, PackedWeights};

    use crate::buffer::Pool;
    use crate::linalg::{Mat, Right};

    /// What the crate needs of an element type besides arithmetic.
    pub trait Element: ndarray::LinalgScalar {
        /// For every byte of sign bits the eight numbers (+1 or -1) that it stands for.
        const SIGNS: &'static [[Self; 8]; 256];
        /// Writes `a · b` to `out` in a way that this CPU has for the type and such a `b` only; false where there is
        /// none, and nothing is written.
        #[allow(private_interfaces, reason = "the trait is sealed")]
        fn fast_product(a: Mat<'_, Self>, b: Right<'_, Self>, out: &mut [Self]) -> bool;
        /// The same elements where they are `f32`, for what only that type has.
        fn as_f32s(x: &[Self]) -> Option<&[f32]>;
        /// As above, to be written.
        fn as_f32s_mut(x: &mut [Self]) -> Option<&mut [f32]>;
        /// The products of signs, `[x.rows, weights.rows]`, to every element of `y`.
        fn sign_product(
            x: BitMatrixView<'_>,
            weights: &PackedWeights,
            y: &mut [Self],
        ) -> Result<(), bnn_core::Error>;
        /// Memory of tensors of this type that waits for its next use.
        fn pool() -> &'static Pool<Self>;
        /// Truncated and saturated to `i16`; NaN gives 0.
        fn truncated_i16(self) -> i16;
        /// The nearest integer; of two that are equally near the even one, as IEEE 754 rounds.
        fn rounded_to_even(self) -> Self;
        /// The convolution of signs, a row of outputs per window, to every element of `y`.
        fn sign_conv2d(
            pixels: BitMatrixView<'_>,
            filters: &PackedFilters,
            y: &mut [Self],
        ) -> Result<(), bnn_core::Error>;
        /// Appends the little-endian bytes.
        fn put_le(self, bytes: &mut Vec<u8>);
        /// Reads one value from its little-endian bytes; `None` where the length is wrong.
        fn from_le(bytes: &[u8]) -> Option<Self>;
    }
}

macro_rules! real {
    ($t:ty, $as_f32s:expr, $as_f32s_mut:expr, $fast_product:expr, $sign_product:expr, $sign_conv2d:expr) => {
        impl Real for $t {
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            fn from_i32(x: i32) -> Self {
                x as $t
            }
            fn as_f64(self) -> f64 {
                self.into()
            }
        }

        impl sealed::Element for $t {
            const SIGNS: &'static [[Self; 8]; 256] = {
                static TABLE: [[$t; 8]; 256] = {
                    let mut table = [[-1.0; 8]; 256];
                    let mut i = 0;
                    while i < 256 * 8 {
                        if i / 8 >> (i % 8) & 1 == 1 {
                            table[i / 8][i % 8] = 1.0;
                        }
                        i += 1;
                    }
                    table
                };
                &TABLE
            };
            #[allow(private_interfaces, reason = "the trait is sealed")]
            fn fast_product(a: Mat<'_, Self>, b: Right<'_, Self>, out: &mut [Self]) -> bool {
                $fast_product(a, b, out)
            }
            fn as_f32s(x: &[Self]) -> Option<&[f32]> {
                $as_f32s(x)
            }
            fn as_f32s_mut(x: &mut [Self]) -> Option<&mut [f32]> {
                $as_f32s_mut(x)
            }
            fn sign_product(
                x: BitMatrixView<'_>,
                weights: &PackedWeights,
                y: &mut [Self],
            ) -> Result<(), bnn_core::Error> {
                $sign_product(x, weights, y)
            }
            fn pool() -> &'static Pool<Self> {
                static POOL: Pool<$t> = Pool::new();
                &POOL
            }
            fn truncated_i16(self) -> i16 {
                self as i16
            }
            fn rounded_to_even(self) -> Self {
                self.round_ties_even()
            }
            fn sign_conv2d(
                pixels: BitMatrixView<'_>,
                filters: &PackedFilters,
                y: &mut [Self],
            ) -> Result<(), bnn_core::Error> {
                $sign_conv2d(pixels, filters, y)
            }
            fn put_le(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn from_le(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }
        }
    };
}

real!(
    f32,
    Some,
    Some,
    fast_product_f32,
    sign_product_f32,
    sign_conv2d_f32
);
real!(
    f64,
    |_| None,
    |_| None,
    |_, _, _| false,
    sign_product_f64,
    sign_conv2d_f64
);
