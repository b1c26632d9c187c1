//! The first convolution, of real images, with its latent filters.

use super::conv2d::filters;
use super::pool2d::lower_max_pool;
use super::{MaxPool2d, Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, ConvOptions};
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;

/// The convolution of images `[batch, height, width, channels]` of any numbers (pixels) with the
/// signs of its filters.
///
/// See [`ops::sign_weight_conv2d`] for gradients and memory. Parameter: `weight`.
#[derive(Clone, Debug)]
pub struct SignWeightConv2d<T: Real = f32> {
    /// The latent weights, `[outputs, kernel height, kernel width, inputs / groups]`.
    pub weight: Param<T>,
    /// Stride, dilation, groups and padding.
    pub options: ConvOptions,
    /// A max pool of the sums, of which there is none at first. It computes what the pool as the
    /// next layer would, but takes images through both while their sums are in the cache.
    pub pool: Option<MaxPool2d>,
}

impl<T: Real> SignWeightConv2d<T> {
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
            pool: None,
        })
    }
}

impl<T: Real> Module<T> for SignWeightConv2d<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let weight = x.tape().param(&self.weight);
        match &self.pool {
            None => ops::sign_weight_conv2d(x, &weight, self.options),
            Some(pool) => ops::sign_weight_conv2d_max_pool2d(x, &weight, self.options, pool.into()),
        }
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.sign_weight_conv2d(self.weight.value(), self.options)?;
        self.pool.map_or(Ok(()), |pool| lower_max_pool(&pool, to))
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("weight", &self.weight);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("weight", &mut self.weight);
    }
}
