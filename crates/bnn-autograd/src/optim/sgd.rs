//! Stochastic gradient descent with momentum.

use super::checks::{check_decay, check_learning_rate, check_not_negative};
use super::{Rule, Step};
use crate::error::Error;
use crate::real::Real;

/// Gradient descent with momentum: `v = momentum * v + g`, `p = p - learning_rate * v`, as
/// PyTorch's `SGD`; with Nesterov's momentum `p = p - learning_rate * (g + momentum * v)`
/// (Sutskever et al. 2013).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// The learning rate, at least 0.
    pub learning_rate: f64,
    /// The share of `v` that is kept from step to step, in `0..1`; 0 keeps nothing.
    pub momentum: f64,
    /// Whether the momentum is Nesterov's.
    pub nesterov: bool,
    /// An L2 penalty, at least 0: `g = g + weight_decay * p` before the step.
    pub weight_decay: f64,
}

impl Sgd {
    /// SGD with `momentum` in `0..1`, not Nesterov's, and no weight decay.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn new(learning_rate: f64, momentum: f64) -> Result<Self, Error> {
        let rule = Self {
            learning_rate,
            momentum,
            nesterov: false,
            weight_decay: 0.0,
        };
        rule.check_settings()?;
        Ok(rule)
    }

    fn check_settings(&self) -> Result<(), Error> {
        check_learning_rate(self.learning_rate)?;
        check_decay("momentum", self.momentum)?;
        check_not_negative("weight decay", self.weight_decay)
    }
}

impl<T: Real> Rule<T> for Sgd {
    fn check(&self) -> Result<(), Error> {
        self.check_settings()
    }

    fn update(&self, step: Step, p: &mut [T], grad: &[T], averages: &mut [&mut [T]]) {
        let rate = T::from_f64(self.learning_rate * step.factor);
        let momentum = T::from_f64(self.momentum);
        let decay = T::from_f64(self.weight_decay);
        let pairs = p.iter_mut().zip(grad);
        let [velocity] = averages else {
            return pairs.for_each(|(p, &g)| *p -= rate * (g + decay * *p));
        };
        for ((p, &g), v) in pairs.zip(velocity.iter_mut()) {
            let g = g + decay * *p;
            *v = momentum * *v + g;
            *p -= rate * if self.nesterov { g + momentum * *v } else { *v };
        }
    }

    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 {
            &[]
        } else {
            &["momentum"]
        }
    }
}
