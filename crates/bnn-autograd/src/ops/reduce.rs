//! Sums and means, in an order that does not depend on the number of threads.

use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::sums_by_columns;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The sum of all elements, a scalar. Added up in `f64`, in order.
///
/// # Errors
/// None of its own.
pub fn sum<T: Real>(x: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(Total { mean: false }, &[x])
}

/// The mean of all elements, a scalar. Added up in `f64`, in order.
///
/// # Errors
/// None of its own.
pub fn mean<T: Real>(x: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(Total { mean: true }, &[x])
}

struct Total {
    mean: bool,
}

impl Total {
    /// The factor of every element.
    fn factor(&self, count: usize) -> f64 {
        if self.mean { 1.0 / count as f64 } else { 1.0 }
    }

    fn total<T: Real>(&self, x: &Tensor<T>) -> Tensor<T> {
        let total: f64 = x.data().iter().map(|x| x.as_f64()).sum();
        Tensor::scalar(T::from_f64(total * self.factor(x.numel())))
    }
}

impl<T: Real> Function<T> for Total {
    fn name(&self) -> &'static str {
        if self.mean { "mean" } else { "sum" }
    }

    fn forward(&self, _: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of a reduction", given)?;
        Ok(vec![self.total(x)])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let shape = ctx.input_shape(0)?;
        let dy = grad_outputs.single()?.item()?;
        let factor = T::from_f64(self.factor(shape.iter().product()));
        Ok(vec![Some(Tensor::full(dy * factor, shape)?)])
    }

    fn jvp(
        &self,
        _: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        Ok(vec![Some(self.total(&tangents.single()?))])
    }
}

/// The sum of every column of a row-major matrix of `cols` columns, added in `f64`.
pub(crate) fn column_sums<T: Real>(x: &[T], cols: usize) -> Vec<f64> {
    let [sums] = sums_by_columns(x.len() / cols, cols, |row, block, [sums]| {
        let x = &x[row * cols..][block];
        sums.iter_mut()
            .zip(x)
            .for_each(|(sum, x)| *sum += x.as_f64());
    });
    sums
}
