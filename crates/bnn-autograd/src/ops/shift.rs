//! A learned shift per channel.

use super::channels::{add_to_rows, check_channels};
use super::reduce::column_sums;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x + by` for `[.., c]` and shifts `[c]`.
///
/// Nothing is kept.
///
/// # Errors
/// [`Error::Shape`] if there is not one shift per channel; [`Error::ForeignVar`].
pub(crate) fn shift<T: Real>(x: &Var<T>, by: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(Shift, &[x, by])
}

struct Shift;

const X: usize = 0;
const BY: usize = 1;

impl<T: Real> Function<T> for Shift {
    fn name(&self) -> &'static str {
        "shift"
    }

    fn compute(&self, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, by] = inputs("inputs of shift", given)?;
        check_channels("input of shift", x, "shifts", by)?;
        let mut y = x.clone();
        add_to_rows(y.data_mut(), by.data());
        Ok(vec![y])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let (_, channels) = dy.rows_cols();
        let sums = || Tensor::from_f64s(column_sums(dy.data(), channels));
        let dby = ctx.needs_input_grad(BY).then(sums);
        Ok(vec![Some(dy), dby])
    }

    /// `dy = dx + dby`.
    fn jvp(
        &self,
        _: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut dy = tangents.take_dense(X)?;
        if let Some(dby) = tangents.get(BY) {
            add_to_rows(dy.data_mut(), dby.data());
        }
        Ok(vec![Some(dy)])
    }
}
