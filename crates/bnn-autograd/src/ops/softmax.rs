//! The softmax of rows, and its logarithm.

use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::{for_row_pairs, for_rows};
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `exp(x_c) / sum_j exp(x_j)` for each row of `[.., classes]`. For a classification loss take
/// [`cross_entropy`](super::cross_entropy), which is exact where a probability rounds to 0.
///
/// Kept for the reverse pass: the output.
///
/// # Errors
/// None of its own.
pub fn softmax<T: Real>(x: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(Softmax { log: false }, &[x])
}

/// `x_c - ln(sum_j exp(x_j))` for each row of `[.., classes]`: the logarithm of [`softmax`].
///
/// Kept for the reverse pass: the output.
///
/// # Errors
/// None of its own.
pub fn log_softmax<T: Real>(x: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(Softmax { log: true }, &[x])
}

struct Softmax {
    log: bool,
}

struct Kept<T: Real> {
    y: Tensor<T>,
}

saved_state!(Kept<T> { y });

impl<T: Real> Function<T> for Softmax {
    fn name(&self) -> &'static str {
        if self.log { "log_softmax" } else { "softmax" }
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of softmax", given)?;
        let (_, classes) = x.rows_cols();
        let mut y = (*x).clone();
        for_rows(y.data_mut(), classes, |row| {
            // Subtracting the maximum changes no quotient and keeps `exp` from overflowing.
            let max = row.iter().copied().fold(T::neg_infinity(), T::max).as_f64();
            let sum: f64 = row.iter().map(|x| (x.as_f64() - max).exp()).sum();
            let log_sum = sum.ln() + max;
            for x in row {
                *x = T::from_f64(match self.log {
                    true => x.as_f64() - log_sum,
                    false => (x.as_f64() - max).exp() / sum,
                });
            }
        });
        if ctx.varies(0) {
            ctx.save(Kept { y: y.clone() });
        }
        Ok(vec![y])
    }

    /// `dx = y * (dy - sum(y * dy))`; of the logarithm `dx = dy - exp(y) * sum(dy)`.
    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let Kept { y } = ctx.saved_state()?;
        let mut d = grad_outputs.single()?;
        let (_, classes) = d.rows_cols();
        for_row_pairs(d.data_mut(), y.data(), classes, |d, y: &[T]| {
            if self.log {
                let sum: f64 = d.iter().map(|d| d.as_f64()).sum();
                for (d, y) in d.iter_mut().zip(y) {
                    *d = T::from_f64(d.as_f64() - y.as_f64().exp() * sum);
                }
            } else {
                through_softmax(d, y);
            }
        });
        Ok(vec![Some(d)])
    }

    /// `dy = y * (dx - sum(y * dx))`; of the logarithm `dy = dx - sum(exp(y) * dx)`.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let Kept { y } = ctx.saved_state()?;
        let mut d = tangents.single()?;
        let (_, classes) = d.rows_cols();
        for_row_pairs(d.data_mut(), y.data(), classes, |d, y: &[T]| {
            if self.log {
                let terms = d.iter().zip(y);
                let mean: f64 = terms.map(|(d, y)| d.as_f64() * y.as_f64().exp()).sum();
                d.iter_mut()
                    .for_each(|d| *d = T::from_f64(d.as_f64() - mean));
            } else {
                through_softmax(d, y);
            }
        });
        Ok(vec![Some(d)])
    }
}

/// A derivative through one row of a softmax, whose Jacobian is symmetric.
fn through_softmax<T: Real>(d: &mut [T], y: &[T]) {
    let terms = d.iter().zip(y);
    let mean: f64 = terms.map(|(d, y)| d.as_f64() * y.as_f64()).sum();
    for (d, y) in d.iter_mut().zip(y) {
        *d = T::from_f64(y.as_f64() * (d.as_f64() - mean));
    }
}
