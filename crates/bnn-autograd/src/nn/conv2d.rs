//! The ordinary convolution with its filters and bias.

use super::{Init, Module, Param, ParamKind};
use crate::error::Error;
use crate::ops::{self, ConvOptions};
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The convolution of images `[batch, height, width, channels]`, with a bias.
///
/// See [`ops::conv2d`]. Parameters: `weight`, `bias`.
#[derive(Clone, Debug)]
pub struct Conv2d<T: Real = f32> {
    /// The weights, `[outputs, kernel height, kernel width, inputs / groups]`.
    pub weight: Param<T>,
    /// The bias, `[outputs]`.
    pub bias: Param<T>,
    /// Stride, dilation, groups and padding.
    pub options: ConvOptions,
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
        })
    }
}

impl<T: Real> Module<T> for Conv2d<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let (weight, bias) = (x.tape().param(&self.weight), x.tape().param(&self.bias));
        ops::conv2d(x, &weight, Some(&bias), self.options)
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
