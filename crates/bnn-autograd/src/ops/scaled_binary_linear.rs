//! The binary layer with a scale per output, taken from the weights.

use bnn_core::BitMatrix;

use super::channels::scale_rows;
use super::linear_shape::LinearShape;
use super::quantize::row_scales;
use super::{BinaryLinearForward, Estimator, LinearWeights, ScaledSign};
use crate::bits::pack_mask;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs, inputs};
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `sign(x) · (alpha * sign(w))^T` with `alpha` the mean of `|w|` over each row of `w`: input
/// `[.., k]`, latent weights `[n, k]`, output `[.., n]`.
///
/// The product is that of [`binary_linear`](super::binary_linear), on bits; its exact integers are
/// multiplied by `alpha`. Gradients are those of `linear(sign(x), scaled_sign(w))`: for `x` by the
/// `estimator`, for `w` as the [`ScaledSign`] says.
///
/// Kept for the reverse pass: what `binary_linear` keeps, one more bit per weight and one number
/// per output. The output can be computed again from them.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit each other; [`Error::OutOfRange`] for an estimator's
/// number; [`Error::ForeignVar`].
pub fn scaled_binary_linear<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    estimator: Estimator,
    gradient: ScaledSign,
) -> Result<Var<T>, Error> {
    let LinearShape { m, n, k } = LinearShape::of_shapes(x.shape(), w.shape())?;
    let product = BinaryLinearForward {
        estimator,
        ..BinaryLinearForward::new(m, n, k)
    };
    let function = ScaledBinaryLinear { product, gradient };
    x.tape().apply(function, &[x, w])
}

struct ScaledBinaryLinear {
    product: BinaryLinearForward,
    gradient: ScaledSign,
}

/// What is kept besides the state of the product.
struct Kept<T: Real> {
    /// `[n]`.
    scales: Tensor<T>,
    /// `[n, k]`: where `|w| <= 1`; for the derivative of the weights.
    inside: Option<BitMatrix>,
}

saved_state!(Kept<T> { scales, inside });

const X: usize = 0;
const W: usize = 1;

impl<T: Real> Function<T> for ScaledBinaryLinear {
    fn name(&self) -> &'static str {
        "scaled_binary_linear"
    }

    fn takes_affine(&self, i: usize) -> bool {
        i == X && self.product.estimator.takes_affine()
    }

    /// The operations of the product; the scales take only one multiplication per output.
    fn macs(&self, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Macs {
        Function::<T>::macs(&self.product, inputs, outputs)
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, w] = inputs("inputs of scaled_binary_linear", given)?;
        let (n, k) = w.matrix("weights of a linear operation")?;
        let mut y = self.product.run(ctx, x, LinearWeights::Latent(w))?;
        let scales = row_scales(w.data(), k);
        scale_rows(y.data_mut(), &scales);
        let scales = Tensor::trusted(scales, vec![n]);
        ctx.save_each(|pass| {
            let inside = pass.needs(W).then(|| pack_mask(w.data(), n, k));
            Ok(Kept {
                scales: scales.clone(),
                inside: inside.transpose()?,
            })
        })?;
        Ok(vec![y])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut dy = grad_outputs.single()?;
        let Kept { scales, inside } = ctx.saved_state()?;
        let mut grads = vec![None, None];
        if let Some(inside) = inside {
            let mut dw = self.product.weight_gradient(ctx, &dy)?;
            self.gradient.apply(scales, inside, dw.data_mut());
            grads[W] = Some(dw);
        }
        if ctx.needs_input_grad(X) {
            scale_rows(dy.data_mut(), scales.data());
            grads[X] = Some(self.product.input_gradient(ctx, &dy)?);
        }
        Ok(grads)
    }

    /// `dy = alpha * ((dx * slope(x)) · sign(w)^T) + sign(x) · (dw * slope(w))^T`.
    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let Kept { scales, inside } = ctx.saved_state()?;
        let mut dy = self.product.tangent(ctx, tangents.take(X), None)?;
        scale_rows(dy.data_mut(), scales.data());
        if let (Some(inside), Some(mut dw)) = (inside, tangents.take(W)) {
            self.gradient.apply(scales, inside, dw.data_mut());
            dy.add_assign(&self.product.tangent(ctx, None, Some(&dw))?);
        }
        Ok(vec![Some(dy)])
    }

    fn recompute(&self, ctx: &Context<T>) -> Result<Tensor<T>, Error> {
        let mut y = self.product.recompute(ctx)?;
        let Kept { scales, .. } = ctx.saved_state::<Kept<T>>()?;
        scale_rows(y.data_mut(), scales.data());
        Ok(y)
    }
}
