//! The result of a reverse pass.

use std::collections::HashMap;
use std::fmt;

use super::{Tape, Var};
use crate::error::Error;
use crate::nn::Module;
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

    /// The gradient of a leaf; `None` where the loss does not depend on it, or it is no leaf of
    /// this tape.
    #[must_use]
    pub fn get(&self, leaf: &Var<T>) -> Option<&Tensor<T>> {
        let edge = leaf.edge.filter(|_| self.tape.owns(leaf))?;
        self.leaves.get(&edge.node)
    }

    /// The gradient of a parameter; `None` where the loss does not depend on it.
    #[must_use]
    pub fn param(&self, param: &Param<T>) -> Option<&Tensor<T>> {
        let node = self.node_of(param)?;
        self.leaves.get(&node)
    }

    /// Adds each gradient to the parameter of `model` that it belongs to, for an optimizer to use.
    ///
    /// # Errors
    /// [`Error::Shape`] where a parameter changed its shape since the forward pass.
    pub fn add_to(mut self, model: &mut (impl Module<T> + ?Sized)) -> Result<(), Error> {
        let mut result = Ok(());
        model.params_mut(&mut |_, param| {
            let node = self.node_of(param);
            if let Some(grad) = node.and_then(|node| self.leaves.remove(&node))
                && let Err(error) = param.add_grad(grad)
            {
                result = Err(error);
            }
        });
        result
    }

    fn node_of(&self, param: &Param<T>) -> Option<usize> {
        self.tape.inner.borrow().params.get(&param.id()).copied()
    }
}

impl<T: Real> fmt::Debug for Gradients<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gradients of {} leaves", self.leaves.len())
    }
}
