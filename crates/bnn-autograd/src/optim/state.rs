//! The state of an optimizer between steps.

use std::collections::BTreeMap;

use crate::real::Real;
use crate::tensor::Tensor;

/// The state of an optimizer between steps.
#[derive(Clone, Debug, PartialEq)]
pub struct OptimizerState<T: Real = f32> {
    /// Steps taken so far.
    pub steps: u64,
    /// The running averages by `slot.parameter` (`momentum.0.weight`), each of the shape of its
    /// parameter.
    pub averages: BTreeMap<String, Tensor<T>>,
}

impl<T: Real> OptimizerState<T> {
    pub(super) fn new() -> Self {
        Self {
            steps: 0,
            averages: BTreeMap::new(),
        }
    }

    pub(super) fn get(&self, slot: &str, name: &str) -> Option<&Tensor<T>> {
        self.averages.get(&key(slot, name))
    }

    /// Takes an average out, so that it is not shared while it is changed.
    pub(super) fn take(&mut self, slot: &str, name: &str) -> Option<Tensor<T>> {
        self.averages.remove(&key(slot, name))
    }

    pub(super) fn put(&mut self, slot: &str, name: &str, average: Tensor<T>) {
        self.averages.insert(key(slot, name), average);
    }
}

fn key(slot: &str, name: &str) -> String {
    format!("{slot}.{name}")
}
