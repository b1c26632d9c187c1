//! Clipping to [-1, 1].

use super::masked::{Mask, masked};
use crate::bits::pack_mask;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::map;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `max(-1, min(1, x))`, elementwise; NaN stays NaN.
///
/// The gradient passes where `|x| <= 1`, edges included, as in the straight-through estimator of
/// [`binary_linear`](super::binary_linear). Kept for the reverse pass: one bit per element.
///
/// # Errors
/// None of its own.
pub fn hard_tanh<T: Real>(x: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(HardTanh, &[x])
}

struct HardTanh;

impl<T: Real> Function<T> for HardTanh {
    fn name(&self) -> &'static str {
        "hard_tanh"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of hard_tanh", given)?;
        let (rows, cols) = x.rows_cols();
        if ctx.varies(0) {
            let passes = pack_mask(x.data(), rows, cols)?;
            ctx.save(Mask { passes });
        }
        let one = T::one();
        let clip = |&x: &T| match x {
            x if x > one => one,
            x if x < -one => -one,
            x => x,
        };
        let y = map(x.data(), clip);
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
