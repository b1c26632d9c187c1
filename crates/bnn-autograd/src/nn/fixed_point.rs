//! Fixed-point numbers in a network, for devices without floats.

use super::{BatchNorm, Module};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::tape::Var;

/// Rounds numbers to multiples of `2^-exponent` whose integers have 16 bits, and saturates them;
/// see [`ops::fixed_point`]. It stands after every sum and mean of fixed-point numbers, where a
/// model file does the same in integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedPoint {
    /// -16 to 31.
    pub exponent: i8,
}

impl<T: Real> Module<T> for FixedPoint {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        ops::fixed_point(x, self.exponent)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.fixed_point(self.exponent)
    }
}

/// Batch normalisation of integer sums, rounded to fixed-point numbers.
///
/// In training it is [`BatchNorm`] and then [`FixedPoint`]. In evaluation it computes in integers
/// alone, as a model file does: the sum times an integer, divided by a power of two, rounded, plus
/// an integer, saturated to 16 bits. It follows a product whose sums are integers:
/// [`BinaryLinear`](super::BinaryLinear), [`BinaryConv2d`](super::BinaryConv2d),
/// [`SignWeightConv2d`](super::SignWeightConv2d), [`Int8Conv2d`](super::Int8Conv2d) without scales.
/// Child: `norm`.
#[derive(Clone, Debug)]
pub struct FixedNorm<T: Real = f32> {
    /// The normalisation.
    pub norm: BatchNorm<T>,
    /// The exponent of the outputs, which are multiples of `2^-exponent`; -16 to 31.
    pub exponent: i8,
}

impl<T: Real> FixedNorm<T> {
    /// The integers of evaluation.
    fn step(&self) -> Result<ops::FixedAffine, Error> {
        ops::check_exponent(self.exponent)?;
        let affine = self.norm.affine()?;
        Ok(ops::FixedAffine::nearest(
            &affine.scale,
            &affine.bias,
            self.exponent,
        ))
    }
}

impl<T: Real> Module<T> for FixedNorm<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        match self.norm.training {
            true => ops::fixed_point(&self.norm.forward(x)?, self.exponent),
            false => ops::fixed_affine(x, self.step()?),
        }
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        let affine = self.norm.affine()?;
        to.fixed_affine([&affine.scale, &affine.bias], self.step()?)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module<T>)) {
        visit("norm", &self.norm);
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module<T>)) {
        visit("norm", &mut self.norm);
    }
}
