//! The linear layer with weights of 8 bits.

use super::{Init, Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `scale * (x · q^T) + bias` with integers `q` of 8 bits and one scale per output: input `[.., k]`
/// of any numbers, weights `[n, k]`, output `[.., n]`. It is the head of networks whose hidden
/// layers are binary.
///
/// `q` is `round(weight / scale)`, -127 to 127, and `scale` the greatest `|weight|` of the output
/// divided by 127 (1 where all are 0); the gradient of the weights passes straight through. In
/// evaluation sums are those of a model file, as those of [`Linear`](super::Linear). Parameters:
/// `weight`, `bias`.
#[derive(Clone, Debug)]
pub struct Int8Linear<T: Real = f32> {
    /// The weights that are rounded, `[n, k]`.
    pub weight: Param<T>,
    /// The bias, `[n]`.
    pub bias: Param<T>,
    /// The exponent of fixed-point inputs ([`FixedPoint`](super::FixedPoint)), with which sums in
    /// evaluation are those of integers, and exact. `None` as built.
    pub exponent: Option<i8>,
    /// Whether sums may be in any order; see [`Module::set_training`].
    pub training: bool,
}

impl<T: Real> Int8Linear<T> {
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
            exponent: None,
            training: true,
        })
    }
}

impl<T: Real> Module<T> for Int8Linear<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let (integers, scales) = ops::int8_weights(&x.tape().param(&self.weight))?;
        let sums = match (self.training, self.exponent) {
            (true, _) => ops::linear(x, &integers, None),
            (false, None) => ops::ordered_linear(x, &integers, None),
            (false, Some(exponent)) => ops::integer_linear(x, &integers, exponent),
        };
        let y = ops::channel_scale(&sums?, &x.tape().constant(scales))?;
        ops::shift(&y, &x.tape().param(&self.bias))
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.int8_linear(self.weight.value(), self.bias.value(), self.exponent)
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
