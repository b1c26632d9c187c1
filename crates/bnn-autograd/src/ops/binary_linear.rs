//! The binary layer: signs times signs, on bits.

use bnn_core::{PackedWeights, gemm_i32};

use super::LinearShape;
use crate::bits::{apply_mask, pack_mask, pack_signs};
use crate::context::Context;
use crate::error::Error;
use crate::function::{Function, GradOutputs, inputs};
use crate::linalg::{mat, matmul_signs};
use crate::parallel::for_pairs;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `sign(x) · sign(w)^T`: input `[.., k]`, latent weights `[n, k]`, output `[.., n]`.
///
/// `sign(v)` is `+1` where `v >= 0`, else `-1`. The products are computed on bits and are exact
/// integers (in `f32` for `k <= 2^24`).
///
/// Gradients are those of the straight-through estimator (Hubara et al. 2016, arXiv 1602.02830):
/// `dx = (dy · sign(w)) * [|x| <= 1]` and `dw = dy^T · sign(x)`.
///
/// Kept for the reverse pass: two bits per element of `x` (its sign if `w` needs a gradient, the
/// mask if `x` does) and one bit per weight (if `x` does).
///
/// # Errors
/// [`Error::Shape`] where the shapes do not fit each other; [`Error::ForeignVar`].
pub fn binary_linear<T: Real>(x: &Var<T>, w: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(BinaryLinear, &[x, w])
}

struct BinaryLinear;

const X: usize = 0;
const W: usize = 1;

// Slots of the context.
const X_SIGNS: usize = 0;
const X_MASK: usize = 1;
const W_SIGNS: usize = 2;

impl<T: Real> Function<T> for BinaryLinear {
    fn name(&self) -> &'static str {
        "binary_linear"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, w] = inputs("inputs of binary_linear", given)?;
        let LinearShape { m, n, k } = LinearShape::new(x, w)?;
        let x_signs = pack_signs(x.data(), m, k)?;
        let w_signs = pack_signs(w.data(), n, k)?;
        let mut sums = vec![0; m * n];
        let packed = PackedWeights::new(w_signs.view())?;
        gemm_i32(x_signs.view(), &packed, &mut sums, n)?;

        let (needs_x, needs_w) = (ctx.needs_input_grad(X), ctx.needs_input_grad(W));
        let mask = needs_x.then(|| pack_mask(x.data(), m, k)).transpose()?;
        ctx.save_for_backward(needs_w.then_some(x_signs));
        ctx.save_for_backward(mask);
        ctx.save_for_backward(needs_x.then_some(w_signs));
        Ok(vec![Tensor::trusted(floats(&sums), x.shape_with_last(n))])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: GradOutputs<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let (m, n) = dy.rows_cols();
        let dy_matrix = mat(dy.data(), m, n);
        let mut grads = vec![None, None];
        if ctx.needs_input_grad(X) {
            let w_signs = ctx.saved_bits(W_SIGNS)?;
            let mut dx = matmul_signs(dy_matrix, w_signs.view());
            apply_mask(&mut dx, ctx.saved_bits(X_MASK)?.view());
            grads[X] = Some(Tensor::trusted(dx, dy.shape_with_last(w_signs.cols())));
        }
        if ctx.needs_input_grad(W) {
            let x_signs = ctx.saved_bits(X_SIGNS)?;
            let dw = matmul_signs(dy_matrix.t(), x_signs.view());
            grads[W] = Some(Tensor::trusted(dw, vec![n, x_signs.cols()]));
        }
        Ok(grads)
    }
}

fn floats<T: Real>(sums: &[i32]) -> Vec<T> {
    let mut y = vec![T::zero(); sums.len()];
    for_pairs(&mut y, sums, |y, &sum| *y = T::from_i32(sum));
    y
}
