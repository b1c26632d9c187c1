//! Variables: values that know where on the tape they came from.

use std::fmt;

use super::value::Value;
use super::{Edge, Tape};
use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// A value on a [`Tape`]. Clones are cheap and mean the same variable.
///
/// The variable, not the tape, keeps the value alive.
#[derive(Clone)]
pub struct Var<T: Real = f32> {
    pub(super) value: Value<T>,
    pub(super) edge: Option<Edge>,
    pub(super) tangent: Option<Tensor<T>>,
    pub(super) tape: Tape<T>,
}

impl<T: Real> Var<T> {
    /// The value.
    #[must_use]
    pub fn value(&self) -> &Tensor<T> {
        self.value.tensor()
    }

    /// The dimensions of the value.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// The tape that the variable belongs to.
    #[must_use]
    pub fn tape(&self) -> &Tape<T> {
        &self.tape
    }

    /// Whether the reverse pass can reach a leaf from here.
    #[must_use]
    pub fn requires_grad(&self) -> bool {
        self.edge.is_some()
    }

    /// Lets forward mode vary the variable in the direction `tangent`: the [`Var::tangent`] of any
    /// result computed from it is the derivative along that direction (a dual number).
    ///
    /// # Errors
    /// [`Error::Shape`] if the tangent has another shape than the value.
    pub fn with_tangent(self, tangent: Tensor<T>) -> Result<Self, Error> {
        Error::check_shape("tangent of a variable", self.shape(), tangent.shape())?;
        Ok(Self {
            tangent: Some(tangent),
            ..self
        })
    }

    /// The derivative along the direction in which forward mode varies the inputs; `None` if it is
    /// zero, because the variable depends on nothing that varies.
    #[must_use]
    pub fn tangent(&self) -> Option<&Tensor<T>> {
        self.tangent.as_ref()
    }

    /// A constant with the same value, through which neither gradient nor tangent passes.
    #[must_use]
    pub fn detach(&self) -> Self {
        self.tape.constant(self.value().clone())
    }
}

impl<T: Real> From<Var<T>> for Tensor<T> {
    /// The value, taken out of the variable.
    fn from(var: Var<T>) -> Self {
        var.value().clone()
    }
}

impl<T: Real> fmt::Debug for Var<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Var")
            .field("value", self.value())
            .field("requires_grad", &self.requires_grad())
            .finish()
    }
}
