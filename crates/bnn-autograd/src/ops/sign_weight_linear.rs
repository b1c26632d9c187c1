//! The first layer: real inputs (pixels) times the signs of the weights.

use std::rc::Rc;

use bnn_core::BitMatrix;

use super::linear_shape::{LinearShape, product_macs, with_last};
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs, inputs};
use crate::linalg::{mat, matmul, matmul_signs, matmul_signs_transposed};
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x · sign(w)^T`: input `[.., k]` of any numbers, latent weights `[n, k]`, output `[.., n]`.
///
/// For integer inputs the result is exact in any order of summation, as long as the sum of `|x|`
/// over a row is at most 2^24 (`f32`).
///
/// Gradients: `dx = dy · sign(w)`, and by the straight-through estimator `dw = dy^T · x`.
///
/// Kept for the reverse pass: `x` itself if `w` needs a gradient, which costs nothing while the
/// caller holds `x` too (as for a batch of data), and one bit per weight if `x` needs a gradient.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit each other; [`Error::ForeignVar`].
pub fn sign_weight_linear<T: Real>(x: &Var<T>, w: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(SignWeightLinear, &[x, w])
}

struct SignWeightLinear;

const X: usize = 0;
const W: usize = 1;

struct Kept<T: Real> {
    /// Kept for the derivative of the weights.
    x: Option<Tensor<T>>,
    /// Kept for the derivative of the input.
    w_signs: Option<Rc<BitMatrix>>,
}

saved_state!(Kept<T> { x, w_signs });

impl<T: Real> Function<T> for SignWeightLinear {
    fn name(&self) -> &'static str {
        "sign_weight_linear"
    }

    fn macs(&self, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Macs {
        Macs {
            binary: 0,
            float: product_macs(inputs, outputs),
        }
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, w] = inputs("inputs of sign_weight_linear", given)?;
        let LinearShape { m, n, k } = LinearShape::new(x, w)?;
        let w_signs = w.signs(n, k)?;
        let y = matmul_signs_transposed(mat(x.data(), m, k), w_signs.view());
        let w_signs = Rc::new(w_signs);
        ctx.save_each(|pass| {
            Ok(Kept {
                x: pass.needs(W).then(|| x.clone()),
                w_signs: pass.needs(X).then(|| Rc::clone(&w_signs)),
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
        let Kept { x, w_signs } = ctx.saved_state()?;
        let mut grads = vec![None, None];
        if let Some(w_signs) = w_signs {
            let dx = matmul_signs(dy_matrix, w_signs.view());
            grads[X] = Some(Tensor::trusted(dx, with_last(dy.shape(), w_signs.cols())));
        }
        if let Some(x) = x {
            let (_, k) = x.rows_cols();
            let dw = matmul(dy_matrix.t(), mat(x.data(), m, k));
            grads[W] = Some(Tensor::trusted(dw, vec![n, k]));
        }
        Ok(grads)
    }

    /// `dy = dx · sign(w)^T + x · dw^T`.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let LinearShape { m, n, k } = LinearShape::of(ctx)?;
        let shape = with_last(ctx.input_shape(X)?, n);
        let Kept { x, w_signs } = ctx.saved_state()?;
        let mut dy = Tensor::full(T::zero(), &shape)?;
        if let (Some(w_signs), Some(dx)) = (w_signs, tangents.get(X)) {
            let part = matmul_signs_transposed(mat(dx.data(), m, k), w_signs.view());
            dy.add_assign(&Tensor::trusted(part, shape.clone()));
        }
        if let (Some(x), Some(dw)) = (x, tangents.get(W)) {
            let part = matmul(mat(x.data(), m, k), mat(dw.data(), n, k).t());
            dy.add_assign(&Tensor::trusted(part, shape));
        }
        Ok(vec![Some(dy)])
    }
}
