//! Adam (Kingma & Ba 2015, arXiv 1412.6980), with decoupled weight decay (Loshchilov & Hutter 2019,
//! arXiv 1711.05101).

use rayon::prelude::*;

use super::{
    Optimizer, OptimizerState, check_decay, check_learning_rate, clip, for_gradients, limits,
};
use crate::error::Error;
use crate::nn::Module;
use crate::parallel::TASK_ELEMENTS;
use crate::real::Real;

/// Adam: `m = b1 * m + (1 - b1) * g`, `v = b2 * v + (1 - b2) * g^2`,
/// `p = p - learning_rate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)` at step `t`.
///
/// Weight decay, if any, is decoupled: `p = p * (1 - learning_rate * weight_decay)` beforehand, for
/// every parameter.
#[derive(Clone, Debug)]
pub struct Adam<T: Real = f32> {
    learning_rate: f64,
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
    state: OptimizerState<T>,
}

const FIRST: &str = "first_moment";
const SECOND: &str = "second_moment";

impl<T: Real> Adam<T> {
    /// With the paper's `b1 = 0.9`, `b2 = 0.999`, `eps = 1e-8`, and no weight decay.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn new(learning_rate: f64) -> Result<Self, Error> {
        check_learning_rate(learning_rate)?;
        Ok(Self {
            learning_rate,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.0,
            state: OptimizerState::new(),
        })
    }

    /// With other decay rates of the two averages, each in `0..1`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn with_betas(self, first: f64, second: f64) -> Result<Self, Error> {
        check_decay("decay of the first moment", first)?;
        check_decay("decay of the second moment", second)?;
        Ok(Self {
            betas: (first, second),
            ..self
        })
    }

    /// With decoupled weight decay, at least 0.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn with_weight_decay(self, weight_decay: f64) -> Result<Self, Error> {
        let inside = weight_decay >= 0.0 && weight_decay.is_finite();
        Error::check_range(
            "weight decay",
            "at least 0 and finite",
            weight_decay,
            inside,
        )?;
        Ok(Self {
            weight_decay,
            ..self
        })
    }

    /// The numbers of one step, rounded to `T` once.
    fn constants(&self, step: u64) -> Constants<T> {
        let (b1, b2) = self.betas;
        let step = step as f64;
        Constants {
            b1: T::from_f64(b1),
            b2: T::from_f64(b2),
            rest1: T::from_f64(1.0 - b1),
            rest2: T::from_f64(1.0 - b2),
            rate: T::from_f64(self.learning_rate / (1.0 - b1.powf(step))),
            unbias: T::from_f64((1.0 - b2.powf(step)).sqrt().recip()),
            eps: T::from_f64(self.eps),
            shrink: T::from_f64(1.0 - self.learning_rate * self.weight_decay),
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
    shrink: T,
}

impl<T: Real> Constants<T> {
    fn update(&self, p: &mut T, g: T, m: &mut T, v: &mut T, limits: (T, T)) {
        *m = self.b1 * *m + self.rest1 * g;
        *v = self.b2 * *v + self.rest2 * g * g;
        let change = self.rate * *m / (v.sqrt() * self.unbias + self.eps);
        *p = clip(*p * self.shrink - change, limits);
    }
}

impl<T: Real> Optimizer<T> for Adam<T> {
    fn step(&mut self, model: &mut dyn Module<T>) -> Result<(), Error> {
        self.state.steps += 1;
        let constants = self.constants(self.state.steps);
        for_gradients(model, |name, param| {
            let limits = limits(param.kind());
            let mut first = self.state.take(FIRST, name, param)?;
            let mut second = self.state.take(SECOND, name, param)?;
            param.update(|p, grad| {
                (
                    p.par_chunks_mut(TASK_ELEMENTS),
                    grad.par_chunks(TASK_ELEMENTS),
                    first.data_mut().par_chunks_mut(TASK_ELEMENTS),
                    second.data_mut().par_chunks_mut(TASK_ELEMENTS),
                )
                    .into_par_iter()
                    .for_each(|(p, grad, first, second)| {
                        let averages = first.iter_mut().zip(second);
                        for ((p, &g), (m, v)) in p.iter_mut().zip(grad).zip(averages) {
                            constants.update(p, g, m, v, limits);
                        }
                    });
            });
            self.state.put(FIRST, name, first);
            self.state.put(SECOND, name, second);
            Ok(())
        })
    }

    fn set_learning_rate(&mut self, learning_rate: f64) -> Result<(), Error> {
        check_learning_rate(learning_rate)?;
        self.learning_rate = learning_rate;
        Ok(())
    }

    fn state(&self) -> &OptimizerState<T> {
        &self.state
    }

    fn set_state(&mut self, state: OptimizerState<T>) {
        self.state = state;
    }

    fn slots(&self) -> &'static [&'static str] {
        &[FIRST, SECOND]
    }
}
