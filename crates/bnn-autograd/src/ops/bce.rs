//! The binary cross-entropy of logits.

use super::loss::{ElementLoss, mean_element_loss};
use crate::error::Error;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The mean over all elements of `-t ln(p) - (1 - t) ln(1 - p)` with `p = 1 / (1 + exp(-x))`, a
/// scalar: for classes that do not exclude each other. The targets `t` are constants from 0 to 1,
/// in the shape of the logits `x`.
///
/// The loss is computed as `max(x, 0) - t x + ln(1 + exp(-|x|))`, in which nothing overflows. The
/// function keeps the gradient `(p - t) / elements` for the reverse pass.
///
/// # Errors
/// [`Error::Shape`] if the targets have another shape; [`Error::OutOfRange`] for a target outside 0
/// to 1.
pub fn bce_with_logits<T: Real>(x: &Var<T>, target: &Tensor<T>) -> Result<Var<T>, Error> {
    let outside = |t: &&T| !(0.0..=1.0).contains(&t.as_f64());
    if let Some(t) = target.data().iter().find(outside) {
        let what = "target of a binary cross-entropy";
        Error::check_range(what, "0 to 1", t.as_f64(), false)?;
    }
    mean_element_loss(x, target, Bce)
}

struct Bce;

impl ElementLoss for Bce {
    const NAME: &'static str = "bce_with_logits";

    fn loss(&self, x: f64, target: f64) -> (f64, f64) {
        // `ln_1p(exp(-|x|))` has all digits where the sum would round to 1.
        let small = (-x.abs()).exp();
        let positive = if x < 0.0 { 0.0 } else { x };
        let p = if x < 0.0 { small } else { 1.0 } / (1.0 + small);
        (positive - target * x + small.ln_1p(), p - target)
    }
}
