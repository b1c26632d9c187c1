//! Adam (Kingma & Ba 2015, arXiv 1412.6980) with an L2 penalty, and AdamW with decoupled weight
//! decay (Loshchilov & Hutter 2019, arXiv 1711.05101).

use super::checks::{check_decay, check_learning_rate, check_not_negative};
use super::{Rule, Step};
use crate::error::Error;
use crate::parallel::wide;
use crate::real::Real;

/// Adam: `m = b1 * m + (1 - b1) * g`, `v = b2 * v + (1 - b2) * g^2`, `p = p - learning_rate * (m /
/// (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + 1e-8)` at step `t`, as PyTorch's `Adam`.
///
/// `t` counts the steps of the optimizer; it is the same for every parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// The learning rate, at least 0.
    pub learning_rate: f64,
    /// The decay rates of the two averages, each in `0..1`.
    pub betas: (f64, f64),
    /// An L2 penalty, at least 0: `g = g + weight_decay * p` before the step. For decay that does
    /// not enter the averages, use [`AdamW`].
    pub weight_decay: f64,
}

/// The paper's, against division by 0.
const EPS: f64 = 1e-8;
/// The paper's decay rates.
const BETAS: (f64, f64) = (0.9, 0.999);

fn check_settings(
    learning_rate: f64,
    (first, second): (f64, f64),
    weight_decay: f64,
) -> Result<(), Error> {
    check_learning_rate(learning_rate)?;
    check_decay("decay of the first moment", first)?;
    check_decay("decay of the second moment", second)?;
    check_not_negative("weight decay", weight_decay)
}

impl Adam {
    /// Adam with the paper's `b1 = 0.9` and `b2 = 0.999`, and no weight decay.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn new(learning_rate: f64) -> Result<Self, Error> {
        let (betas, weight_decay) = (BETAS, 0.0);
        check_settings(learning_rate, betas, weight_decay)?;
        Ok(Self {
            learning_rate,
            betas,
            weight_decay,
        })
    }

    /// The numbers of one step, rounded to `T` once.
    fn constants<T: Real>(&self, step: Step) -> Constants<T> {
        let (b1, b2) = self.betas;
        let rate = self.learning_rate * step.factor;
        let t = step.number as f64;
        Constants {
            b1: T::from_f64(b1),
            b2: T::from_f64(b2),
            rest1: T::from_f64(1.0 - b1),
            rest2: T::from_f64(1.0 - b2),
            rate: T::from_f64(rate / (1.0 - b1.powf(t))),
            unbias: T::from_f64((1.0 - b2.powf(t)).sqrt().recip()),
            eps: T::from_f64(EPS),
            penalty: T::from_f64(self.weight_decay),
            shrink: T::one(),
        }
    }
}

/// [`Adam`] with decoupled weight decay: `p = p * (1 - learning_rate * weight_decay)` before the
/// step, as PyTorch's `AdamW`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// The learning rate, at least 0.
    pub learning_rate: f64,
    /// The decay rates of the two averages, each in `0..1`.
    pub betas: (f64, f64),
    /// The share of a parameter, times the learning rate, that a step takes away; at least 0.
    pub weight_decay: f64,
}

impl AdamW {
    /// AdamW with `b1 = 0.9` and `b2 = 0.999`; PyTorch's default of the weight decay is 0.01.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn new(learning_rate: f64, weight_decay: f64) -> Result<Self, Error> {
        let betas = BETAS;
        check_settings(learning_rate, betas, weight_decay)?;
        Ok(Self {
            learning_rate,
            betas,
            weight_decay,
        })
    }

    /// The rule without its decay.
    fn adam(&self) -> Adam {
        Adam {
            learning_rate: self.learning_rate,
            betas: self.betas,
            weight_decay: 0.0,
        }
    }
}

struct Constants<T> {
    b1: T,
    b2: T,
    rest1: T,
    rest2: T,
    rate: T,
    unbias: T,
    eps: T,
    /// The factor of the L2 penalty.
    penalty: T,
    /// The factor by which decoupled decay shrinks weights.
    shrink: T,
}

impl<T: Real> Constants<T> {
    fn update(&self, p: &mut [T], grad: &[T], averages: &mut [&mut [T]]) {
        let [first, second] = averages else { return };
        let averages = first.iter_mut().zip(second.iter_mut());
        wide(|| {
            for ((p, &g), (m, v)) in p.iter_mut().zip(grad).zip(averages) {
                let g = g + self.penalty * *p;
                *m = self.b1 * *m + self.rest1 * g;
                *v = self.b2 * *v + self.rest2 * g * g;
                let change = self.rate * *m / (v.sqrt() * self.unbias + self.eps);
                *p = *p * self.shrink - change;
            }
        });
    }
}

const SECOND: &str = "second_moment";
const SLOTS: &[&str] = &["first_moment", SECOND];

impl<T: Real> Rule<T> for Adam {
    fn check(&self) -> Result<(), Error> {
        check_settings(self.learning_rate, self.betas, self.weight_decay)
    }

    fn update(&self, step: Step, p: &mut [T], grad: &[T], averages: &mut [&mut [T]]) {
        self.constants(step).update(p, grad, averages);
    }

    fn slots(&self) -> &'static [&'static str] {
        SLOTS
    }

    fn is_mean_of_squares(&self, slot: &str) -> bool {
        slot == SECOND
    }
}

impl<T: Real> Rule<T> for AdamW {
    fn check(&self) -> Result<(), Error> {
        check_settings(self.learning_rate, self.betas, self.weight_decay)
    }

    fn update(&self, step: Step, p: &mut [T], grad: &[T], averages: &mut [&mut [T]]) {
        let rate = self.learning_rate * step.factor;
        let shrink = T::from_f64(1.0 - rate * self.weight_decay);
        let constants = Constants {
            shrink,
            ..self.adam().constants(step)
        };
        constants.update(p, grad, averages);
    }

    fn slots(&self) -> &'static [&'static str] {
        SLOTS
    }

    fn is_mean_of_squares(&self, slot: &str) -> bool {
        slot == SECOND
    }
}
