//! Limits on gradients, between the reverse pass and the step.

use rayon::prelude::*;

use super::checks::check_not_negative;
use crate::error::Error;
use crate::nn::Module;
use crate::parallel::TASK_ELEMENTS;
use crate::real::Real;

/// Scales all gradients of a model so that their common Euclidean norm is at most `max_norm`
/// (Pascanu et al. 2013, arXiv 1211.5063), and returns the norm before that.
///
/// The factor is `max_norm / (norm + 1e-6)` if that is less than 1, as in PyTorch's
/// `clip_grad_norm_`. If the norm is not finite, it is returned and the gradients stay unchanged.
/// The norm is summed in `f64`, in an order that does not depend on the number of threads.
///
/// # Errors
/// [`Error::OutOfRange`] for a `max_norm` that is negative or not finite.
pub fn clip_grad_norm<T: Real>(model: &mut dyn Module<T>, max_norm: f64) -> Result<f64, Error> {
    check_not_negative("largest norm of the gradients", max_norm)?;
    let mut sum = 0.0;
    model.params(&mut |_, param| sum += param.grad().map_or(0.0, |g| sum_of_squares(g.data())));
    let norm = f64::sqrt(sum);
    let factor = max_norm / (norm + 1e-6);
    if norm.is_finite() && factor < 1.0 {
        let factor = T::from_f64(factor);
        for_gradients(model, |g| *g *= factor);
    }
    Ok(norm)
}

/// Brings every element of all gradients into `[-limit, limit]`; NaN stays NaN.
///
/// # Errors
/// [`Error::OutOfRange`] for a limit that is negative or not finite.
pub fn clip_grad_value<T: Real>(model: &mut dyn Module<T>, limit: f64) -> Result<(), Error> {
    check_not_negative("largest gradient", limit)?;
    let limit = T::from_f64(limit);
    for_gradients(model, |g| {
        if g.abs() > limit {
            *g = limit.copysign(*g);
        }
    });
    Ok(())
}

/// Pieces of a fixed size, each summed by one thread, and the sums added in order.
fn sum_of_squares<T: Real>(x: &[T]) -> f64 {
    let piece = |x: &[T]| x.iter().map(|x| x.as_f64() * x.as_f64()).sum();
    let sums: Vec<f64> = x.par_chunks(TASK_ELEMENTS).map(piece).collect();
    sums.iter().sum()
}

fn for_gradients<T: Real>(model: &mut dyn Module<T>, change: impl Fn(&mut T) + Sync) {
    model.params_mut(&mut |_, param| {
        if let Some(grad) = param.grad_mut() {
            grad.par_chunks_mut(TASK_ELEMENTS)
                .for_each(|piece| piece.iter_mut().for_each(&change));
        }
    });
}
