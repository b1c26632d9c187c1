//! Ternary weights.

use rayon::prelude::*;

use super::{filters, straight_through};
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::task_rows;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// [`WeightQuantizer::Ternary`](super::WeightQuantizer::Ternary).
pub(super) fn ternary<T: Real>(w: &Var<T>) -> Result<Var<T>, Error> {
    w.tape().apply(Ternary, &[w])
}

struct Ternary;

impl<T: Real> Function<T> for Ternary {
    fn name(&self) -> &'static str {
        "ternary"
    }

    fn compute(&self, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [w] = inputs("inputs of ternary", given)?;
        let (_, k) = filters(w)?;
        let mut y = w.clone();
        y.data_mut()
            .par_chunks_mut(k)
            .with_min_len(task_rows(k))
            .for_each(ternarize);
        Ok(vec![y])
    }

    fn backward(
        &self,
        _: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        straight_through(grad_outputs)
    }

    fn jvp(
        &self,
        _: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        straight_through(tangents)
    }
}

/// Replaces the weights of one channel.
fn ternarize<T: Real>(row: &mut [T]) {
    let sum: f64 = row.iter().map(|w| w.as_f64().abs()).sum();
    let delta = T::from_f64(0.7 * sum / row.len() as f64);
    let (mut above, mut sum) = (0_usize, 0.0);
    for w in row.iter().filter(|w| w.abs() > delta) {
        above += 1;
        sum += w.as_f64().abs();
    }
    let alpha = match above {
        // Nothing is above a delta of 0, an infinity or NaN, which is then the scale.
        0 => delta,
        _ => T::from_f64(sum / above as f64),
    };
    for w in row {
        let t = match *w {
            w if w > delta => T::one(),
            w if w < -delta => -T::one(),
            _ => T::zero(),
        };
        *w = alpha * t;
    }
}
