//! The first layer with its latent weights: real inputs, binary weights.

use super::{Init, Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;

/// `x · sign(weight)^T`: real input `[.., k]` (pixels), latent weights `[n, k]`, output `[.., n]`.
///
/// See [`ops::sign_weight_linear`] for gradients and memory. Parameter: `weight`.
#[derive(Clone, Debug)]
pub struct SignWeightLinear<T: Real = f32> {
    /// The latent weights, `[n, k]`.
    pub weight: Param<T>,
}

impl<T: Real> SignWeightLinear<T> {
    /// A layer of `inputs` to `outputs` features; latent weights start Glorot-uniform.
    ///
    /// # Errors
    /// Sizes of 0 or too large.
    pub fn new(inputs: usize, outputs: usize, rng: &mut Rng) -> Result<Self, Error> {
        let weight = Init::GlorotUniform.tensor(&[outputs, inputs], rng)?;
        Ok(Self {
            weight: Param::new(ParamKind::Binary, weight),
        })
    }
}

impl<T: Real> Module<T> for SignWeightLinear<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        ops::sign_weight_linear(x, &x.tape().param(&self.weight))
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.sign_weight_linear(self.weight.value())
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("weight", &self.weight);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("weight", &mut self.weight);
    }
}
