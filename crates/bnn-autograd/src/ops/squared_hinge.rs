//! The squared hinge loss, one against all.

use super::loss::{SampleLoss, mean_loss};
use crate::error::Error;
use crate::real::Real;
use crate::tape::Var;

/// The mean over all scores (`[.., classes]`) of `max(0, 1 - t s)^2`, where `t` is `+1` for the
/// label's class and `-1` for the others (Courbariaux et al. 2015, arXiv 1511.00363). A scalar.
///
/// Kept for the reverse pass: the gradient, `-2 t max(0, 1 - t s) / (samples * classes)`.
///
/// # Errors
/// [`Error::Count`] for another number of labels than rows, [`Error::Label`] for a label that is
/// not a class.
pub fn squared_hinge<T: Real, L: Copy + Into<usize>>(
    scores: &Var<T>,
    labels: &[L],
) -> Result<Var<T>, Error> {
    mean_loss(scores, labels, SquaredHinge)
}

struct SquaredHinge;

impl<T: Real> SampleLoss<T> for SquaredHinge {
    const NAME: &'static str = "squared_hinge";

    fn loss(&self, scores: &mut [T], label: usize) -> f64 {
        let classes = scores.len() as f64;
        let mut loss = 0.0;
        for (class, score) in scores.iter_mut().enumerate() {
            let target = if class == label { 1.0 } else { -1.0 };
            let gap = 1.0 - target * score.as_f64();
            // Not `gap.max(0.0)`, which would turn NaN into a loss of 0.
            let gap = if gap < 0.0 { 0.0 } else { gap };
            loss += gap * gap / classes;
            *score = T::from_f64(-2.0 * target * gap / classes);
        }
        loss
    }
}
