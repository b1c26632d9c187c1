//! Fixed-point numbers in a network, for devices without floats.

use super::{BatchNorm, Module, PReLU, Param, RPReLU};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Rounds numbers to multiples of `2^-exponent` whose integers have 16 bits, and saturates them;
/// see [`ops::fixed_point`]. It stands after every sum and mean of fixed-point numbers, where a
/// model file does the same in integers; after a product of integers it makes its sums fixed-point
/// numbers.
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
/// [`SignWeightConv2d`](super::SignWeightConv2d), [`Int8Conv2d`](super::Int8Conv2d) without scales;
/// or other integers of 16 bits, fixed-point numbers with the exponent 0. Child: `norm`.
#[derive(Clone, Debug)]
pub struct FixedNorm<T: Real = f32> {
    /// The normalisation.
    pub norm: BatchNorm<T>,
    /// The exponent of the outputs, which are multiples of `2^-exponent`; -16 to 31.
    pub exponent: i8,
}

impl<T: Real> FixedNorm<T> {
    /// The integers of evaluation, for sums that are multiples of `2^-from`.
    pub(super) fn step(&self, from: i8) -> Result<ops::FixedAffine, Error> {
        ops::check_exponent(self.exponent)?;
        let affine = self.norm.affine()?;
        let exponents = ops::Exponents {
            from,
            to: self.exponent,
        };
        Ok(exponents.step(&affine.scale, &affine.bias))
    }

    /// [`Module::lower`], for sums that are multiples of `2^-from`.
    pub(super) fn lower_of(&self, to: &mut Lowering, from: i8) -> Result<(), ExportError> {
        let affine = self.norm.affine()?;
        to.fixed_affine([&affine.scale, &affine.bias], self.step(from)?)
    }
}

impl<T: Real> Module<T> for FixedNorm<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        match self.norm.training {
            true => ops::fixed_point(&self.norm.forward(x)?, self.exponent),
            false => ops::fixed_affine(x, self.step(0)?),
        }
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        self.lower_of(to, 0)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module<T>)) {
        visit("norm", &self.norm);
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module<T>)) {
        visit("norm", &mut self.norm);
    }
}

/// [`PReLU`] of fixed-point numbers, to such numbers with the same exponent, in the integers of a
/// model file, in training too: a negative number times an integer, divided by 2^16, rounded,
/// saturated to 16 bits. Gradients pass straight through the rounding, where nothing is clipped.
/// Parameter: `slope`.
#[derive(Clone, Debug)]
pub struct FixedPReLU<T: Real = f32> {
    /// The rectifier with its slopes.
    pub prelu: PReLU<T>,
    /// The exponent of inputs and outputs, multiples of `2^-exponent`; -16 to 31.
    pub exponent: i8,
}

impl<T: Real> Module<T> for FixedPReLU<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let slope = x.tape().param(&self.prelu.slope);
        let nothing = Tensor::full(T::zero(), slope.shape())?;
        let nothing = x.tape().constant(nothing);
        ops::fixed_rprelu(x, [&nothing, &slope, &nothing], self.exponent)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.fixed_prelu(self.prelu.slope.value(), self.exponent)
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        self.prelu.params(visit);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        self.prelu.params_mut(visit);
    }
}

/// [`RPReLU`] of fixed-point numbers, to such numbers with the same exponent, in the integers of a
/// model file, in training too: shifts are rounded to multiples of `2^-exponent` whose integers have
/// 32 bits, sums saturate to 16, and between them it is [`FixedPReLU`]. Parameters: those of
/// [`RPReLU`].
#[derive(Clone, Debug)]
pub struct FixedRPReLU<T: Real = f32> {
    /// The rectifier with its slopes and shifts.
    pub rprelu: RPReLU<T>,
    /// The exponent of inputs and outputs, multiples of `2^-exponent`; -16 to 31.
    pub exponent: i8,
}

impl<T: Real> Module<T> for FixedRPReLU<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let numbers = self.rprelu.numbers().map(|param| x.tape().param(param));
        ops::fixed_rprelu(x, numbers.each_ref(), self.exponent)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        let numbers = self.rprelu.numbers().map(Param::value);
        to.fixed_rprelu(numbers, self.exponent)
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        self.rprelu.params(visit);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        self.rprelu.params_mut(visit);
    }
}
