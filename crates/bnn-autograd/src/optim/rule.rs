//! The trait of optimizer rules.

use std::fmt::Debug;

use super::Schedule;
use crate::error::Error;
use crate::nn::ParamKind;
use crate::real::Real;
use crate::tensor::Tensor;

/// The rule by which a parameter changes: a formula and its settings, without memory.
///
/// A rule sees a parameter in pieces, on several threads at once. Each element must depend only on
/// the elements at its index, so that the result is the same for any division into pieces.
/// Afterwards, latent binary weights are clipped to `[-1, 1]`.
///
/// A rule of your own, descent by the sign of the gradient (Bernstein et al. 2018, arXiv
/// 1802.04434):
/// ```
/// use bnn_autograd::optim::{Optimizer, Rule, Step};
///
/// #[derive(Debug)]
/// struct SignSgd {
///     learning_rate: f64,
/// }
///
/// impl Rule<f32> for SignSgd {
///     fn update(&self, step: Step, p: &mut [f32], grad: &[f32], _averages: &mut [&mut [f32]]) {
///         let rate = (self.learning_rate * step.factor) as f32;
///         for (p, grad) in p.iter_mut().zip(grad) {
///             *p -= if *grad >= 0.0 { rate } else { -rate };
///         }
///     }
/// }
/// let optimizer = Optimizer::new(SignSgd { learning_rate: 0.01 });
/// ```
pub trait Rule<T: Real>: Debug + Send + Sync {
    /// Checks the settings; an optimizer asks before each of its steps. They are right unless
    /// overridden.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the first setting that is outside its range.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// One step on a piece of a parameter: changes `p` and the averages by `grad`. All have the
    /// same length; there are as many averages as [slots](Rule::slots), in their order.
    fn update(&self, step: Step, p: &mut [T], grad: &[T], averages: &mut [&mut [T]]);

    /// The names of the running averages that it keeps of each parameter.
    fn slots(&self) -> &'static [&'static str] {
        &[]
    }

    /// The average of a slot before the first step on a parameter of this value, in its shape;
    /// zeros unless overridden.
    fn start(&self, slot: &'static str, value: &Tensor<T>) -> Tensor<T> {
        let _ = slot;
        value.zeros_like()
    }

    /// Whether the averages of a slot are means of squares, which are never negative; false unless
    /// overridden. A checkpoint with negative ones is refused.
    fn is_mean_of_squares(&self, slot: &str) -> bool {
        let _ = slot;
        false
    }

    /// Whether it is made for parameters of this kind; true unless overridden.
    fn is_for(&self, kind: ParamKind) -> bool {
        let _ = kind;
        true
    }
}

/// The step of the training at which a rule runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Number of the step, from 1.
    pub number: u64,
    /// The factor of the learning rate by the schedule, 0 to 1.
    pub factor: f64,
}

/// A rule with its own schedule, independent of the optimizer's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scheduled<R> {
    /// The rule.
    pub rule: R,
    /// The schedule of its learning rate.
    pub schedule: Schedule,
}

impl<T: Real, R: Rule<T>> Rule<T> for Scheduled<R> {
    fn check(&self) -> Result<(), Error> {
        self.schedule.check()?;
        self.rule.check()
    }

    fn update(&self, step: Step, p: &mut [T], grad: &[T], averages: &mut [&mut [T]]) {
        let factor = self.schedule.at(step.number.saturating_sub(1));
        self.rule.update(Step { factor, ..step }, p, grad, averages);
    }

    fn slots(&self) -> &'static [&'static str] {
        self.rule.slots()
    }

    fn start(&self, slot: &'static str, value: &Tensor<T>) -> Tensor<T> {
        self.rule.start(slot, value)
    }

    fn is_mean_of_squares(&self, slot: &str) -> bool {
        self.rule.is_mean_of_squares(slot)
    }

    fn is_for(&self, kind: ParamKind) -> bool {
        self.rule.is_for(kind)
    }
}
