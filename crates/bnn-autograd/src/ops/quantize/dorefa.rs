//! Activations and weights of k bits (Zhou et al. 2016, DoReFa-Net, arXiv 1606.06160).

use super::{check_bits, straight_through};
use crate::bits::pack_where;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::ops::masked::{Mask, masked};
use crate::parallel::{for_pairs, map, sum_of, sum_of_pairs};
use crate::real::{Real, sign_of};
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `quantize_k(clip(x, 0, 1))`, elementwise, with `quantize_k(r) = round((2^k - 1) r) / (2^k - 1)`
/// for `bits = k` in 1 to 16 (sections 2.2 and 2.4). Halves are rounded to even; NaN stays NaN.
///
/// The gradient passes where `0 <= x <= 1`. Kept for the reverse pass: one bit per element.
///
/// # Errors
/// [`Error::OutOfRange`] for another number of bits.
pub fn dorefa_activations<T: Real>(x: &Var<T>, bits: u8) -> Result<Var<T>, Error> {
    check_bits(bits, 1)?;
    x.tape().apply(Activations { bits }, &[x])
}

/// [`WeightQuantizer::Dorefa`](super::WeightQuantizer::Dorefa).
pub(super) fn dorefa_weights<T: Real>(w: &Var<T>, bits: u8) -> Result<Var<T>, Error> {
    check_bits(bits, 1)?;
    match bits {
        1 => w.tape().apply(OneBitWeights, &[w]),
        _ => w.tape().apply(ManyBitWeights { bits }, &[w]),
    }
}

/// `quantize_k`, given its number of steps, `2^k - 1`.
fn quantize<T: Real>(r: T, steps: T) -> T {
    (r * steps).rounded_to_even() / steps
}

/// The number of steps between 0 and 1.
fn steps<T: Real>(bits: u8) -> T {
    T::from_i32((1 << bits) - 1)
}

struct Activations {
    bits: u8,
}

impl<T: Real> Function<T> for Activations {
    fn name(&self) -> &'static str {
        "dorefa_activations"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of dorefa_activations", given)?;
        let (zero, one, steps) = (T::zero(), T::one(), steps(self.bits));
        if ctx.varies(0) {
            let (rows, cols) = x.rows_cols();
            let inside = |x: T| x >= zero && x <= one;
            let passes = pack_where(x.data(), rows, cols, inside)?;
            ctx.save(Mask { passes });
        }
        let y = map(x.data(), |&x| match x {
            x if x < zero => zero,
            x if x > one => one,
            x => quantize(x, steps),
        });
        Ok(vec![Tensor::trusted(y, x.shape().to_vec())])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        masked(ctx, grad_outputs)
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        masked(ctx, tangents)
    }
}

struct OneBitWeights;

impl<T: Real> Function<T> for OneBitWeights {
    fn name(&self) -> &'static str {
        "dorefa_weights"
    }

    fn compute(&self, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [w] = inputs("inputs of dorefa_weights", given)?;
        let sum = sum_of(w.data(), |w| w.as_f64().abs());
        let scale = T::from_f64(sum / w.numel() as f64);
        let y = map(w.data(), |&w| sign_of(w) * scale);
        Ok(vec![Tensor::trusted(y, w.shape().to_vec())])
    }

    fn backward(
        &self,
        _: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        straight_through(grad_outputs)
    }

    fn jvp(
        &self,
        _: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        straight_through(tangents)
    }
}

/// Weights of more than one bit.
struct ManyBitWeights {
    bits: u8,
}

struct Kept<T: Real> {
    w: Tensor<T>,
}

saved_state!(Kept<T> { w });

impl<T: Real> Function<T> for ManyBitWeights {
    fn name(&self) -> &'static str {
        "dorefa_weights"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [w] = inputs("inputs of dorefa_weights", given)?;
        let steps = steps(self.bits);
        let (half, one) = (T::from_f64(0.5), T::one());
        let Normalised { t, max, .. } = Normalised::new(w);
        let y = map(t.data(), |&t| {
            let r = if max > T::zero() { t / max } else { t };
            quantize(r * half + half, steps) * (one + one) - one
        });
        if ctx.varies(0) {
            ctx.save(Kept { w: w.clone() });
        }
        Ok(vec![Tensor::trusted(y, w.shape().to_vec())])
    }

    /// The gradient through `u = t / M` and `t = tanh(w)`. `dt` is `du / M`, less
    /// `sign(t) (du · t) / M^2`, shared, where `|t| = M`; `dw = dt (1 - t^2)`.
    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut d = grad_outputs.single()?;
        let Normalised { t, max, attained } = Normalised::new(&ctx.saved_state::<Kept<T>>()?.w);
        if max == T::zero() {
            return Ok(vec![None]);
        }
        let dot = sum_of_pairs(d.data(), t.data(), |d, t| d.as_f64() * t.as_f64());
        let (max64, attained) = (max.as_f64(), attained as f64);
        let share = T::from_f64(dot / (max64 * max64) / attained);
        for_pairs(d.data_mut(), t.data(), |d, &t| {
            let through_max = if t.abs() == max {
                sign_of(t) * share
            } else {
                T::zero()
            };
            *d = (*d / max - through_max) * (T::one() - t * t);
        });
        Ok(vec![Some(d)])
    }

    /// `du = dt / M - t dM / M^2`, where `dM` is the mean of `sign(t) dt` over `|t| = M`.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut d = tangents.single()?;
        let Normalised { t, max, attained } = Normalised::new(&ctx.saved_state::<Kept<T>>()?.w);
        if max == T::zero() {
            return Ok(vec![None]);
        }
        for_pairs(d.data_mut(), t.data(), |d, &t| *d *= T::one() - t * t);
        let sum = sum_of_pairs(d.data(), t.data(), |&d, &t| match t.abs() == max {
            true => (sign_of(t) * d).as_f64(),
            false => 0.0,
        });
        let max64 = max.as_f64();
        let pull = T::from_f64(sum / attained as f64 / (max64 * max64));
        for_pairs(d.data_mut(), t.data(), |d, &t| *d = *d / max - t * pull);
        Ok(vec![Some(d)])
    }
}

/// `tanh` of the weights, the greatest magnitude among them, and how many weights attain it.
struct Normalised<T: Real> {
    t: Tensor<T>,
    max: T,
    attained: usize,
}

impl<T: Real> Normalised<T> {
    fn new(w: &Tensor<T>) -> Self {
        let t = map(w.data(), |w| w.tanh());
        let max = t.iter().fold(T::zero(), |max, t| max.max(t.abs()));
        let attained = t.iter().filter(|t| t.abs() == max).count();
        let t = Tensor::trusted(t, w.shape().to_vec());
        Self { t, max, attained }
    }
}
