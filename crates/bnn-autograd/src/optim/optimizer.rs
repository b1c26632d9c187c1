//! The optimizer: rules, the parameters that each of them takes, and their memory.

use std::fmt;
use std::sync::Arc;

use bnn_core::{BitMatrix, row_words};
use rayon::prelude::*;

use super::{OptimizerState, Rule, Schedule, Step};
use crate::bits::pack_rows;
use crate::error::Error;
use crate::nn::{Module, Param, ParamKind};
use crate::parallel::{TASK_ELEMENTS, task_rows, wide};
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
            param.update(|value, grad| update(rule, step, kind, value, grad, &mut averages));
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
/// While a piece of latent weights is in the cache, they are clipped and their signs packed.
fn update<T: Real>(
    rule: &dyn Rule<T>,
    step: Step,
    kind: ParamKind,
    value: &mut Tensor<T>,
    grad: &[T],
    averages: &mut [Tensor<T>],
) {
    let (rows, cols) = value.outer_and_inner();
    let per_row = row_words(cols);
    let (piece, mut signs) = match kind {
        ParamKind::Binary => (task_rows(cols) * cols, vec![0; rows * per_row]),
        ParamKind::Float => (TASK_ELEMENTS, Vec::new()),
    };
    let mut cut: Vec<_> = averages
        .iter_mut()
        .map(|average| average.data_mut().chunks_mut(piece))
        .collect();
    let mut words = signs.chunks_mut(task_rows(cols) * per_row);
    let pieces: Vec<(Vec<&mut [T]>, &mut [u64])> = (0..grad.len().div_ceil(piece))
        .map(|_| {
            let averages = cut.iter_mut().filter_map(Iterator::next).collect();
            (averages, words.next().unwrap_or_default())
        })
        .collect();
    let packed = value
        .data_mut()
        .par_chunks_mut(piece)
        .zip(grad.par_chunks(piece))
        .zip(pieces)
        .map(|((p, grad), (mut averages, words))| {
            rule.update(step, p, grad, &mut averages);
            if kind == ParamKind::Float {
                return false;
            }
            wide(|| p.iter_mut().for_each(|p| *p = clip_latent(*p)));
            pack_rows(p, cols, words).is_ok()
        })
        .reduce(|| true, |all, one| all && one);
    if packed && let Ok(signs) = BitMatrix::from_words(signs, rows, cols) {
        value.keep_signs(signs);
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::nn::SignWeightLinear;
    use crate::optim::Adam;
    use crate::rng::Rng;

    #[test]
    fn latent_weights_come_with_their_signs_after_a_step() {
        let mut rng = Rng::new(1);
        // One task, several with a rest, and rows longer than a task.
        for [rows, cols] in [[3, 70], [300, 130], [2, TASK_ELEMENTS + 5]] {
            let mut layer: SignWeightLinear = SignWeightLinear::new(cols, rows, &mut rng).unwrap();
            let before = layer.weight.value().signs(rows, cols).unwrap();
            let grad = (0..rows * cols).map(|_| rng.uniform(-1.0, 1.0) as f32);
            let grad = Tensor::new(grad.collect(), &[rows, cols]).unwrap();
            layer.weight.add_grad(grad).unwrap();
            Optimizer::new(Adam::new(2.0).unwrap())
                .step(&mut layer)
                .unwrap();

            let after = layer.weight.value();
            assert!(after.has_signs());
            assert!(after.data().iter().all(|w| w.abs() <= 1.0));
            let signs = after.signs(rows, cols).unwrap();
            assert_eq!(signs, BitMatrix::pack(after.data(), rows, cols).unwrap());
            assert_ne!(signs, before);
        }
    }
}
