//! Reshaping.

use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The elements of `x` in another shape, row-major; nothing is copied, nothing kept.
///
/// # Errors
/// [`Error::ElementCount`] if the shape has another number of elements; a shape that is not valid.
pub fn reshape<T: Real>(x: &Var<T>, shape: &[usize]) -> Result<Var<T>, Error> {
    let shape = shape.to_vec();
    x.tape().apply(Reshape { shape }, &[x])
}

/// `[b, ..]` as `[b, n]`: joins all dimensions but the first, as needed before a linear layer.
///
/// # Errors
/// None of its own.
pub fn flatten<T: Real>(x: &Var<T>) -> Result<Var<T>, Error> {
    let samples = x.shape().first().copied().unwrap_or(1);
    reshape(x, &[samples, x.value().numel() / samples])
}

struct Reshape {
    shape: Vec<usize>,
}

impl<T: Real> Function<T> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn compute(&self, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of reshape", given)?;
        Ok(vec![x.reshape(&self.shape)?])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dx = grad_outputs.single()?.reshape(ctx.input_shape(0)?)?;
        Ok(vec![Some(dx)])
    }

    fn jvp(
        &self,
        _: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        Ok(vec![Some(tangents.single()?.reshape(&self.shape)?)])
    }
}
