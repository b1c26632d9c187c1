//! The distance of scores from a teacher's.

use super::loss::{SampleLoss, mean_row_loss};
use crate::error::Error;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `t^2` times the mean over samples of the Kullback-Leibler divergence
/// `sum_c p_c ln(p_c / q_c)`, where `p` is the softmax of a row of `teacher / t` and `q` that of
/// `scores / t`, both `[.., classes]` (Hinton et al. 2015, arXiv 1503.02531, section 2; the factor
/// keeps the size of the gradient at any temperature `t`). A scalar. The teacher's scores are
/// constants.
///
/// Kept for the reverse pass: the gradient `t (q - p) / samples`.
///
/// # Errors
/// [`Error::Shape`] if the teacher's scores have another shape; [`Error::OutOfRange`] for a
/// temperature that is not positive and finite.
pub fn distillation<T: Real>(
    scores: &Var<T>,
    teacher: &Tensor<T>,
    temperature: f64,
) -> Result<Var<T>, Error> {
    Error::check_shape("scores of a teacher", scores.shape(), teacher.shape())?;
    let inside = temperature > 0.0 && temperature.is_finite();
    let what = "temperature of a distillation";
    Error::check_range(what, "positive and finite", temperature, inside)?;
    let teacher = teacher.clone();
    mean_row_loss(
        scores,
        Distillation {
            teacher,
            temperature,
        },
    )
}

struct Distillation<T: Real> {
    teacher: Tensor<T>,
    temperature: f64,
}

impl<T: Real> Distillation<T> {
    /// The logarithms of the softmax of a row divided by the temperature.
    fn log_softmax(&self, row: &[T]) -> Vec<f64> {
        let cooled = row.iter().map(|x| x.as_f64() / self.temperature);
        let cooled: Vec<f64> = cooled.collect();
        // Subtracting the maximum changes no difference and keeps exp from overflowing.
        let max = cooled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = cooled.iter().map(|x| (x - max).exp()).sum();
        let log_sum = sum.ln() + max;
        cooled.iter().map(|x| x - log_sum).collect()
    }
}

impl<T: Real> SampleLoss<T> for Distillation<T> {
    const NAME: &'static str = "distillation";

    fn loss(&self, scores: &mut [T], row: usize) -> f64 {
        let classes = scores.len();
        let teacher = &self.teacher.data()[row * classes..(row + 1) * classes];
        let (log_p, log_q) = (self.log_softmax(teacher), self.log_softmax(scores));
        let mut loss = 0.0;
        for ((score, log_p), log_q) in scores.iter_mut().zip(log_p).zip(log_q) {
            let p = log_p.exp();
            // A class that the teacher excludes must not add `0 * -inf`.
            if p > 0.0 {
                loss += p * (log_p - log_q);
            }
            *score = T::from_f64(self.temperature * (log_q.exp() - p));
        }
        self.temperature * self.temperature * loss
    }
}
