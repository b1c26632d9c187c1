//! The result of a reverse pass.

use std::collections::HashMap;
use std::fmt;

use super::{Tape, Var};
use crate::error::Error;
use crate::param::Param;
use crate::real::Real;
use crate::tensor::Tensor;

/// The gradients of one loss with respect to the leaves and parameters it depends on.
pub struct Gradients<T: Real = f32> {
    tape: Tape<T>,
    leaves: HashMap<usize, Tensor<T>>,
}

impl<T: Real> Gradients<T> {
    pub(super) fn new(tape: Tape<T>, leaves: HashMap<usize, Tensor<T>>) -> Self {
        Self { tape, leaves }
    }

    /// The gradient of a leaf; `None` if the loss does not depend on it, or it is no leaf of this
    /// tape.
    #[must_use]
    pub fn get(&self, leaf: &Var<T>) -> Option<&Tensor<T>> {
        let edge = leaf.edge.filter(|_| self.tape.owns(leaf))?;
        self.leaves.get(&edge.node)
    }

    /// The gradient of a parameter; `None` if the loss does not depend on it.
    #[must_use]
    pub fn param(&self, param: &Param<T>) -> Option<&Tensor<T>> {
        let (node, _) = self.leaf_of(param)?;
        self.leaves.get(&node)
    }

    /// Takes out the gradient of a parameter.
    ///
    /// # Errors
    /// [`Error::ParamChanged`] if the value is no longer the one that the gradient was computed at.
    pub(crate) fn take_param(
        &mut self,
        name: &str,
        param: &Param<T>,
    ) -> Result<Option<Tensor<T>>, Error> {
        let Some((node, version)) = self.leaf_of(param) else {
            return Ok(None);
        };
        if version != param.version() {
            return Err(Error::ParamChanged { name: name.into() });
        }
        Ok(self.leaves.remove(&node))
    }

    /// The node of a parameter's leaf, and the version that the parameter had there.
    fn leaf_of(&self, param: &Param<T>) -> Option<(usize, u64)> {
        self.tape.inner.borrow().params.get(&param.id())?.leaf
    }
}

impl<T: Real> fmt::Debug for Gradients<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gradients of {} leaves", self.leaves.len())
    }
}
