//! The ordinary linear layer on floats.

use super::channels::add_to_rows;
use super::linear_shape::{LinearShape, product_macs, with_last};
use super::reduce::column_sums;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs, inputs};
use crate::linalg::{mat, matmul};
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x · w^T + b`: input `[.., k]`, weights `[n, k]`, bias `[n]`, output `[.., n]`.
///
/// Kept for the reverse pass: `x` if `w` needs a gradient and `w` if `x` does, both shared.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit each other; [`Error::ForeignVar`].
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

struct Kept<T: Real> {
    /// For the derivative of the weights.
    x: Option<Tensor<T>>,
    /// For the derivative of the input.
    w: Option<Tensor<T>>,
}

saved_state!(Kept<T> { x, w });

impl<T: Real> Function<T> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn macs(&self, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Macs {
        Macs {
            binary: 0,
            float: product_macs(inputs, outputs),
        }
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
            add_to_rows(&mut y, bias.data());
        }
        ctx.save_each(|pass| {
            Ok(Kept {
                x: pass.needs(W).then(|| x.clone()),
                w: pass.needs(X).then(|| w.clone()),
            })
        })?;
        Ok(vec![Tensor::trusted(y, with_last(x.shape(), n))])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let (m, n) = dy.rows_cols();
        let dy_matrix = mat(dy.data(), m, n);
        let Kept { x, w } = ctx.saved_state()?;
        let mut grads = vec![None; ctx.num_inputs()];
        if let Some(w) = w {
            let (_, k) = w.rows_cols();
            let dx = matmul(dy_matrix, mat(w.data(), n, k));
            grads[X] = Some(Tensor::trusted(dx, with_last(dy.shape(), k)));
        }
        if let Some(x) = x {
            let (_, k) = x.rows_cols();
            let dw = matmul(dy_matrix.t(), mat(x.data(), m, k));
            grads[W] = Some(Tensor::trusted(dw, vec![n, k]));
        }
        if ctx.needs_input_grad(B) {
            grads[B] = Some(Tensor::from_f64s(column_sums(dy.data(), n)));
        }
        Ok(grads)
    }

    /// `dy = dx · w^T + x · dw^T + db`.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let LinearShape { m, n, k } = LinearShape::of(ctx)?;
        let shape = with_last(ctx.input_shape(X)?, n);
        let Kept { x, w } = ctx.saved_state()?;
        let mut dy = Tensor::full(T::zero(), &shape)?;
        if let (Some(w), Some(dx)) = (w, tangents.get(X)) {
            let part = matmul(mat(dx.data(), m, k), mat(w.data(), n, k).t());
            dy.add_assign(&Tensor::trusted(part, shape.clone()));
        }
        if let (Some(x), Some(dw)) = (x, tangents.get(W)) {
            let part = matmul(mat(x.data(), m, k), mat(dw.data(), n, k).t());
            dy.add_assign(&Tensor::trusted(part, shape));
        }
        if let Some(db) = tangents.get(B) {
            add_to_rows(dy.data_mut(), db.data());
        }
        Ok(vec![Some(dy)])
    }
}
