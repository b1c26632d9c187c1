//! The ordinary linear layer with its weights and bias.

use super::{Init, Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x · weight^T + bias`: input `[.., k]`, weights `[n, k]`, bias `[n]`, output `[.., n]`.
///
/// See [`ops::linear`]. Parameters: `weight`, `bias`.
#[derive(Clone, Debug)]
pub struct Linear<T: Real = f32> {
    /// The weights, `[n, k]`.
    pub weight: Param<T>,
    /// The bias, `[n]`.
    pub bias: Param<T>,
}

impl<T: Real> Linear<T> {
    /// A layer of `inputs` to `outputs` features; weights start Glorot-uniform, biases at 0.
    ///
    /// # Errors
    /// Sizes of 0 or too large.
    pub fn new(inputs: usize, outputs: usize, rng: &mut Rng) -> Result<Self, Error> {
        let weight = Init::GlorotUniform.tensor(&[outputs, inputs], rng)?;
        let bias = Tensor::full(T::zero(), &[outputs])?;
        Ok(Self {
            weight: Param::new(ParamKind::Float, weight),
            bias: Param::new(ParamKind::Float, bias),
        })
    }
}

impl<T: Real> Module<T> for Linear<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let (weight, bias) = (x.tape().param(&self.weight), x.tape().param(&self.bias));
        ops::linear(x, &weight, Some(&bias))
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        Err(to.refusal("its weights are floats, and the runner of model files multiplies signs"))
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("weight", &self.weight);
        visit("bias", &self.bias);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("weight", &mut self.weight);
        visit("bias", &mut self.bias);
    }
}
