//! The mean squared error.

use super::loss::{ElementLoss, mean_element_loss};
use crate::error::Error;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The mean of `(x - target)^2` over all elements, a scalar; the target is a constant of the shape
/// of `x`.
///
/// Kept for the reverse pass: the gradient `2 (x - target) / elements`.
///
/// # Errors
/// [`Error::Shape`] if the target has another shape.
pub fn mse<T: Real>(x: &Var<T>, target: &Tensor<T>) -> Result<Var<T>, Error> {
    mean_element_loss(x, target, Mse)
}

struct Mse;

impl ElementLoss for Mse {
    const NAME: &'static str = "mse";

    fn loss(&self, x: f64, target: f64) -> (f64, f64) {
        let error = x - target;
        (error * error, 2.0 * error)
    }
}
