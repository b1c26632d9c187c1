//! The rectifier with a learned slope per channel.

use super::channels::{check_channels, column_sums_of};
use super::compact::share;
use crate::bits::pack_signs;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::{for_row_pairs, for_rows};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x` where `x >= 0`, else `slope * x`, for `[.., c]` and slopes `[c]` (He et al. 2015, arXiv
/// 1502.01852, equation 1).
///
/// At 0 the gradient is that of the positive side. Kept for the reverse pass: the slopes if `x` needs
/// a gradient; and `x`, shared or computed again, if the slopes need one, else one bit per element.
///
/// # Errors
/// [`Error::Shape`] where there is not one slope per channel; [`Error::ForeignVar`].
pub fn prelu<T: Real>(x: &Var<T>, slope: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(Prelu, &[x, slope])
}

struct Prelu;

const X: usize = 0;
const SLOPE: usize = 1;

// Slots of the context.
const INPUT_OR_SIGNS: usize = 0;
const SLOPES: usize = 1;

impl<T: Real> Function<T> for Prelu {
    fn name(&self) -> &'static str {
        "prelu"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, slope] = inputs("inputs of prelu", given)?;
        check_channels("slopes of prelu", x, slope)?;
        if ctx.varies(SLOPE) {
            ctx.save_for_backward(share(ctx, X, x));
            ctx.save_for_forward(x.clone());
        } else if ctx.varies(X) {
            let (rows, cols) = x.rows_cols();
            ctx.save(pack_signs(x.data(), rows, cols)?);
        }
        ctx.save(ctx.varies(X).then(|| slope.clone()));
        let mut y = x.clone();
        for_rows(y.data_mut(), slope.numel(), |row| {
            for (x, &slope) in row.iter_mut().zip(slope.data()) {
                *x = if passes(*x) { *x } else { slope * *x };
            }
        });
        Ok(vec![y])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut d = grad_outputs.single()?;
        let mut grads = vec![None, None];
        if ctx.needs_input_grad(SLOPE) {
            let x = ctx.saved_tensor(INPUT_OR_SIGNS)?;
            let (_, channels) = x.rows_cols();
            let term = |d: T, x: T| d.as_f64() * negative_part(x).as_f64();
            grads[SLOPE] = Some(column_sums_of(d.data(), x.data(), channels, term));
        }
        if ctx.needs_input_grad(X) {
            through_input(ctx, &mut d)?;
            grads[X] = Some(d);
        }
        Ok(grads)
    }

    /// `dy = dx * (1 or slope) + min(x, 0) * dslope`.
    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut dy = match tangents.take(X) {
            Some(mut dx) => {
                through_input(ctx, &mut dx)?;
                dx
            }
            None => Tensor::full(T::zero(), ctx.input_shape(X)?)?,
        };
        if let Some(dslope) = tangents.get(SLOPE) {
            let x = ctx.saved_tensor(INPUT_OR_SIGNS)?;
            for_row_pairs(dy.data_mut(), x.data(), dslope.numel(), |dy, x| {
                for ((dy, &x), &ds) in dy.iter_mut().zip(x).zip(dslope.data()) {
                    *dy += negative_part(x) * ds;
                }
            });
        }
        Ok(vec![Some(dy)])
    }
}

/// Whether `x` is on the positive side, on which its sign is `+1`.
fn passes<T: Real>(x: T) -> bool {
    x >= T::zero()
}

/// `min(x, 0)`, but NaN of NaN.
fn negative_part<T: Real>(x: T) -> T {
    if passes(x) { T::zero() } else { x }
}

/// Multiplies a derivative by the slope where the input was negative.
fn through_input<T: Real>(ctx: &Context<T>, d: &mut Tensor<T>) -> Result<(), Error> {
    let slopes = ctx.saved_tensor(SLOPES)?;
    let Ok(signs) = ctx.saved_bits(INPUT_OR_SIGNS) else {
        let x = ctx.saved_tensor(INPUT_OR_SIGNS)?;
        for_row_pairs(d.data_mut(), x.data(), slopes.numel(), |d, x| {
            for ((d, &x), &slope) in d.iter_mut().zip(x).zip(slopes.data()) {
                if !passes(x) {
                    *d *= slope;
                }
            }
        });
        return Ok(());
    };
    let unpacked: Vec<T> = signs.unpack()?;
    for_row_pairs(d.data_mut(), &unpacked, slopes.numel(), |d, x| {
        for ((d, &sign), &slope) in d.iter_mut().zip(x).zip(slopes.data()) {
            if sign < T::zero() {
                *d *= slope;
            }
        }
    });
    Ok(())
}
