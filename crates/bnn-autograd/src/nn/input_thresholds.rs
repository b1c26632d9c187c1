//! Bytes as signs, by fixed thresholds.

use super::Module;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, Estimator};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The first layer of a network on bits: `+1` where `x >= threshold`, else `-1`, for bytes `[..,
/// c]` and one fixed threshold per channel, or per input if the network takes rows.
///
/// The layer is exported as [`InputType::Thresholds`](bnn_core::model::InputType::Thresholds): the
/// device compares bytes, and the next layer is a product of bits. For learned thresholds use an
/// [`RSign`](super::RSign). Buffer: `thresholds`.
///
/// ```
/// use bnn_autograd::export::export;
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, InputThresholds, Sequential};
/// use bnn_autograd::{Rng, data};
/// use bnn_core::model::InputType;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let thresholds = data::digits()?.train.mean_thresholds();
/// let mut net = Sequential::new()
///     .then(InputThresholds::new(&thresholds)?)
///     .then(BinaryLinear::new(64, 10, &mut Rng::new(1))?)
///     .then(BatchNorm::new(10)?);
/// let file = export(&mut net, InputType::Thresholds)?;
/// # assert!(file.len() < 1000);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct InputThresholds<T: Real = f32> {
    /// The thresholds, `[c]`.
    pub thresholds: Tensor<T>,
}

impl<T: Real> InputThresholds<T> {
    /// A layer of one threshold for each channel.
    ///
    /// # Errors
    /// No thresholds.
    pub fn new(thresholds: &[u8]) -> Result<Self, Error> {
        let thresholds: Vec<T> = thresholds.iter().map(|&t| T::from_i32(t.into())).collect();
        let channels = thresholds.len();
        Ok(Self {
            thresholds: Tensor::new(thresholds, &[channels])?,
        })
    }

    /// The number to add to `x` so that the sign changes at the threshold; exact, as both are
    /// bytes.
    fn shifts(&self) -> Tensor<T> {
        let mut shifts = self.thresholds.clone();
        shifts.data_mut().iter_mut().for_each(|t| *t = -*t);
        shifts
    }
}

impl<T: Real> Module<T> for InputThresholds<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let x = ops::shift(x, &x.tape().constant(self.shifts()))?;
        ops::sign(&x, Estimator::Clipped)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.shifted_sign(&self.shifts())
    }

    fn buffers(&self, visit: &mut dyn FnMut(&str, &Tensor<T>)) {
        visit("thresholds", &self.thresholds);
    }

    fn buffers_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Tensor<T>)) {
        visit("thresholds", &mut self.thresholds);
    }
}
