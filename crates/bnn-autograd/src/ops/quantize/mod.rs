//! Quantizers: a forward pass with few values, and a pseudo-gradient in place of the true one,
//! which is zero almost everywhere.

mod dorefa;
mod estimator;
mod int8;
mod lsq;
mod scaled_sign;
mod sign;
mod ternary;
mod weights;

pub use dorefa::dorefa_activations;
pub use estimator::Estimator;
use estimator::SignInput;
pub(crate) use int8::{int8_values, int8_weights};
pub use lsq::{Lsq, lsq};
pub use scaled_sign::ScaledSign;
pub(crate) use scaled_sign::row_scales;
pub use sign::sign;
pub use weights::{WeightQuantizer, quantize_weights};

use crate::error::Error;
use crate::function::Derivatives;
use crate::real::Real;
use crate::tensor::Tensor;

/// Weights as a matrix of one row per output channel, the first dimension: `[n, ..]` is `[n, k]`.
fn filters<T: Real>(w: &Tensor<T>) -> Result<(usize, usize), Error> {
    match *w.shape() {
        [n, ..] => Ok((n, w.numel() / n)),
        [] => Err(Error::Shape {
            what: "weights to be quantized",
            expected: "[output channels, ..]".to_owned(),
            found: Vec::new(),
        }),
    }
}

/// Checks a number of bits.
fn check_bits(bits: u8, least: u8) -> Result<(), Error> {
    let expected = if least == 1 { "1 to 16" } else { "2 to 16" };
    let inside = (least..=16).contains(&bits);
    Error::check_range("bits of a quantizer", expected, bits.into(), inside)
}

/// Passes the derivative unchanged: the identity straight-through estimator, in both modes.
fn straight_through<T: Real>(derivatives: Derivatives<T>) -> Result<Vec<Option<Tensor<T>>>, Error> {
    Ok(vec![Some(derivatives.single()?)])
}
