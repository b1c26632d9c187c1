//! The rectifier.

use super::masked::{Mask, masked};
use crate::bits::pack_where;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::map;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `max(x, 0)`, elementwise; NaN stays NaN.
///
/// The gradient passes where `x > 0`. Kept for the reverse pass: one bit per element.
///
/// # Errors
/// None of its own.
pub fn relu<T: Real>(x: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(Relu, &[x])
}

struct Relu;

impl<T: Real> Function<T> for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of relu", given)?;
        let zero = T::zero();
        if ctx.varies(0) {
            let (rows, cols) = x.rows_cols();
            let passes = pack_where(x.data(), rows, cols, |x| x > zero)?;
            ctx.save(Mask { passes });
        }
        let y = map(x.data(), |&x| if x <= zero { zero } else { x });
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
