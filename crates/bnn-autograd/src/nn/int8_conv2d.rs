//! The convolution with weights of 8 bits.

use super::conv2d::filters;
use super::{Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, ConvOptions};
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;

/// The convolution of images `[batch, height, width, channels]` with filters of 8-bit integers,
/// times one scale per output; without a bias, because batch normalisation has one. It is the stem
/// of networks whose hidden layers are binary.
///
/// Integers, scales and gradients are those of [`Int8Linear`](super::Int8Linear). Sums of integer
/// pixels are exact while their magnitude is at most 2^24 (`f32`), which holds for bytes and
/// filters of up to 518 elements. Parameter: `weight`.
#[derive(Clone, Debug)]
pub struct Int8Conv2d<T: Real = f32> {
    /// The weights that are rounded, `[outputs, kernel height, kernel width, inputs / groups]`.
    pub weight: Param<T>,
    /// Stride, dilation, groups and padding.
    pub options: ConvOptions,
    /// Whether sums are multiplied by the scales, as built. Without it they are integers, as
    /// [`FixedNorm`](super::FixedNorm) takes them; batch normalisation makes up for the scales.
    pub scaled: bool,
}

impl<T: Real> Int8Conv2d<T> {
    /// A layer of `inputs` to `outputs` channels with filters of `kernel` (`[height, width]`) taps;
    /// weights start Glorot-uniform.
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
        Ok(Self {
            weight: Param::new(ParamKind::Float, weight),
            options,
            scaled: true,
        })
    }
}

impl<T: Real> Module<T> for Int8Conv2d<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let (integers, scales) = ops::int8_weights(&x.tape().param(&self.weight))?;
        let sums = ops::conv2d(x, &integers, None, self.options)?;
        match self.scaled {
            true => ops::channel_scale(&sums, &x.tape().constant(scales)),
            false => Ok(sums),
        }
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.int8_conv2d(self.weight.value(), self.options, self.scaled)
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("weight", &self.weight);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("weight", &mut self.weight);
    }
}
