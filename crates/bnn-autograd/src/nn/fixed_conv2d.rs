//! The convolution of fixed-point numbers with weights of 8 bits, and the normalisation of its sums.

use super::{BatchNorm, FixedNorm, Int8Conv2d, Module};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, ConvOptions};
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;

/// The convolution of fixed-point images `[batch, height, width, channels]` with filters of 8 bits,
/// then batch normalisation to fixed-point numbers: a layer between others for devices without
/// floats, where the channels are too few for binary weights.
///
/// In training it is [`Int8Conv2d`] without scales, then [`FixedNorm`]. In evaluation it computes
/// in integers alone, as a model file does: sums of 32 bits, then the step of [`FixedNorm`].
/// Children: `conv`, `norm`.
///
/// Sums are exact in evaluation with at most 518 elements in a filter (of `f32`), and a model file
/// has room for those of 511. Images are padded with zeros.
#[derive(Clone, Debug)]
pub struct FixedConv2d<T: Real = f32> {
    /// The convolution, without scales.
    pub conv: Int8Conv2d<T>,
    /// The normalisation of its sums; with the exponent of the outputs.
    pub norm: FixedNorm<T>,
    /// The exponent of the inputs, which are multiples of `2^-exponent`; -16 to 31.
    pub exponent: i8,
}

impl<T: Real> FixedConv2d<T> {
    /// A layer of `inputs` to `outputs` channels with filters of `kernel` (`[height, width]`) taps,
    /// whose inputs and outputs have the same exponent; weights start Glorot-uniform.
    ///
    /// # Errors
    /// Sizes of 0 or too large, groups that do not divide the channels, an exponent outside -16 to
    /// 31.
    pub fn new(
        [inputs, outputs]: [usize; 2],
        kernel: [usize; 2],
        options: ConvOptions,
        exponent: i8,
        rng: &mut Rng,
    ) -> Result<Self, Error> {
        ops::check_exponent(exponent)?;
        Ok(Self {
            conv: Int8Conv2d {
                scaled: false,
                ..Int8Conv2d::new(inputs, outputs, kernel, options, rng)?
            },
            norm: FixedNorm {
                norm: BatchNorm::new(outputs)?,
                exponent,
            },
            exponent,
        })
    }
}

impl<T: Real> Module<T> for FixedConv2d<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        if self.norm.norm.training {
            let sums = self.conv.forward(x).map_err(|e| e.in_layer("conv"))?;
            return self.norm.forward(&sums).map_err(|e| e.in_layer("norm"));
        }
        ops::check_exponent(self.exponent)?;
        let (integers, _) = ops::int8_weights(&x.tape().param(&self.conv.weight))?;
        let step = self.norm.step(self.exponent)?;
        ops::fixed_conv2d(x, &integers, self.conv.options, self.exponent, step)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.fixed_conv2d(self.conv.weight.value(), self.conv.options, self.exponent)?;
        self.norm.lower_of(to, self.exponent)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module<T>)) {
        visit("conv", &self.conv);
        visit("norm", &self.norm);
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module<T>)) {
        visit("conv", &mut self.conv);
        visit("norm", &mut self.norm);
    }
}
