//! The sign of every element.

use super::{Estimator, SignInput};
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::map;
use crate::real::{Real, sign_of};
use crate::tape::Var;
use crate::tensor::Tensor;

/// `+1` where `x >= 0`, else `-1` (so `+1` for `-0.0`, `-1` for NaN), elementwise, with the
/// gradient `dy * estimator.slope(x)`.
///
/// [`Estimator`] says what is kept. The output can go into
/// [`binary_linear`](crate::ops::binary_linear), which takes its signs once more without changing
/// them; but that function takes an estimator itself
/// ([`BinaryLinearForward::estimator`](crate::ops::BinaryLinearForward::estimator)) and
/// then no tensor of signs is made.
///
/// ```
/// use bnn_autograd::ops::{self, Estimator};
/// use bnn_autograd::{Tape, Tensor};
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::new(vec![-1.5, -0.25, -0.0, 0.75_f32], &[4])?);
/// let y = ops::sign(&x, Estimator::Approx)?;
/// assert_eq!(y.value().data(), [-1.0, -1.0, 1.0, 1.0]);
/// let gradients = y.vjp(Tensor::full(1.0, &[4])?)?;
/// assert_eq!(gradients.get(&x).map(Tensor::data), Some(&[0.0, 1.5, 2.0, 0.5][..]));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::OutOfRange`] for a `beta` that is not positive and finite.
pub fn sign<T: Real>(x: &Var<T>, estimator: Estimator) -> Result<Var<T>, Error> {
    x.tape().apply(Sign(estimator), &[x])
}

struct Sign(Estimator);

impl Sign {
    fn passed<T: Real>(
        &self,
        ctx: &Context<T>,
        derivatives: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut d = derivatives.single()?;
        self.0.apply(ctx, d.data_mut())?;
        Ok(vec![Some(d)])
    }
}

impl<T: Real> Function<T> for Sign {
    fn name(&self) -> &'static str {
        "sign"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of sign", given)?;
        self.0.save(ctx, 0, x)?;
        if self.0.keeps_input() {
            ctx.offer_recompute();
        }
        Ok(vec![signs(x)])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        self.passed(ctx, grad_outputs)
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        self.passed(ctx, tangents)
    }

    fn recompute(&self, ctx: &Context<T>) -> Result<Tensor<T>, Error> {
        Ok(signs(&ctx.saved_state::<SignInput<T>>()?.x.tensor()?))
    }
}

fn signs<T: Real>(x: &Tensor<T>) -> Tensor<T> {
    Tensor::trusted(map(x.data(), |&x| sign_of(x)), x.shape().to_vec())
}
