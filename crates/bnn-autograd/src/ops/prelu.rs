//! The rectifier with a learned slope per channel.

use bnn_core::BitMatrix;

use super::channels::{check_channels, column_sums_of};
use crate::bits::pack_signs;
use crate::context::{Context, KeptInput, Part, SavedState};
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::{for_row_pairs, for_rows};
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x` where `x >= 0`, else `slope * x`, for `[.., c]` and slopes `[c]` (He et al. 2015, arXiv
/// 1502.01852, equation 1).
///
/// At 0 the gradient is that of the positive side. Kept for the reverse pass: the slopes if `x`
/// needs a gradient; `x`, shared or computed again, if the slopes need one, and else one bit per
/// element.
///
/// # Errors
/// [`Error::Shape`] if there is not one slope per channel; [`Error::ForeignVar`].
pub fn prelu<T: Real>(x: &Var<T>, slope: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(Prelu, &[x, slope])
}

struct Prelu;

const X: usize = 0;
const SLOPE: usize = 1;

struct Kept<T: Real> {
    x: KeptValues<T>,
    /// Kept for the derivative of the input.
    slope: Option<Tensor<T>>,
}

enum KeptValues<T: Real> {
    /// Kept for the derivative of the slopes.
    Input(KeptInput<T>),
    /// Enough for the derivative of the input.
    Signs(BitMatrix),
}

saved_state!(Kept<T> { x, slope });

impl<T: Real> SavedState<T> for KeptValues<T> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        match self {
            Self::Input(x) => x.parts(visit),
            Self::Signs(signs) => signs.parts(visit),
        }
    }
}

impl<T: Real> KeptValues<T> {
    /// Numbers with the signs of the input: the input itself if it was kept.
    fn values(&self) -> Result<Tensor<T>, Error> {
        match self {
            Self::Input(x) => x.tensor(),
            Self::Signs(signs) => {
                let shape = vec![signs.rows(), signs.cols()];
                Ok(Tensor::trusted(signs.unpack()?, shape))
            }
        }
    }
}

impl<T: Real> Function<T> for Prelu {
    fn name(&self) -> &'static str {
        "prelu"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, slope] = inputs("inputs of prelu", given)?;
        check_channels("input of prelu", x, "slopes", slope)?;
        ctx.save_each(|pass| {
            let (rows, cols) = x.rows_cols();
            Ok(Kept {
                x: match pass.needs(SLOPE) {
                    true => KeptValues::Input(pass.input(X, x)),
                    false => KeptValues::Signs(pack_signs(x.data(), rows, cols)?),
                },
                slope: pass.needs(X).then(|| slope.clone()),
            })
        })?;
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
        let Kept { x, slope } = ctx.saved_state::<Kept<T>>()?;
        let x = x.values()?;
        let mut grads = vec![None, None];
        if ctx.needs_input_grad(SLOPE) {
            let (_, channels) = x.rows_cols();
            let term = |d: T, x: T| d.as_f64() * negative_part(x).as_f64();
            grads[SLOPE] = Some(column_sums_of(d.data(), x.data(), channels, term));
        }
        if let Some(slope) = slope {
            through_input(&x, slope, &mut d);
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
        let Kept { x, slope } = ctx.saved_state::<Kept<T>>()?;
        let x = x.values()?;
        let mut dy = tangents.take_dense(X)?;
        if let Some(slope) = slope {
            through_input(&x, slope, &mut dy);
        }
        if let Some(dslope) = tangents.get(SLOPE) {
            for_row_pairs(dy.data_mut(), x.data(), dslope.numel(), |dy, x| {
                for ((dy, &x), &ds) in dy.iter_mut().zip(x).zip(dslope.data()) {
                    *dy += negative_part(x) * ds;
                }
            });
        }
        Ok(vec![Some(dy)])
    }
}

/// Whether `x` is on the positive side, where its sign is `+1`.
fn passes<T: Real>(x: T) -> bool {
    x >= T::zero()
}

/// `min(x, 0)`; NaN stays NaN.
fn negative_part<T: Real>(x: T) -> T {
    if passes(x) { T::zero() } else { x }
}

/// Multiplies a derivative by the slope where the input, or a number of its sign, is negative.
fn through_input<T: Real>(x: &Tensor<T>, slope: &Tensor<T>, d: &mut Tensor<T>) {
    for_row_pairs(d.data_mut(), x.data(), slope.numel(), |d, x| {
        for ((d, &x), &slope) in d.iter_mut().zip(x).zip(slope.data()) {
            if !passes(x) {
                *d *= slope;
            }
        }
    });
}
