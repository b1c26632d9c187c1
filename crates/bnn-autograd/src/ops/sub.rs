//! The difference of two tensors.

use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::{for_each, for_pairs};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `a - b`, of the same shape, elementwise. Keeps nothing.
///
/// # Errors
/// [`Error::Shape`] if the shapes differ; [`Error::ForeignVar`].
pub fn sub<T: Real>(a: &Var<T>, b: &Var<T>) -> Result<Var<T>, Error> {
    a.tape().apply(Sub, &[a, b])
}

struct Sub;

impl<T: Real> Function<T> for Sub {
    fn name(&self) -> &'static str {
        "sub"
    }

    fn compute(&self, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [a, b] = inputs("inputs of sub", given)?;
        Error::check_shape("subtrahend", a.shape(), b.shape())?;
        let mut difference = a.clone();
        for_pairs(difference.data_mut(), b.data(), |a, &b| *a -= b);
        Ok(vec![difference])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let da = ctx.needs_input_grad(0).then(|| dy.clone());
        let db = ctx.needs_input_grad(1).then(|| negated(dy));
        Ok(vec![da, db])
    }

    fn jvp(
        &self,
        _: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let difference = match (tangents.take(0), tangents.take(1)) {
            (Some(mut a), Some(b)) => {
                for_pairs(a.data_mut(), b.data(), |a, &b| *a -= b);
                Some(a)
            }
            (a, b) => a.or(b.map(negated)),
        };
        Ok(vec![difference])
    }
}

fn negated<T: Real>(mut x: Tensor<T>) -> Tensor<T> {
    for_each(x.data_mut(), |x| *x = -*x);
    x
}
