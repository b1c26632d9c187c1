//! Weights of few values.

use super::ScaledSign;
use super::dorefa::dorefa_weights;
use super::scaled_sign::scaled_sign;
use super::ternary::ternary;
use crate::error::Error;
use crate::real::Real;
use crate::tape::Var;

/// The quantizers that make weights of few values of weights `[n, ..]`, for operations on floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightQuantizer {
    /// `alpha * sign(w)`, one `alpha` per output channel (the first dimension): the mean of `|w|`
    /// over the channel. `sign` is `+1` where `w >= 0`, else `-1`.
    /// [`scaled_binary_linear`](crate::ops::scaled_binary_linear) computes the same values and
    /// gradients with a product on bits.
    ///
    /// Kept for the reverse pass: one bit per weight and one number per channel.
    ScaledSign(ScaledSign),
    /// `alpha * t` with `t` in {-1, 0, +1}, separately for each output channel (the first
    /// dimension): Ternary Weight Networks (Li et al. 2016, arXiv 1605.04711).
    ///
    /// With `delta = 0.7 mean(|w|)` over the channel, `t` is `+1` where `w > delta`, `-1` where `w
    /// < -delta`, else `0`; `alpha` is the mean of the `|w|` that are above `delta`. A channel of
    /// zeros stays zeros; one that holds an infinity or NaN becomes NaN.
    ///
    /// The gradient passes straight through: `dw = dy`. Nothing is kept.
    Ternary,
    /// Weights of `bits = k` in 1 to 16, all weights of `w` together (Zhou et al. 2016, DoReFa-Net,
    /// arXiv 1606.06160).
    ///
    /// For `k = 1`: `E sign(w)` with `E` the mean of `|w|`, and the gradient `dw = dy` as in the
    /// paper. For more bits: `2 quantize_k(tanh(w) / (2 M) + 1/2) - 1` with `M` the greatest
    /// `|tanh(w)|` (section 2.3) and the `quantize_k` of
    /// [`dorefa_activations`](crate::ops::dorefa_activations), where the gradient passes straight
    /// through `quantize_k` and is otherwise that of the formula, `M` included (shared evenly among
    /// weights that attain it). If all weights are zero, `tanh(w) / M` counts as 0 and the gradient
    /// is zero.
    ///
    /// Kept for the reverse pass: nothing for `k = 1`, else `w`, shared with the parameter.
    Dorefa {
        /// Bits per weight.
        bits: u8,
    },
}

/// Weights of few values, with the pseudo-gradient of the quantizer.
///
/// ```
/// use bnn_autograd::ops::{WeightQuantizer, quantize_weights};
/// use bnn_autograd::{Error, Tape, Tensor};
///
/// # fn main() -> Result<(), Error> {
/// let tape = Tape::new();
/// let w = tape.leaf(Tensor::new(vec![1.0_f32, -0.1, -3.0, 0.1], &[1, 4])?);
/// let y = quantize_weights(&w, WeightQuantizer::Ternary)?;
/// assert_eq!(y.value().data(), [2.0, 0.0, -2.0, 0.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Shape`] for a scalar; [`Error::OutOfRange`] for another number of bits.
pub fn quantize_weights<T: Real>(w: &Var<T>, quantizer: WeightQuantizer) -> Result<Var<T>, Error> {
    match quantizer {
        WeightQuantizer::ScaledSign(gradient) => scaled_sign(w, gradient),
        WeightQuantizer::Ternary => ternary(w),
        WeightQuantizer::Dorefa { bits } => dorefa_weights(w, bits),
    }
}
