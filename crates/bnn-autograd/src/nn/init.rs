//! Initial values of weights.

use crate::error::Error;
use crate::real::Real;
use crate::rng::Rng;
use crate::tensor::Tensor;

/// The distribution of initial weights: `[out, in]` of linear layers, `[out, kh, kw, in]` of
/// convolutions.
///
/// Each output is a sum over `fan_in` inputs, the product of all dimensions except the first; each
/// input is a term of `fan_out` sums, the product of all dimensions except the last.
///
/// ```
/// use bnn_autograd::nn::Init;
/// use bnn_autograd::{Error, Rng, Tensor};
///
/// # fn main() -> Result<(), Error> {
/// let weight: Tensor = Init::KaimingNormal.tensor(&[64, 3, 3, 16], &mut Rng::new(1))?;
/// # let _ = weight;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Evenly distributed in `[-bound, bound)`, with a bound that is positive and finite; of any
    /// shape.
    Uniform(f64),
    /// Normally distributed around 0 with a standard deviation that is positive and finite; of any
    /// shape.
    Normal(f64),
    /// Evenly distributed in `±sqrt(6 / (fan_in + fan_out))` (Glorot & Bengio 2010, equation 16).
    GlorotUniform,
    /// Normally distributed with the variance `2 / (fan_in + fan_out)` (Glorot & Bengio 2010,
    /// equation 12).
    GlorotNormal,
    /// Evenly distributed in `±sqrt(6 / fan_in)`, for layers after a ReLU (He et al. 2015,
    /// arXiv 1502.01852, equation 10).
    KaimingUniform,
    /// Normally distributed with the variance `2 / fan_in`, for layers after a ReLU (He et al.
    /// 2015, arXiv 1502.01852, equation 10).
    KaimingNormal,
}

impl Init {
    /// Draws a tensor.
    ///
    /// # Errors
    /// A dimension of 0 or an overflowing shape; [`Error::Shape`] for less than two dimensions
    /// where the fans are asked for; [`Error::OutOfRange`] for a bound or a deviation that is not
    /// positive and finite.
    pub fn tensor<T: Real>(self, shape: &[usize], rng: &mut Rng) -> Result<Tensor<T>, Error> {
        match self {
            Self::Uniform(bound) => {
                check_scale("bound of initial weights", bound)?;
                draw(shape, || rng.uniform(-bound, bound))
            }
            Self::Normal(std) => {
                check_scale("standard deviation of initial weights", std)?;
                draw(shape, || std * rng.normal())
            }
            Self::GlorotUniform => {
                let (fan_in, fan_out) = fans(shape)?;
                Self::Uniform((6.0 / (fan_in + fan_out)).sqrt()).tensor(shape, rng)
            }
            Self::GlorotNormal => {
                let (fan_in, fan_out) = fans(shape)?;
                Self::Normal((2.0 / (fan_in + fan_out)).sqrt()).tensor(shape, rng)
            }
            Self::KaimingUniform => {
                let (fan_in, _) = fans(shape)?;
                Self::Uniform((6.0 / fan_in).sqrt()).tensor(shape, rng)
            }
            Self::KaimingNormal => {
                let (fan_in, _) = fans(shape)?;
                Self::Normal((2.0 / fan_in).sqrt()).tensor(shape, rng)
            }
        }
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws;
