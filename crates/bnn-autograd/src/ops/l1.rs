//! The mean absolute error.

use super::loss::{ElementLoss, mean_element_loss};
use crate::error::Error;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The mean of `|x - target|` over all elements, a scalar; the target is a constant of the shape of
/// `x`.
///
/// Kept for the reverse pass: the gradient, `+1`, `-1` or (where `x` equals the target) 0, divided
/// by the number of elements.
///
/// # Errors
/// [`Error::Shape`] if the target has another shape.
pub fn l1<T: Real>(x: &Var<T>, target: &Tensor<T>) -> Result<Var<T>, Error> {
    mean_element_loss(x, target, L1)
}

struct L1;

impl ElementLoss for L1 {
    const NAME: &'static str = "l1";

    fn loss(&self, x: f64, target: f64) -> (f64, f64) {
        let error = x - target;
        let slope = if error == 0.0 { 0.0 } else { error.signum() };
        (error.abs(), slope)
    }
}
