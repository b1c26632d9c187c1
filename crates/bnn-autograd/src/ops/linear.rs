//! The ordinary linear layer on floats.

use super::LinearShape;
use super::reduce::column_sums;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Function, GradOutputs, inputs};
use crate::linalg::{mat, matmul};
use crate::parallel::for_rows;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x · w^T + b`: input `[.., k]`, weights `[n, k]`, bias `[n]`, output `[.., n]`.
///
/// Kept for the reverse pass: `x` if `w` needs a gradient and `w` if `x` does, both shared with
/// whoever else holds them.
///
/// # Errors
/// [`Error::Shape`] where the shapes do not fit each other; [`Error::ForeignVar`].
pub fn linear<T: Real>(x: &Var<T>, w: &Var<T>, b: Option<&Var<T>>) -> Result<Var<T>, Error> {
    match b {
        Some(b) => x.tape().apply(Linear, &[x, w, b]),
        None => x.tape().apply(Linear, &[x, w]),
    }
}

struct Linear;

const X: usize = 0;
const W: usize = 1;
const B: usize = 2;

impl<T: Real> Function<T> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let (bias, given) = match given {
            [x, w, b] => (Some(b), &[*x, *w][..]),
            _ => (None, given),
        };
        let [x, w] = inputs("inputs of linear", given)?;
        let LinearShape { m, n, k } = LinearShape::new(x, w)?;
        let mut y = matmul(mat(x.data(), m, k), mat(w.data(), n, k).t());
        if let Some(bias) = bias {
            Error::check_shape("bias of a linear operation", &[n], bias.shape())?;
            for_rows(&mut y, n, |row| {
                row.iter_mut().zip(bias.data()).for_each(|(y, &b)| *y += b);
            });
        }
        ctx.save_for_backward(ctx.needs_input_grad(W).then(|| x.clone()));
        ctx.save_for_backward(ctx.needs_input_grad(X).then(|| w.clone()));
        Ok(vec![Tensor::trusted(y, x.shape_with_last(n))])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: GradOutputs<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let (m, n) = dy.rows_cols();
        let dy_matrix = mat(dy.data(), m, n);
        let mut grads = vec![None; ctx.num_inputs()];
        if ctx.needs_input_grad(X) {
            let w = ctx.saved_tensor(1)?;
            let (_, k) = w.rows_cols();
            let dx = matmul(dy_matrix, mat(w.data(), n, k));
            grads[X] = Some(Tensor::trusted(dx, dy.shape_with_last(k)));
        }
        if ctx.needs_input_grad(W) {
            let x = ctx.saved_tensor(0)?;
            let (_, k) = x.rows_cols();
            let dw = matmul(dy_matrix.t(), mat(x.data(), m, k));
            grads[W] = Some(Tensor::trusted(dw, vec![n, k]));
        }
        if ctx.needs_input_grad(B) {
            let sums = column_sums(dy.data(), n);
            let db = sums.into_iter().map(T::from_f64).collect();
            grads[B] = Some(Tensor::trusted(db, vec![n]));
        }
        Ok(grads)
    }
}
