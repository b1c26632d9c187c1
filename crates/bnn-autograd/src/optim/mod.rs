//! Optimizers: parameters changed by their gradients, latent binary weights kept in [-1, 1].

mod adam;
mod schedule;
mod sgd;

use std::collections::BTreeMap;

pub use adam::Adam;
pub use schedule::WarmupCosine;
pub use sgd::Sgd;

use crate::error::Error;
use crate::nn::{Module, Param, ParamKind};
use crate::real::Real;
use crate::tensor::Tensor;

/// Changes the parameters of a model by their collected gradients.
pub trait Optimizer<T: Real> {
    /// Changes every parameter that has a gradient; those without stay as they are. Latent binary
    /// weights are clipped to `[-1, 1]` afterwards. The gradients stay; see [`Module::zero_grad`].
    ///
    /// # Errors
    /// [`Error::Shape`] where a parameter has another shape than the state kept under its name.
    fn step(&mut self, model: &mut dyn Module<T>) -> Result<(), Error>;

    /// Sets the learning rate of the next steps.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] where it is negative or not finite.
    fn set_learning_rate(&mut self, learning_rate: f64) -> Result<(), Error>;

    /// What the optimizer remembers between steps.
    fn state(&self) -> &OptimizerState<T>;

    /// Takes over a remembered state, as from a checkpoint.
    fn set_state(&mut self, state: OptimizerState<T>);

    /// The averages it keeps for a parameter: the first parts of the names in its state.
    fn slots(&self) -> &'static [&'static str];
}

/// What an optimizer remembers between steps.
#[derive(Clone, Debug, PartialEq)]
pub struct OptimizerState<T: Real = f32> {
    /// Steps taken so far.
    pub steps: u64,
    /// Its running averages by `slot.parameter` (`momentum.0.weight`), each of the shape of its
    /// parameter.
    pub averages: BTreeMap<String, Tensor<T>>,
}

impl<T: Real> OptimizerState<T> {
    fn new() -> Self {
        Self {
            steps: 0,
            averages: BTreeMap::new(),
        }
    }

    /// Takes the average of a slot and a parameter out, zeros at first.
    fn take(&mut self, slot: &str, name: &str, param: &Param<T>) -> Result<Tensor<T>, Error> {
        let Some(average) = self.averages.remove(&format!("{slot}.{name}")) else {
            return Ok(param.value().zeros_like());
        };
        Error::check_shape(
            "state of an optimizer",
            param.value().shape(),
            average.shape(),
        )?;
        Ok(average)
    }

    fn put(&mut self, slot: &str, name: &str, average: Tensor<T>) {
        self.averages.insert(format!("{slot}.{name}"), average);
    }
}

/// Runs `update` on every parameter with a gradient; stops at the first error.
fn for_gradients<T: Real>(
    model: &mut dyn Module<T>,
    mut update: impl FnMut(&str, &mut Param<T>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut result = Ok(());
    model.params_mut(&mut |name, param| {
        if result.is_ok() && param.grad().is_some() {
            result = update(name, param);
        }
    });
    result
}

/// The range that a step leaves the values of such a parameter in.
fn limits<T: Real>(kind: ParamKind) -> (T, T) {
    match kind {
        ParamKind::Binary => (-T::one(), T::one()),
        ParamKind::Float => (T::neg_infinity(), T::infinity()),
    }
}

/// `x` in `[low, high]`; NaN stays NaN, to be noticed.
fn clip<T: Real>(x: T, (low, high): (T, T)) -> T {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

fn check_learning_rate(learning_rate: f64) -> Result<(), Error> {
    let inside = learning_rate >= 0.0 && learning_rate.is_finite();
    Error::check_range(
        "learning rate",
        "at least 0 and finite",
        learning_rate,
        inside,
    )
}

fn check_decay(what: &'static str, decay: f64) -> Result<(), Error> {
    Error::check_range(
        what,
        "at least 0 and less than 1",
        decay,
        (0.0..1.0).contains(&decay),
    )
}
