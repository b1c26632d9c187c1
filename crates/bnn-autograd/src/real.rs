//! The element types of the tape: `f32` for training, `f64` so that gradient checks are sharp.

use std::fmt::{Debug, Display};
use std::iter::Sum;

use num_traits::{Float, NumAssign};

use crate::buffer::Pooled;

/// A floating-point element: `f32` (training) or `f64` (gradient checks).
///
/// The trait is sealed, because the float products and the checkpoint format know exactly these two
/// types.
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
    /// The value as `f64`.
    fn as_f64(self) -> f64;
}

/// `+1` where `x >= 0`, else `-1`: `+1` for `-0.0`, `-1` for NaN.
pub(crate) fn sign_of<T: Real>(x: T) -> T {
    if x >= T::zero() { T::one() } else { -T::one() }
}

pub(crate) mod sealed {
    use super::Pooled;

    /// Facts about an element type that the crate needs besides arithmetic.
    #[allow(private_bounds, reason = "the trait is sealed")]
    pub trait Element: ndarray::LinalgScalar + Pooled {
        /// The eight signs (+1 or -1) that each byte of sign bits stands for.
        const SIGNS: &'static [[Self; 8]; 256];
        /// The elements as `f32` if that is their type, for operations that only `f32` has.
        fn as_f32s(x: &[Self]) -> Option<&[f32]>;
        /// [`Element::as_f32s`] of mutable elements.
        fn as_f32s_mut(x: &mut [Self]) -> Option<&mut [f32]>;
        /// Truncated and saturated to `i16`; NaN gives 0.
        fn truncated_i16(self) -> i16;
        /// The nearest integer; ties go to the even one, as in IEEE 754.
        fn rounded_to_even(self) -> Self;
        /// Appends the little-endian bytes.
        fn put_le(self, bytes: &mut Vec<u8>);
        /// Reads one value from its little-endian bytes; `None` if their number is wrong.
        fn from_le(bytes: &[u8]) -> Option<Self>;
    }
}

macro_rules! real {
    ($t:ty, $as_f32s:expr, $as_f32s_mut:expr) => {
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
            fn as_f32s(x: &[Self]) -> Option<&[f32]> {
                $as_f32s(x)
            }
            fn as_f32s_mut(x: &mut [Self]) -> Option<&mut [f32]> {
                $as_f32s_mut(x)
            }
            fn truncated_i16(self) -> i16 {
                self as i16
            }
            fn rounded_to_even(self) -> Self {
                self.round_ties_even()
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

real!(f32, Some, Some);
real!(f64, |_| None, |_| None);
