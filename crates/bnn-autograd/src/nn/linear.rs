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
/// See [`ops::linear`]. In evaluation the sums are those of a model file, equal on every target:
/// products are added one by one, in the order of a row of weights. Parameters: `weight`, `bias`.
#[derive(Clone, Debug)]
pub struct Linear<T: Real = f32> {
    /// The weights, `[n, k]`.
    pub weight: Param<T>,
    /// The bias, `[n]`.
    pub bias: Param<T>,
    /// Whether sums may be in any order; see [`Module::set_training`].
    pub training: bool,
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
            training: true,
        })
    }
}

impl<T: Real> Module<T> for Linear<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let (weight, bias) = (x.tape().param(&self.weight), x.tape().param(&self.bias));
        match self.training {
            true => ops::linear(x, &weight, Some(&bias)),
            false => ops::ordered_linear(x, &weight, Some(&bias)),
        }
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.linear_of_reals(self.weight.value(), self.bias.value())
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("weight", &self.weight);
        visit("bias", &self.bias);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("weight", &mut self.weight);
        visit("bias", &mut self.bias);
    }

    fn set_training(&mut self, training: bool) {
        self.training = training;
    }

    fn is_training(&self) -> Option<bool> {
        Some(self.training)
    }
}
