//! A learned scale per channel.

use super::channels::{check_channels, column_sums_of, scale_rows};
use crate::context::{Context, KeptInput};
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::for_row_pairs;
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x * scale` for `[.., c]` and scales `[c]`.
///
/// Kept for the reverse pass: the scales if `x` needs a gradient; if the scales need one, `x`,
/// shared, or nothing if `x` comes from a function that computes it again, such as a binary layer.
///
/// # Errors
/// [`Error::Shape`] if there is not one scale per channel; [`Error::ForeignVar`].
pub(crate) fn channel_scale<T: Real>(x: &Var<T>, scale: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(ChannelScale, &[x, scale])
}

struct ChannelScale;

const X: usize = 0;
const SCALE: usize = 1;

struct Kept<T: Real> {
    /// Kept for the derivative of the scales.
    x: Option<KeptInput<T>>,
    /// Kept for the derivative of the input.
    scale: Option<Tensor<T>>,
}

saved_state!(Kept<T> { x, scale });

impl<T: Real> Function<T> for ChannelScale {
    fn name(&self) -> &'static str {
        "channel_scale"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, scale] = inputs("inputs of channel_scale", given)?;
        check_channels("input of channel_scale", x, "scales", scale)?;
        ctx.save_each(|pass| {
            Ok(Kept {
                x: pass.needs(SCALE).then(|| pass.input(X, x)),
                scale: pass.needs(X).then(|| scale.clone()),
            })
        })?;
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
        let Kept { x, scale } = ctx.saved_state()?;
        let mut grads = vec![None, None];
        if let Some(x) = x {
            let x = x.tensor()?;
            let (_, channels) = x.rows_cols();
            let term = |d: T, x: T| d.as_f64() * x.as_f64();
            grads[SCALE] = Some(column_sums_of(d.data(), x.data(), channels, term));
        }
        if let Some(scale) = scale {
            scale_rows(d.data_mut(), scale.data());
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
        let Kept { x, scale } = ctx.saved_state()?;
        let mut dy = tangents.take_dense(X)?;
        if let Some(scale) = scale {
            scale_rows(dy.data_mut(), scale.data());
        }
        if let (Some(x), Some(dscale)) = (x, tangents.get(SCALE)) {
            let x = x.tensor()?;
            for_row_pairs(dy.data_mut(), x.data(), dscale.numel(), |dy, x| {
                for ((dy, &x), &ds) in dy.iter_mut().zip(x).zip(dscale.data()) {
                    *dy += x * ds;
                }
            });
        }
        Ok(vec![Some(dy)])
    }
}
