//! The optimizer: rules, the parameters that each of them takes, and their memory.

use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;

use super::{OptimizerState, Rule, Schedule, Step};
use crate::error::Error;
use crate::nn::{Module, Param, ParamKind};
use crate::parallel::{TASK_ELEMENTS, wide};
use crate::real::Real;
use crate::tensor::Tensor;

/// Changes the parameters of a model by their collected gradients.
///
/// Results are the same bits for any number of threads. A clone is independent and starts from the
/// same state.
#[derive(Clone)]
pub struct Optimizer<T: Real = f32> {
    groups: Vec<(Takes<T>, Shared<T>)>,
    /// The rule of parameters that no group takes.
    rest: Shared<T>,
    /// The schedule of all rules except those with [their own](super::Scheduled); the whole
    /// learning rate at first.
    pub schedule: Schedule,
    /// The state of the optimizer between steps.
    pub state: OptimizerState<T>,
}

type Shared<T> = Arc<dyn Rule<T>>;
type Takes<T> = Arc<dyn Fn(&str, &Param<T>) -> bool + Send + Sync>;

impl<T: Real> Optimizer<T> {
    /// An optimizer with one rule for all parameters that no [group](Optimizer::with_group) takes.
    #[must_use]
    pub fn new(rule: impl Rule<T> + 'static) -> Self {
        Self {
            groups: Vec::new(),
            rest: Arc::new(rule),
            schedule: Schedule::default(),
            state: OptimizerState::new(),
        }
    }

    /// Adds a group of parameters with their own rule: those for which `takes` returns true, given
    /// their dotted name, unless an earlier group takes them.
    #[must_use]
    pub fn with_group(
        mut self,
        takes: impl Fn(&str, &Param<T>) -> bool + Send + Sync + 'static,
        rule: impl Rule<T> + 'static,
    ) -> Self {
        self.groups.push((Arc::new(takes), Arc::new(rule)));
        self
    }

    /// Changes every parameter that has a gradient, and then clips latent binary weights to `[-1,
    /// 1]`. The gradients stay; see [`Module::zero_grad`]. On an error nothing is changed.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if a setting of a rule or of a schedule is outside its range,
    /// [`Error::NotBinary`] if a rule for binary weights gets another parameter, [`Error::Shape`]
    /// if a parameter has another shape than the state kept under its name.
    pub fn step(&mut self, model: &mut dyn Module<T>) -> Result<(), Error> {
        self.check(model)?;
        let done = self.state.steps;
        model.params_mut(&mut |name, param| {
            if param.grad().is_none() {
                return;
            }
            let rule = rule_of(&self.groups, &self.rest, name, param);
            let step = Step {
                number: done.saturating_add(1), // a state from a file may say anything
                factor: self.schedule.at(done),
            };
            let slots = rule.slots();
            let mut averages: Vec<Tensor<T>> = slots
                .iter()
                .map(|slot| {
                    let kept = self.state.take(slot, name);
                    kept.unwrap_or_else(|| rule.start(slot, param.value()))
                })
                .collect();
            let kind = param.kind();
            param.update(|p, grad| update(rule, step, kind, p, grad, &mut averages));
            for (slot, average) in slots.iter().zip(averages) {
                self.state.put(slot, name, average);
            }
        });
        self.state.steps = done.saturating_add(1);
        Ok(())
    }

    /// Finds the first setting or parameter that a step would fail on.
    fn check(&self, model: &dyn Module<T>) -> Result<(), Error> {
        self.schedule.check()?;
        let groups = self.groups.iter().map(|(_, rule)| rule);
        groups
            .chain([&self.rest])
            .try_for_each(|rule| rule.check())?;
        let mut result = Ok(());
        model.params(&mut |name, param| {
            if result.is_ok() && param.grad().is_some() {
                result = self.check_param(name, param);
            }
        });
        result
    }

    fn check_param(&self, name: &str, param: &Param<T>) -> Result<(), Error> {
        let rule = rule_of(&self.groups, &self.rest, name, param);
        if !rule.is_for(param.kind()) {
            return Err(Error::NotBinary { name: name.into() });
        }
        for slot in rule.slots() {
            if let Some(average) = self.state.get(slot, name) {
                let shape = param.value().shape();
                Error::check_shape("state of an optimizer", shape, average.shape())?;
            }
        }
        Ok(())
    }

    /// The rule that changes a parameter.
    #[cfg(feature = "checkpoint")]
    pub(crate) fn rule(&self, name: &str, param: &Param<T>) -> &dyn Rule<T> {
        rule_of(&self.groups, &self.rest, name, param)
    }
}

fn rule_of<'a, T: Real>(
    groups: &'a [(Takes<T>, Shared<T>)],
    rest: &'a Shared<T>,
    name: &str,
    param: &Param<T>,
) -> &'a dyn Rule<T> {
    let taken = groups.iter().find(|(takes, _)| takes(name, param));
    &**taken.map_or(rest, |(_, rule)| rule)
}

/// Runs a rule over all pieces of a parameter in parallel; its averages are cut at the same places.
fn update<T: Real>(
    rule: &dyn Rule<T>,
    step: Step,
    kind: ParamKind,
    p: &mut [T],
    grad: &[T],
    averages: &mut [Tensor<T>],
) {
    let mut cut: Vec<_> = averages
        .iter_mut()
        .map(|average| average.data_mut().chunks_mut(TASK_ELEMENTS))
        .collect();
    let pieces: Vec<Vec<&mut [T]>> = (0..p.len().div_ceil(TASK_ELEMENTS))
        .map(|_| cut.iter_mut().filter_map(Iterator::next).collect())
        .collect();
    p.par_chunks_mut(TASK_ELEMENTS)
        .zip(grad.par_chunks(TASK_ELEMENTS))
        .zip(pieces)
        .for_each(|((p, grad), mut averages)| {
            rule.update(step, p, grad, &mut averages);
            if kind == ParamKind::Binary {
                // While the piece is in the cache.
                wide(|| p.iter_mut().for_each(|p| *p = clip_latent(*p)));
            }
        });
}

/// `x` in `[-1, 1]`; NaN stays NaN, to be noticed.
fn clip_latent<T: Real>(x: T) -> T {
    if x < -T::one() {
        -T::one()
    } else if x > T::one() {
        T::one()
    } else {
        x
    }
}

impl<T: Real> fmt::Debug for Optimizer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<_> = self.groups.iter().map(|(_, rule)| rule).collect();
        f.debug_struct("Optimizer")
            .field("groups", &groups)
            .field("rest", &self.rest)
            .field("schedule", &self.schedule)
            .field("state", &self.state)
            .finish()
    }
}
