//! Initial values of weights: `[out, in]` of linear layers, `[out, kh, kw, in]` of convolutions.
//!
//! Each output sums over `fan_in` inputs, the product of all dimensions but the first; each input goes
//! into `fan_out` sums, the product of all dimensions but the last.

use crate::error::Error;
use crate::real::Real;
use crate::rng::Rng;
use crate::tensor::Tensor;

/// All the same value.
///
/// # Errors
/// A shape that is not valid; [`Error::OutOfRange`] for a value that is not finite.
pub fn constant<T: Real>(shape: &[usize], value: f64) -> Result<Tensor<T>, Error> {
    let inside = value.is_finite();
    Error::check_range("value of initial weights", "finite", value, inside)?;
    Tensor::full(T::from_f64(value), shape)
}

/// Evenly distributed in `[-bound, bound)`.
///
/// # Errors
/// A shape that is not valid; [`Error::OutOfRange`] for a bound that is not positive and finite.
pub fn uniform<T: Real>(shape: &[usize], bound: f64, rng: &mut Rng) -> Result<Tensor<T>, Error> {
    check_scale("bound of initial weights", bound)?;
    draw(shape, || rng.uniform(-bound, bound))
}

/// Normally distributed around 0 with a standard deviation.
///
/// # Errors
/// A shape that is not valid; [`Error::OutOfRange`] for a deviation that is not positive and finite.
pub fn normal<T: Real>(shape: &[usize], std: f64, rng: &mut Rng) -> Result<Tensor<T>, Error> {
    check_scale("standard deviation of initial weights", std)?;
    draw(shape, || std * rng.normal())
}

/// Evenly distributed in `±sqrt(6 / (fan_in + fan_out))` (Glorot & Bengio 2010, equation 16).
///
/// # Errors
/// [`Error::Shape`] for less than two dimensions; a dimension of 0 or an overflowing shape.
pub fn glorot_uniform<T: Real>(shape: &[usize], rng: &mut Rng) -> Result<Tensor<T>, Error> {
    let (fan_in, fan_out) = fans(shape)?;
    uniform(shape, (6.0 / (fan_in + fan_out)).sqrt(), rng)
}

/// Normally distributed with the variance `2 / (fan_in + fan_out)` (Glorot & Bengio 2010, equation 12).
///
/// # Errors
/// As [`glorot_uniform`].
pub fn glorot_normal<T: Real>(shape: &[usize], rng: &mut Rng) -> Result<Tensor<T>, Error> {
    let (fan_in, fan_out) = fans(shape)?;
    normal(shape, (2.0 / (fan_in + fan_out)).sqrt(), rng)
}

/// Evenly distributed in `±sqrt(6 / fan_in)`, for layers behind a ReLU (He et al. 2015,
/// arXiv 1502.01852, equation 10).
///
/// # Errors
/// As [`glorot_uniform`].
pub fn kaiming_uniform<T: Real>(shape: &[usize], rng: &mut Rng) -> Result<Tensor<T>, Error> {
    let (fan_in, _) = fans(shape)?;
    uniform(shape, (6.0 / fan_in).sqrt(), rng)
}

/// Normally distributed with the variance `2 / fan_in`, for layers behind a ReLU (He et al. 2015,
/// arXiv 1502.01852, equation 10).
///
/// # Errors
/// As [`glorot_uniform`].
pub fn kaiming_normal<T: Real>(shape: &[usize], rng: &mut Rng) -> Result<Tensor<T>, Error> {
    let (fan_in, _) = fans(shape)?;
    normal(shape, (2.0 / fan_in).sqrt(), rng)
}

/// `fan_in` and `fan_out` of a valid shape.
fn fans(shape: &[usize]) -> Result<(f64, f64), Error> {
    if shape.contains(&0) {
        return Err(Error::ZeroDimension {
            shape: shape.to_vec(),
        });
    }
    let product = |dimensions: &[usize]| dimensions.iter().map(|&d| d as f64).product();
    match shape {
        [_, inner @ .., _] => Ok((product(&shape[1..]), product(&shape[..=inner.len()]))),
        _ => Err(Error::Shape {
            what: "initial weights",
            expected: "[out, .., in]".into(),
            found: shape.to_vec(),
        }),
    }
}

fn check_scale(what: &'static str, scale: f64) -> Result<(), Error> {
    let inside = scale > 0.0 && scale.is_finite();
    Error::check_range(what, "positive and finite", scale, inside)
}

fn draw<T: Real>(shape: &[usize], mut number: impl FnMut() -> f64) -> Result<Tensor<T>, Error> {
    let mut x = Tensor::full(T::zero(), shape)?;
    for x in x.data_mut() {
        *x = T::from_f64(number());
    }
    Ok(x)
}
