//! Weights of 8 bits with one scale per output channel.

use rayon::prelude::*;

use super::filters;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::task_rows;
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The largest magnitude of a weight; -128 is left out, so that weights are symmetric.
const MOST: i8 = 127;

/// The integers -127 to 127 that stand for weights `[n, ..]`, in their shape, and the scales `[n]`
/// of the output channels (the first dimension): `w` is near `integer * scale`.
///
/// `scale` is the greatest `|w|` of the channel divided by 127, or 1 where all are 0, and the
/// integer `round(w / scale)`, halves to even. The gradient passes straight through the rounding,
/// and the scale is a constant: `dw = dy / scale` (Jacob et al. 2018, arXiv 1712.05877, for the
/// forward pass; Bengio et al. 2013, arXiv 1308.3432, for the gradient). NaN stays NaN.
///
/// Kept for the reverse pass: the scales.
pub(crate) fn int8_weights<T: Real>(w: &Var<T>) -> Result<(Var<T>, Tensor<T>), Error> {
    let scales = int8_scales(w.value())?;
    let function = Int8Weights {
        scales: scales.clone(),
    };
    Ok((w.tape().apply(function, &[w])?, scales))
}

/// What the file holds of [`int8_weights`]: integers, row by row.
pub(crate) fn int8_values<T: Real>(w: &Tensor<T>) -> Result<(Vec<i8>, Tensor<T>), Error> {
    let (_, k) = filters(w)?;
    let scales = int8_scales(w)?;
    let rows = w.data().chunks(k).zip(scales.data());
    let integers = rows.flat_map(|(row, &scale)| row.iter().map(move |&w| integer(w, scale)));
    // In range by construction; NaN, which callers refuse, would be 0.
    let integers = integers.map(|q| q.as_f64() as i8).collect();
    Ok((integers, scales))
}

/// The scale of each output channel.
fn int8_scales<T: Real>(w: &Tensor<T>) -> Result<Tensor<T>, Error> {
    let (n, k) = filters(w)?;
    let scale = |row: &[T]| {
        let most = row.iter().fold(T::zero(), |most, w| most.max(w.abs()));
        match most / T::from_i32(MOST.into()) {
            // Also of weights so small that the quotient is 0.
            scale if scale > T::zero() => scale,
            _ => T::one(),
        }
    };
    let scales = w.data().par_chunks(k).with_min_len(task_rows(k)).map(scale);
    Ok(Tensor::trusted(scales.collect(), vec![n]))
}

fn integer<T: Real>(w: T, scale: T) -> T {
    let most = T::from_i32(MOST.into());
    match (w / scale).rounded_to_even() {
        // The quotient may round up to more.
        q if q > most => most,
        q if q < -most => -most,
        q => q,
    }
}

struct Int8Weights<T: Real> {
    scales: Tensor<T>,
}

struct Kept<T: Real> {
    scales: Tensor<T>,
}

saved_state!(Kept<T> { scales });

impl<T: Real> Int8Weights<T> {
    /// Both passes divide a derivative by the scales.
    fn divided(
        ctx: &Context<T>,
        derivatives: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut d = derivatives.single()?;
        let (_, k) = filters(&d)?;
        let Kept { scales } = ctx.saved_state()?;
        let rows = d.data_mut().chunks_mut(k).zip(scales.data());
        rows.for_each(|(row, &scale)| row.iter_mut().for_each(|d| *d /= scale));
        Ok(vec![Some(d)])
    }
}

impl<T: Real> Function<T> for Int8Weights<T> {
    fn name(&self) -> &'static str {
        "int8_weights"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [w] = inputs("inputs of int8_weights", given)?;
        let (_, k) = filters(w)?;
        let mut y = w.clone();
        let rows = y.data_mut().chunks_mut(k).zip(self.scales.data());
        rows.for_each(|(row, &scale)| row.iter_mut().for_each(|w| *w = integer(*w, scale)));
        if ctx.varies(0) {
            ctx.save(Kept {
                scales: self.scales.clone(),
            });
        }
        Ok(vec![y])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        Self::divided(ctx, grad_outputs)
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        Self::divided(ctx, tangents)
    }
}
