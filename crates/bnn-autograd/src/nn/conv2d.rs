//! The ordinary convolution with its filters and bias.

use super::{Init, Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, ConvOptions, PadValue};
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The convolution of images `[batch, height, width, channels]`, with a bias.
///
/// See [`ops::conv2d`]. In evaluation sums are in the order of the filters, as in a model file, equal
/// on every target; not with a pad value of `-1` or `+1`, which no file has for numbers.
/// Parameters: `weight`, `bias`.
#[derive(Clone, Debug)]
pub struct Conv2d<T: Real = f32> {
    /// The weights, `[outputs, kernel height, kernel width, inputs / groups]`.
    pub weight: Param<T>,
    /// The bias, `[outputs]`.
    pub bias: Param<T>,
    /// Stride, dilation, groups and padding.
    pub options: ConvOptions,
    /// Whether sums may be in any order; see [`Module::set_training`].
    pub training: bool,
}

impl<T: Real> Conv2d<T> {
    /// A layer of `inputs` to `outputs` channels with filters of `kernel` (`[height, width]`) taps;
    /// weights start Glorot-uniform, biases at 0.
    ///
    /// # Errors
    /// Sizes of 0 or too large, groups that do not divide the channels.
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: [usize; 2],
        options: ConvOptions,
        rng: &mut Rng,
    ) -> Result<Self, Error> {
        let weight = filters(inputs, outputs, kernel, options.groups, rng)?;
        let bias = Tensor::full(T::zero(), &[outputs])?;
        Ok(Self {
            weight: Param::new(ParamKind::Float, weight),
            bias: Param::new(ParamKind::Float, bias),
            options,
            training: true,
        })
    }
}

impl<T: Real> Module<T> for Conv2d<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let (weight, bias) = (x.tape().param(&self.weight), x.tape().param(&self.bias));
        // A model file has no other padding than zeros, nor an order of sums with it.
        match self.training || self.options.pad_value != PadValue::Zero {
            true => ops::conv2d(x, &weight, Some(&bias), self.options),
            false => ops::ordered_conv2d(x, &weight, &bias, self.options),
        }
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.conv2d_of_reals(self.weight.value(), self.bias.value(), self.options)
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

/// Filters `[outputs, kernel height, kernel width, inputs / groups]`, Glorot-uniform.
///
/// # Errors
/// A dimension of 0 or an overflowing shape, groups that do not divide inputs and outputs.
pub(super) fn filters<T: Real>(
    inputs: usize,
    outputs: usize,
    kernel: [usize; 2],
    groups: usize,
    rng: &mut Rng,
) -> Result<Tensor<T>, Error> {
    let divides = groups > 0 && inputs.is_multiple_of(groups) && outputs.is_multiple_of(groups);
    Error::check_range(
        "groups of a convolution",
        "a divisor of input and output channels",
        groups as f64,
        divides,
    )?;
    let [height, width] = kernel;
    Init::GlorotUniform.tensor(&[outputs, height, width, inputs / groups], rng)
}
