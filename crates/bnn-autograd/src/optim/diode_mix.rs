//! DiodeMix: descent by the sign of the momentum, for weights that are kept only as bits (Guo et
//! al. 2024, "Diode: Reinventing Binary Neural Networks Training with Sign Descent Optimization").

use super::checks::check_decay;
use super::{Rule, Step};
use crate::error::Error;
use crate::nn::ParamKind;
use crate::real::{Real, sign_of};
use crate::tensor::Tensor;

/// DiodeMix: `m = b1 * m + (1 - b1) * g`, `s = b2 * s + (1 - b2) * learning_rate * sign(m)`, `w =
/// -sign(s)`. A weight flips after the signs of its momentum have been against it for long enough.
///
/// Only for binary weights. From the first step on they are exactly `-1` or `+1`. Initially `s =
/// -learning_rate * w`, where `w` is the initial latent value (0 counts as the least positive
/// number): this changes no weight, and weights near 0 are the first to flip, as latent weights
/// are.
///
/// The learning rate is the scale of `s`. A constant rate has no effect; with a schedule that
/// lowers it, later signs weigh less than earlier ones, and the weights settle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiodeMix {
    /// More than 0.
    pub learning_rate: f64,
    /// The decay rates of the momentum and of its signs, each in `0..1`.
    pub betas: (f64, f64),
}

const MOMENTUM: &str = "gradient_momentum";
const SIGNS: &str = "sign_momentum";

impl DiodeMix {
    /// DiodeMix with `b1 = 0.99` and `b2 = 0.9999`; the learning rate is more than 0.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn new(learning_rate: f64) -> Result<Self, Error> {
        let betas = (0.99, 0.9999);
        let rule = Self {
            learning_rate,
            betas,
        };
        rule.check_settings()?;
        Ok(rule)
    }

    fn check_settings(&self) -> Result<(), Error> {
        let rate = self.learning_rate;
        let inside = rate > 0.0 && rate.is_finite();
        Error::check_range("learning rate", "positive and finite", rate, inside)?;
        check_decay("decay of the momentum", self.betas.0)?;
        check_decay("decay of the signs", self.betas.1)
    }
}

impl<T: Real> Rule<T> for DiodeMix {
    fn check(&self) -> Result<(), Error> {
        self.check_settings()
    }

    fn update(&self, step: Step, p: &mut [T], grad: &[T], averages: &mut [&mut [T]]) {
        let [momentum, signs] = averages else { return };
        let rate = T::from_f64(self.learning_rate * step.factor);
        let rest1 = T::from_f64(1.0 - self.betas.0);
        let rest2 = T::from_f64(1.0 - self.betas.1);
        let averages = momentum.iter_mut().zip(signs.iter_mut());
        for ((p, &g), (m, s)) in p.iter_mut().zip(grad).zip(averages) {
            *m += rest1 * (g - *m);
            *s += rest2 * (rate * sign_of(*m) - *s);
            *p = -sign_of(*s);
        }
    }

    fn slots(&self) -> &'static [&'static str] {
        &[MOMENTUM, SIGNS]
    }

    fn start(&self, slot: &'static str, value: &Tensor<T>) -> Tensor<T> {
        let mut average = value.zeros_like();
        if slot == SIGNS {
            let rate = T::from_f64(self.learning_rate);
            for (s, &w) in average.data_mut().iter_mut().zip(value.data()) {
                *s = -sign_of(w) * (rate * w.abs()).max(T::min_positive_value());
            }
        }
        average
    }

    fn is_for(&self, kind: ParamKind) -> bool {
        kind == ParamKind::Binary
    }
}
