//! The cross-entropy of softmax scores.

use super::loss::{SampleLoss, mean_loss};
use crate::error::Error;
use crate::real::Real;
use crate::tape::Var;

/// The mean over samples of `-sum_c q_c log p_c`, where `p` is the softmax of a row of `scores`
/// (`[.., classes]`) and `q` puts `1 - smoothing` on the label and spreads `smoothing` evenly over
/// all classes (label smoothing: Szegedy et al. 2016, arXiv 1512.00567, section 7). A scalar.
///
/// Kept for the reverse pass: the gradient `(p - q) / samples`.
///
/// # Errors
/// [`Error::Count`] for another number of labels than rows, [`Error::Label`] for a label that is
/// not a class, [`Error::OutOfRange`] for a smoothing outside `0..1`.
pub fn cross_entropy<T: Real, L: Copy + Into<usize>>(
    scores: &Var<T>,
    labels: &[L],
    smoothing: f64,
) -> Result<Var<T>, Error> {
    let inside = (0.0..1.0).contains(&smoothing);
    Error::check_range(
        "label smoothing",
        "at least 0 and less than 1",
        smoothing,
        inside,
    )?;
    mean_loss(scores, labels, CrossEntropy { smoothing })
}

struct CrossEntropy {
    smoothing: f64,
}

impl<T: Real> SampleLoss<T> for CrossEntropy {
    const NAME: &'static str = "cross_entropy";

    fn loss(&self, scores: &mut [T], label: usize) -> f64 {
        // Subtracting the maximum changes no difference and keeps exp from overflowing.
        let max = scores
            .iter()
            .copied()
            .fold(T::neg_infinity(), T::max)
            .as_f64();
        let spread = self.smoothing / scores.len() as f64;
        let exp_sum: f64 = scores.iter().map(|s| (s.as_f64() - max).exp()).sum();
        let log_sum = exp_sum.ln() + max;
        let mut loss = 0.0;
        for (class, score) in scores.iter_mut().enumerate() {
            let log_p = score.as_f64() - log_sum;
            let q = if class == label {
                1.0 - self.smoothing + spread
            } else {
                spread
            };
            // A class without weight must not add `0 * -inf`.
            if q > 0.0 {
                loss -= q * log_p;
            }
            *score = T::from_f64(log_p.exp() - q);
        }
        loss
    }
}
