//! The normalisation of a residual network, and the rounding of what follows it.

use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::nn::{BatchNorm, FixedNorm, FixedPoint, Module};
use crate::ops;
use crate::tape::Var;

/// Batch normalisation whose outputs are real or fixed-point numbers.
#[derive(Clone, Debug)]
pub(super) enum Norm {
    Real(BatchNorm),
    Fixed(FixedNorm),
}

impl Norm {
    pub(super) fn new(channels: usize, exponent: Option<i8>) -> Result<Self, Error> {
        let norm = BatchNorm::new(channels)?;
        Ok(match exponent {
            None => Self::Real(norm),
            Some(exponent) => {
                ops::check_exponent(exponent)?;
                Self::Fixed(FixedNorm { norm, exponent })
            }
        })
    }

    fn inner(&self) -> &dyn Module {
        match self {
            Self::Real(norm) => norm,
            Self::Fixed(norm) => norm,
        }
    }
}

impl Module for Norm {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        match self {
            Self::Real(norm) => norm.forward(x),
            Self::Fixed(norm) => norm.forward(x),
        }
    }

    fn kind(&self) -> &'static str {
        self.inner().kind()
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        self.inner().lower(to)
    }

    // Its one child has the name of its own, so that parameters are called the same in both forms.
    fn params(&self, visit: &mut dyn FnMut(&str, &crate::nn::Param)) {
        match self {
            Self::Real(norm) => norm.params(visit),
            Self::Fixed(norm) => norm.norm.params(visit),
        }
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut crate::nn::Param)) {
        match self {
            Self::Real(norm) => norm.params_mut(visit),
            Self::Fixed(norm) => norm.norm.params_mut(visit),
        }
    }

    fn buffers(&self, visit: &mut dyn FnMut(&str, &crate::tensor::Tensor)) {
        match self {
            Self::Real(norm) => norm.buffers(visit),
            Self::Fixed(norm) => norm.norm.buffers(visit),
        }
    }

    fn buffers_mut(&mut self, visit: &mut dyn FnMut(&str, &mut crate::tensor::Tensor)) {
        match self {
            Self::Real(norm) => norm.buffers_mut(visit),
            Self::Fixed(norm) => norm.norm.buffers_mut(visit),
        }
    }

    fn set_training(&mut self, training: bool) {
        match self {
            Self::Real(norm) => norm.training = training,
            Self::Fixed(norm) => norm.norm.training = training,
        }
    }

    fn is_training(&self) -> Option<bool> {
        match self {
            Self::Real(norm) => Some(norm.training),
            Self::Fixed(norm) => Some(norm.norm.training),
        }
    }
}

/// Rounds a sum or a mean, if numbers are fixed-point ones.
pub(super) fn rounded(x: Var, exponent: Option<i8>) -> Result<Var, Error> {
    match exponent {
        None => Ok(x),
        Some(exponent) => FixedPoint { exponent }.forward(&x),
    }
}

/// What [`rounded`] is in a file.
pub(super) fn lower_rounded(to: &mut Lowering, exponent: Option<i8>) -> Result<(), ExportError> {
    match exponent {
        None => Ok(()),
        Some(exponent) => to.fixed_point(exponent),
    }
}
