//! The rectifier with learned slopes.

use super::{Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x` where `x >= 0`, else `slope * x`, one learned slope per channel of `[.., c]`; see
/// [`ops::prelu`]. Parameter: `slope`.
#[derive(Clone, Debug)]
pub struct PReLU<T: Real = f32> {
    /// The slopes, `[c]`.
    pub slope: Param<T>,
}

impl<T: Real> PReLU<T> {
    /// A layer of `channels` slopes that start at 0.25 (He et al. 2015, arXiv 1502.01852, section
    /// 2.1).
    ///
    /// # Errors
    /// A size of 0 or too large.
    pub fn new(channels: usize) -> Result<Self, Error> {
        let slope = Tensor::full(T::from_f64(0.25), &[channels])?;
        Ok(Self {
            slope: Param::new(ParamKind::Float, slope),
        })
    }
}

impl<T: Real> Module<T> for PReLU<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        ops::prelu(x, &x.tape().param(&self.slope))
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.prelu(self.slope.value())
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("slope", &self.slope);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("slope", &mut self.slope);
    }
}
