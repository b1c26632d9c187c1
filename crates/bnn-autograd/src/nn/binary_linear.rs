//! The binary layer with its latent weights.

use super::{Init, Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, BinaryLinearForward, Estimator, ScaledSign};
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;

/// `sign(x) · sign(weight)^T` on bits: input `[.., k]`, latent weights `[n, k]`, output `[.., n]`.
///
/// Initially, the gradient of the input's signs is [`Estimator::Clipped`] and the gradient of the
/// weights' signs passes straight through; see [`ops::binary_linear`] for gradients and memory.
/// Parameter: `weight`.
///
/// ```
/// use bnn_autograd::nn::BinaryLinear;
/// use bnn_autograd::ops::{Estimator, ScaledSign};
/// use bnn_autograd::{Error, Rng};
///
/// # fn main() -> Result<(), Error> {
/// let as_in_bi_real_net = BinaryLinear::<f32> {
///     estimator: Estimator::Approx,
///     scaled_signs: Some(ScaledSign::MagnitudeAware),
///     ..BinaryLinear::new(64, 10, &mut Rng::new(1))?
/// };
/// # let _ = as_in_bi_real_net;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BinaryLinear<T: Real = f32> {
    /// The latent weights, `[n, k]`.
    pub weight: Param<T>,
    /// The pseudo-gradient of the input's signs. For an input that consists of signs, use
    /// [`Estimator::Identity`], which keeps nothing.
    pub estimator: Estimator,
    /// Multiplies each output by the mean of `|w|` over its weights, with the gradient that belongs
    /// to it; see [`ops::scaled_binary_linear`].
    pub scaled_signs: Option<ScaledSign>,
}

impl<T: Real> BinaryLinear<T> {
    /// A layer of `inputs` to `outputs` features; latent weights start Glorot-uniform.
    ///
    /// # Errors
    /// Sizes of 0 or too large.
    pub fn new(inputs: usize, outputs: usize, rng: &mut Rng) -> Result<Self, Error> {
        let weight = Init::GlorotUniform.tensor(&[outputs, inputs], rng)?;
        Ok(Self {
            weight: Param::new(ParamKind::Binary, weight),
            estimator: Estimator::default(),
            scaled_signs: None,
        })
    }
}

impl<T: Real> Module<T> for BinaryLinear<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let weight = x.tape().param(&self.weight);
        if let Some(gradient) = self.scaled_signs {
            return ops::scaled_binary_linear(x, &weight, self.estimator, gradient);
        }
        let product = BinaryLinearForward {
            estimator: self.estimator,
            ..BinaryLinearForward::for_operands(x, &weight)?
        };
        x.tape().apply(product, &[x, &weight])
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        match self.scaled_signs {
            Some(_) => to.scaled_binary_linear(self.weight.value()),
            None => to.binary_linear(self.weight.value()),
        }
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("weight", &self.weight);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("weight", &mut self.weight);
    }
}
