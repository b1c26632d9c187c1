//! The linear layer with weights of 8 bits.

use super::{Init, Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, Exponents};
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
    /// The exponent of the outputs, if they are integers of 32 bits, multiples of
    /// `2^-scores_exponent`, as the last layer of a model file gives them out to a device without
    /// floats; only of fixed-point inputs. `None` as built.
    ///
    /// Then training, too, computes by the integers of the file: the exact sum times an integer,
    /// divided by a power of two, rounded, plus an integer. Gradients pass straight through.
    pub scores_exponent: Option<i8>,
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
            scores_exponent: None,
            training: true,
        })
    }

    /// The exponents of inputs and outputs, if the outputs are integers.
    fn exponents(&self) -> Result<Option<Exponents>, Error> {
        let Some(to) = self.scores_exponent else {
            return Ok(None);
        };
        ops::check_exponent(to)?;
        let what = "exponent of integer scores";
        let expected = "none without an exponent of the inputs";
        Error::check_range(what, expected, to.into(), self.exponent.is_some())?;
        Ok(self.exponent.map(|from| Exponents { from, to }))
    }
}

impl<T: Real> Module<T> for Int8Linear<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let (integers, scales) = ops::int8_weights(&x.tape().param(&self.weight))?;
        if let Some(exponents) = self.exponents()? {
            let bias = x.tape().param(&self.bias);
            return ops::integer_scores(x, &integers, &scales, &bias, exponents);
        }
        let sums = match (self.training, self.exponent) {
            (true, _) => ops::linear(x, &integers, None),
            (false, None) => ops::ordered_linear(x, &integers, None),
            (false, Some(exponent)) => ops::integer_linear(x, &integers, exponent),
        };
        let y = ops::channel_scale(&sums?, &x.tape().constant(scales))?;
        ops::shift(&y, &x.tape().param(&self.bias))
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        let (weight, bias) = (self.weight.value(), self.bias.value());
        match self.exponents()? {
            Some(exponents) => to.integer_scores(weight, bias, exponents),
            None => to.int8_linear(weight, bias, self.exponent),
        }
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
