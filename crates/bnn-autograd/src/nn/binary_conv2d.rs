//! The binary convolution with its latent filters.

use super::conv2d::filters;
use super::pool2d::lower_max_pool;
use super::{MaxPool2d, Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{BinaryConv2dForward, ConvOptions, Estimator, binary_conv2d_max_pool2d};
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;

/// The convolution of `sign(x)`, `[batch, height, width, channels]`, with the signs of its filters,
/// on bits.
///
/// Initially, the gradient of the signs of the images is [`Estimator::Clipped`]; see
/// [`ops::binary_conv2d`](crate::ops::binary_conv2d) for gradients and memory. Parameter: `weight`.
#[derive(Clone, Debug)]
pub struct BinaryConv2d<T: Real = f32> {
    /// The latent weights, `[outputs, kernel height, kernel width, inputs / groups]`.
    pub weight: Param<T>,
    /// Strides, dilations, groups and padding.
    pub options: ConvOptions,
    /// The pseudo-gradient of the signs of the images. For images that consist of signs, use
    /// [`Estimator::Identity`], which keeps nothing.
    pub estimator: Estimator,
    /// A max pool of the sums, of which there is none at first. It computes what the pool as the
    /// next layer would, but takes images through both while their sums are in the cache.
    pub pool: Option<MaxPool2d>,
}

impl<T: Real> BinaryConv2d<T> {
    /// A layer of `inputs` to `outputs` channels with filters of `kernel` (`[height, width]`) taps;
    /// latent weights start Glorot-uniform.
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
            weight: Param::new(ParamKind::Binary, weight),
            options,
            estimator: Estimator::default(),
            pool: None,
        })
    }
}

impl<T: Real> Module<T> for BinaryConv2d<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let weight = x.tape().param(&self.weight);
        let function = BinaryConv2dForward {
            options: self.options,
            estimator: self.estimator,
        };
        match &self.pool {
            None => x.tape().apply(function, &[x, &weight]),
            Some(pool) => binary_conv2d_max_pool2d(x, &weight, function, pool.into()),
        }
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.binary_conv2d(self.weight.value(), self.options)?;
        self.pool.map_or(Ok(()), |pool| lower_max_pool(&pool, to))
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("weight", &self.weight);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("weight", &mut self.weight);
    }
}
