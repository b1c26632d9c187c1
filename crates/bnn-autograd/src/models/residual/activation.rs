//! The learned activation of a unit, of real or fixed-point numbers.

use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::nn::{FixedRPReLU, Module, Param, RPReLU};
use crate::tape::Var;

/// [`RPReLU`] whose inputs and outputs are real or fixed-point numbers; parameters are called the
/// same in both forms.
#[derive(Clone, Debug)]
pub(super) enum Activation {
    Real(RPReLU),
    Fixed(FixedRPReLU),
}

impl Activation {
    pub(super) fn new(channels: usize, exponent: Option<i8>) -> Result<Self, Error> {
        let rprelu = RPReLU::new(channels)?;
        Ok(match exponent {
            None => Self::Real(rprelu),
            Some(exponent) => Self::Fixed(FixedRPReLU { rprelu, exponent }),
        })
    }

    /// Shifts before, slopes, shifts after.
    pub(super) fn numbers(&self) -> [&Param; 3] {
        match self {
            Self::Real(rprelu) => rprelu.numbers(),
            Self::Fixed(fixed) => fixed.rprelu.numbers(),
        }
    }

    fn inner(&self) -> &dyn Module {
        match self {
            Self::Real(rprelu) => rprelu,
            Self::Fixed(rprelu) => rprelu,
        }
    }

    fn inner_mut(&mut self) -> &mut dyn Module {
        match self {
            Self::Real(rprelu) => rprelu,
            Self::Fixed(rprelu) => rprelu,
        }
    }
}

impl Module for Activation {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        self.inner_mut().forward(x)
    }

    fn kind(&self) -> &'static str {
        self.inner().kind()
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        self.inner().lower(to)
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param)) {
        self.inner().params(visit);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param)) {
        self.inner_mut().params_mut(visit);
    }
}
