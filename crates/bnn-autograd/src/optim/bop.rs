//! Bop, the binary optimizer: flips weights, and keeps no latent ones (Helwegen et al. 2019,
//! arXiv 1906.02107).

use super::checks::check_not_negative;
use super::{Rule, Step};
use crate::error::Error;
use crate::nn::ParamKind;
use crate::real::{Real, sign_of};

/// Bop: `m = (1 - gamma) * m + gamma * g`; a weight `w` flips where `|m| > threshold` and `sign(m)
/// = sign(w)`, because then both the average and its own sign say that the loss rises with it
/// (algorithm 1 of the paper).
///
/// Only for binary weights. From the first step on they are exactly `-1` or `+1`; before it, only
/// their signs matter, so a network starts with the outputs that it has with latent weights.
///
/// `gamma` takes the role of the learning rate and follows the schedule. The paper trains CIFAR-10
/// with `gamma = 1e-4`, decayed to a tenth every 100 epochs, and `threshold = 1e-8`; gradients of
/// another scale need another threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bop {
    /// The adaptivity rate, in `0..=1`.
    pub gamma: f64,
    /// The number that the average of a weight's gradient must exceed for the weight to flip; at
    /// least 0.
    pub threshold: f64,
}

impl Bop {
    /// Bop with the adaptivity rate `gamma` in `0..=1` and a threshold of at least 0.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn new(gamma: f64, threshold: f64) -> Result<Self, Error> {
        let rule = Self { gamma, threshold };
        rule.check_settings()?;
        Ok(rule)
    }

    fn check_settings(&self) -> Result<(), Error> {
        let inside = (0.0..=1.0).contains(&self.gamma);
        Error::check_range("adaptivity rate", "0 to 1", self.gamma, inside)?;
        check_not_negative("threshold of flips", self.threshold)
    }
}

impl<T: Real> Rule<T> for Bop {
    fn check(&self) -> Result<(), Error> {
        self.check_settings()
    }

    fn update(&self, step: Step, p: &mut [T], grad: &[T], averages: &mut [&mut [T]]) {
        let [average] = averages else { return };
        let gamma = self.gamma * step.factor;
        let (gamma, keep) = (T::from_f64(gamma), T::from_f64(1.0 - gamma));
        let threshold = T::from_f64(self.threshold);
        for ((p, &g), m) in p.iter_mut().zip(grad).zip(average.iter_mut()) {
            *m = keep * *m + gamma * g;
            let w = sign_of(*p);
            let flips = m.abs() > threshold && sign_of(*m) == w;
            *p = if flips { -w } else { w };
        }
    }

    fn slots(&self) -> &'static [&'static str] {
        &["gradient_average"]
    }

    fn is_for(&self, kind: ParamKind) -> bool {
        kind == ParamKind::Binary
    }
}
