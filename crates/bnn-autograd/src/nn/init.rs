//! Initial values of weights.

use crate::error::Error;
use crate::real::Real;
use crate::rng::Rng;
use crate::tensor::Tensor;

/// Evenly distributed in `[-bound, bound)`.
///
/// # Errors
/// A shape that is not valid; [`Error::OutOfRange`] for a bound that is not positive and finite.
pub fn uniform<T: Real>(shape: &[usize], bound: f64, rng: &mut Rng) -> Result<Tensor<T>, Error> {
    let inside = bound > 0.0 && bound.is_finite();
    Error::check_range(
        "bound of initial weights",
        "positive and finite",
        bound,
        inside,
    )?;
    let mut x = Tensor::full(T::zero(), shape)?;
    for x in x.data_mut() {
        *x = T::from_f64(rng.uniform(-bound, bound));
    }
    Ok(x)
}

/// Weights `[n, k]` evenly distributed in `±sqrt(6 / (n + k))` (Glorot & Bengio 2010, equation 16).
///
/// # Errors
/// A dimension of 0 or an overflowing shape.
pub fn glorot_uniform<T: Real>(n: usize, k: usize, rng: &mut Rng) -> Result<Tensor<T>, Error> {
    let bound = (6.0 / (n as f64 + k as f64)).sqrt();
    // Of two dimensions of 0 the bound is not finite; the shape is the error to tell.
    uniform(&[n, k], bound.min(1.0), rng)
}
