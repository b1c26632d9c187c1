//! A learned scale per channel.

use super::channels::{check_channels, column_sums_of, scale_rows};
use super::compact::share;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::for_row_pairs;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x * scale` for `[.., c]` and scales `[c]`: LayerScale (Touvron et al. 2021, arXiv 2103.17239);
/// behind a [`binary_linear`](super::binary_linear) the learned `alpha` per output of
/// XNOR-Net++ (Bulat & Tzimiropoulos 2019, arXiv 1909.13863, case 1).
///
/// Kept for the reverse pass: the scales if `x` needs a gradient; if they need one `x`, shared, or
/// nothing where `x` comes from a function that computes it again, such as a binary layer.
///
/// # Errors
/// [`Error::Shape`] where there is not one scale per channel; [`Error::ForeignVar`].
pub fn channel_scale<T: Real>(x: &Var<T>, scale: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(ChannelScale, &[x, scale])
}

struct ChannelScale;

const X: usize = 0;
const SCALE: usize = 1;

impl<T: Real> Function<T> for ChannelScale {
    fn name(&self) -> &'static str {
        "channel_scale"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, scale] = inputs("inputs of channel_scale", given)?;
        check_channels("scales of channel_scale", x, scale)?;
        ctx.save_for_backward(ctx.needs_input_grad(SCALE).then(|| share(ctx, X, x)));
        ctx.save_for_forward(ctx.has_tangent(SCALE).then(|| x.clone()));
        ctx.save(ctx.varies(X).then(|| scale.clone()));
        let mut y = x.clone();
        scale_rows(y.data_mut(), scale.data());
        Ok(vec![y])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut d = grad_outputs.single()?;
        let mut grads = vec![None, None];
        if ctx.needs_input_grad(SCALE) {
            let x = ctx.saved_tensor(X)?;
            let (_, channels) = x.rows_cols();
            let term = |d: T, x: T| d.as_f64() * x.as_f64();
            grads[SCALE] = Some(column_sums_of(d.data(), x.data(), channels, term));
        }
        if ctx.needs_input_grad(X) {
            scale_rows(d.data_mut(), ctx.saved_tensor(SCALE)?.data());
            grads[X] = Some(d);
        }
        Ok(grads)
    }

    /// `dy = dx * scale + x * dscale`.
    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut dy = match tangents.take(X) {
            Some(mut dx) => {
                scale_rows(dx.data_mut(), ctx.saved_tensor(SCALE)?.data());
                dx
            }
            None => Tensor::full(T::zero(), ctx.input_shape(X)?)?,
        };
        if let Some(dscale) = tangents.get(SCALE) {
            let x = ctx.saved_tensor(X)?;
            for_row_pairs(dy.data_mut(), x.data(), dscale.numel(), |dy, x| {
                for ((dy, &x), &ds) in dy.iter_mut().zip(x).zip(dscale.data()) {
                    *dy += x * ds;
                }
            });
        }
        Ok(vec![Some(dy)])
    }
}
