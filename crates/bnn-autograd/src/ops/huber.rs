//! The Huber loss.

use super::loss::{ElementLoss, mean_element_loss};
use crate::error::Error;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The mean over all elements of `e^2 / 2` where `|e| <= delta`, else `delta (|e| - delta / 2)`,
/// with `e = x - target`, a scalar: for regression with outliers (Huber 1964). The target is a
/// constant of the shape of `x`.
///
/// Kept for the reverse pass: the gradient, `e` clipped to `-delta..=delta` and divided by the
/// number of elements.
///
/// # Errors
/// [`Error::Shape`] if the target has another shape; [`Error::OutOfRange`] for a `delta` that is
/// not positive and finite.
pub fn huber<T: Real>(x: &Var<T>, target: &Tensor<T>, delta: f64) -> Result<Var<T>, Error> {
    let inside = delta > 0.0 && delta.is_finite();
    Error::check_range(
        "delta of a Huber loss",
        "positive and finite",
        delta,
        inside,
    )?;
    mean_element_loss(x, target, Huber { delta })
}

struct Huber {
    delta: f64,
}

impl ElementLoss for Huber {
    const NAME: &'static str = "huber";

    fn loss(&self, x: f64, target: f64) -> (f64, f64) {
        let (error, delta) = (x - target, self.delta);
        // Not `error.clamp(..)` of the magnitude alone: NaN stays NaN in both.
        match error.abs() > delta {
            true => (delta * (error.abs() - delta / 2.0), delta.copysign(error)),
            false => (error * error / 2.0, error),
        }
    }
}
