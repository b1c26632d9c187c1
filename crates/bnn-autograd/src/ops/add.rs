//! The sum of two tensors, as in a residual connection.

use super::shift::shift;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `a + b`, elementwise. `b` has the shape of `a`, or is `[c]`, one number for each channel of `a`,
/// `[.., c]`: before a sign such a shift moves the threshold to `-b`, as in RSign (Liu et al. 2020,
/// ReActNet, arXiv 2003.03488).
///
/// Keeps nothing.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit; [`Error::ForeignVar`].
pub fn add<T: Real>(a: &Var<T>, b: &Var<T>) -> Result<Var<T>, Error> {
    match b.shape() {
        [_] if a.shape() != b.shape() => shift(a, b),
        _ => a.tape().apply(Add, &[a, b]),
    }
}

struct Add;

impl<T: Real> Function<T> for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn compute(&self, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [a, b] = inputs("inputs of add", given)?;
        Error::check_shape("second summand", a.shape(), b.shape())?;
        let mut sum = a.clone();
        sum.add_assign(b);
        Ok(vec![sum])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let needed = |i| ctx.needs_input_grad(i).then(|| dy.clone());
        Ok(vec![needed(0), needed(1)])
    }

    fn jvp(
        &self,
        _: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let sum = match (tangents.take(0), tangents.take(1)) {
            (Some(mut a), Some(b)) => {
                a.add_assign(&b);
                Some(a)
            }
            (one, other) => one.or(other),
        };
        Ok(vec![sum])
    }
}
