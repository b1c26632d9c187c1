//! Numbers of 16 bits with a power of two as their unit.

use bnn_core::internal::fixed;

use super::masked::{Mask, masked};
use crate::bits::pack_where;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::{for_each, for_rows};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The nearest multiples of `2^-exponent` whose integers have 16 bits, of two the greater:
/// `clip(floor(x 2^exponent + 1/2), -32768, 32767) / 2^exponent`, elementwise. NaN stays NaN.
///
/// The gradient passes where nothing is clipped. Kept for the reverse pass: one bit per element.
///
/// # Errors
/// [`Error::OutOfRange`] for an exponent outside -16 to 31.
pub fn fixed_point<T: Real>(x: &Var<T>, exponent: i8) -> Result<Var<T>, Error> {
    check_exponent(exponent)?;
    x.tape().apply(FixedPoint { exponent }, &[x])
}

/// Checks an exponent of fixed-point numbers.
pub(crate) fn check_exponent(exponent: i8) -> Result<(), Error> {
    let inside = (-16..=31).contains(&exponent);
    let what = "exponent of fixed-point numbers";
    Error::check_range(what, "-16 to 31", exponent.into(), inside)
}

/// `2^exponent`.
pub(super) fn power(exponent: i8) -> f64 {
    f64::from(exponent).exp2()
}

/// The least and the greatest integer of 16 bits.
const LEAST: f64 = i16::MIN as f64;
const MOST: f64 = i16::MAX as f64;

/// The nearest integer of 16 bits; NaN stays NaN. Training computes with integers as `f64`, which
/// holds them exactly and of which every instruction set has vectors.
#[inline(always)]
pub(super) fn clip(v: f64) -> f64 {
    v.clamp(LEAST, MOST)
}

/// What integers cannot tell, to be added to a result: NaN where one of the numbers that they stand
/// for is not finite, else 0. So a training run that diverges is seen in its loss.
pub(super) fn unless_finite<T: Real, const N: usize>(numbers: [T; N]) -> f64 {
    match numbers.iter().all(|number| number.is_finite()) {
        true => 0.0,
        false => f64::NAN,
    }
}

struct FixedPoint {
    exponent: i8,
}

impl<T: Real> Function<T> for FixedPoint {
    fn name(&self) -> &'static str {
        "fixed_point"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of fixed_point", given)?;
        let (up, down) = (power(self.exponent), power(-self.exponent));
        // In `f64` no sum is rounded.
        let sum = |x: T| x.as_f64() * up + 0.5;
        if ctx.varies(0) {
            let (rows, cols) = x.rows_cols();
            // What `floor` makes of the sum is within 16 bits.
            let passes = pack_where(x.data(), rows, cols, |x| {
                (LEAST..MOST + 1.0).contains(&sum(x))
            })?;
            ctx.save(Mask { passes });
        }
        let mut y = (*x).clone();
        for_each(y.data_mut(), |x| {
            *x = T::from_f64(clip(sum(*x).floor()) * down);
        });
        Ok(vec![y])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        masked(ctx, grad_outputs)
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        masked(ctx, tangents)
    }
}

/// An affine step from integers to fixed-point numbers, in integers: per channel
/// `round(v * factor / 2^shift) + bias`, saturated to 16 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FixedAffine {
    pub(crate) factor: Vec<i32>,
    pub(crate) bias: Vec<i32>,
    pub(crate) shift: u8,
    /// The exponent of the results.
    pub(crate) exponent: i8,
}

/// Factors are at most this, so that they times a sum of 32 bits, and rounded, fit 64 bits.
const MOST_FACTOR: f64 = (1_u64 << 30) as f64;

impl FixedAffine {
    /// The step nearest to `scale * v + bias`.
    pub(crate) fn nearest<T: Real>(scale: &[T], bias: &[T], exponent: i8) -> Self {
        let unit = power(exponent);
        let largest = scale.iter().map(|s| s.as_f64().abs() * unit);
        let largest = largest.fold(f64::MIN_POSITIVE, f64::max);
        // The largest shift that keeps all factors small enough.
        let shift = (MOST_FACTOR / largest).log2().floor();
        let shift = shift.clamp(0.0, fixed::MAX_SHIFT.into()) as u8; // NaN, refused elsewhere, is 0
        let scaled = unit * f64::from(shift).exp2();
        // A cast of `f64` saturates.
        let integer = |x: f64| (x + 0.5).floor() as i32;
        Self {
            factor: scale.iter().map(|s| integer(s.as_f64() * scaled)).collect(),
            bias: bias.iter().map(|b| integer(b.as_f64() * unit)).collect(),
            shift,
            exponent,
        }
    }
}

/// [`FixedAffine`] of integers `[.., c]`, sums of a product, without a gradient.
pub(crate) fn fixed_affine<T: Real>(x: &Var<T>, step: FixedAffine) -> Result<Var<T>, Error> {
    x.tape().apply(step, &[x])
}

impl<T: Real> Function<T> for FixedAffine {
    fn name(&self) -> &'static str {
        "fixed_affine"
    }

    fn forward(&self, _: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of fixed_affine", given)?;
        let (_, columns) = x.rows_cols();
        Error::check_count("columns of fixed_affine", self.factor.len(), columns)?;
        let down = power(-self.exponent);
        let mut y = (*x).clone();
        for_rows(y.data_mut(), columns, |row| {
            let steps = self.factor.iter().zip(&self.bias);
            for (x, (&factor, &bias)) in row.iter_mut().zip(steps) {
                let v = fixed::affine(x.as_f64() as i32, factor, bias, self.shift);
                *x = T::from_f64(f64::from(fixed::saturated(v)) * down);
            }
        });
        Ok(vec![y])
    }
}
