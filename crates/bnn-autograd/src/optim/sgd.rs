//! Stochastic gradient descent with momentum.

use super::{
    Optimizer, OptimizerState, check_decay, check_learning_rate, clip, for_gradients, limits,
};
use crate::error::Error;
use crate::nn::Module;
use crate::parallel::for_pairs;
use crate::real::Real;

/// Gradient descent with momentum: `v = momentum * v + grad`, `p = p - learning_rate * v`.
#[derive(Clone, Debug)]
pub struct Sgd<T: Real = f32> {
    learning_rate: f64,
    momentum: f64,
    state: OptimizerState<T>,
}

const MOMENTUM: &str = "momentum";

impl<T: Real> Sgd<T> {
    /// With `momentum` in `0..1`; 0 remembers nothing.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn new(learning_rate: f64, momentum: f64) -> Result<Self, Error> {
        check_learning_rate(learning_rate)?;
        check_decay("momentum", momentum)?;
        Ok(Self {
            learning_rate,
            momentum,
            state: OptimizerState::new(),
        })
    }
}

impl<T: Real> Optimizer<T> for Sgd<T> {
    fn step(&mut self, model: &mut dyn Module<T>) -> Result<(), Error> {
        self.state.steps += 1;
        let rate = T::from_f64(self.learning_rate);
        let momentum = T::from_f64(self.momentum);
        for_gradients(model, |name, param| {
            let limits = limits(param.kind());
            if self.momentum == 0.0 {
                param
                    .update(|p, grad| for_pairs(p, grad, |p, &g| *p = clip(*p - rate * g, limits)));
                return Ok(());
            }
            let mut velocity = self.state.take(MOMENTUM, name, param)?;
            param.update(|p, grad| {
                let velocity = velocity.data_mut();
                for_pairs(velocity, grad, |v, &g| *v = momentum * *v + g);
                for_pairs(p, velocity, |p, &v| *p = clip(*p - rate * v, limits));
            });
            self.state.put(MOMENTUM, name, velocity);
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
        &[MOMENTUM]
    }
}
