//! Activations with learned shifts (Liu et al. 2020, ReActNet, arXiv 2003.03488).

use super::{Module, PReLU, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, Estimator};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// RSign: `sign(x + shift)` for `[.., c]`, one learned shift per channel (the threshold `alpha` of
/// the paper is `-shift`). At the threshold itself the sign is `+1`, as everywhere here.
///
/// The first layer of a network is exported as
/// [`InputType::Thresholds`](bnn_core::model::InputType::Thresholds), a layer after a product as
/// thresholds of the product's sums.
///
/// Put a [`BinaryLinear`](super::BinaryLinear) with [`Estimator::Identity`] after it. Parameter:
/// `shift`.
#[derive(Clone, Debug)]
pub struct RSign<T: Real = f32> {
    /// The shifts, `[c]`.
    pub shift: Param<T>,
    /// The pseudo-gradient of the sign.
    pub estimator: Estimator,
}

impl<T: Real> RSign<T> {
    /// A layer of `channels` shifts that start at 0, with the gradient [`Estimator::Approx`].
    ///
    /// # Errors
    /// A size of 0 or too large.
    pub fn new(channels: usize) -> Result<Self, Error> {
        Ok(Self {
            shift: zeros(channels)?,
            estimator: Estimator::Approx,
        })
    }
}

impl<T: Real> Module<T> for RSign<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let x = ops::shift(x, &x.tape().param(&self.shift))?;
        ops::sign(&x, self.estimator)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.shifted_sign(self.shift.value())
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("shift", &self.shift);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("shift", &mut self.shift);
    }
}

/// RPReLU: `prelu(x + before) + after` for `[.., c]`, all three learned per channel (of the paper
/// `gamma` is `-before` and `zeta` is `after`).
///
/// Parameters: `before` (starts at 0), `slope` (0.25), `after` (0).
#[derive(Clone, Debug)]
pub struct RPReLU<T: Real = f32> {
    /// The shifts before the rectifier, `[c]`.
    pub before: Param<T>,
    /// The rectifier with its slopes.
    pub prelu: PReLU<T>,
    /// The shifts after the rectifier, `[c]`.
    pub after: Param<T>,
}

impl<T: Real> RPReLU<T> {
    /// A layer of `channels` channels.
    ///
    /// # Errors
    /// A size of 0 or too large.
    pub fn new(channels: usize) -> Result<Self, Error> {
        Ok(Self {
            before: zeros(channels)?,
            prelu: PReLU::new(channels)?,
            after: zeros(channels)?,
        })
    }

    /// Shifts before, slopes, shifts after.
    pub(crate) fn numbers(&self) -> [&Param<T>; 3] {
        [&self.before, &self.prelu.slope, &self.after]
    }
}

impl<T: Real> Module<T> for RPReLU<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let (before, after) = (x.tape().param(&self.before), x.tape().param(&self.after));
        let x = self.prelu.forward(&ops::shift(x, &before)?)?;
        ops::shift(&x, &after)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        let [before, slope, after] = self.numbers().map(Param::value);
        to.rprelu(before, slope, after)
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("before", &self.before);
        self.prelu.params(visit);
        visit("after", &self.after);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("before", &mut self.before);
        self.prelu.params_mut(visit);
        visit("after", &mut self.after);
    }
}

fn zeros<T: Real>(channels: usize) -> Result<Param<T>, Error> {
    let zeros = Tensor::full(T::zero(), &[channels])?;
    Ok(Param::new(ParamKind::Float, zeros))
}
