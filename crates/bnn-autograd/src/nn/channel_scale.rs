//! A learned scale per channel.

use super::{Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x * scale` for `[.., c]`, one learned number per channel; see [`ops::mul`].
///
/// After a [`BinaryLinear`](super::BinaryLinear) it scales the exact sums, so that the product
/// stays on bits. Parameter: `scale`.
#[derive(Clone, Debug)]
pub struct ChannelScale<T: Real = f32> {
    /// The scales, `[c]`.
    pub scale: Param<T>,
}

impl<T: Real> ChannelScale<T> {
    /// A layer of `channels` scales that start at `initial`, usually 1; a small one makes a
    /// residual branch start near the identity (Touvron et al. 2021, arXiv 2103.17239, section 2:
    /// 0.1 down to 1e-6 with depth).
    ///
    /// # Errors
    /// A size of 0 or too large, [`Error::OutOfRange`].
    pub fn new(channels: usize, initial: f64) -> Result<Self, Error> {
        let inside = initial.is_finite();
        Error::check_range("initial scale of a channel", "finite", initial, inside)?;
        let scale = Tensor::full(T::from_f64(initial), &[channels])?;
        Ok(Self {
            scale: Param::new(ParamKind::Float, scale),
        })
    }
}

impl<T: Real> Module<T> for ChannelScale<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        ops::channel_scale(x, &x.tape().param(&self.scale))
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.scale(self.scale.value())
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("scale", &self.scale);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("scale", &mut self.scale);
    }
}
