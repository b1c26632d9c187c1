//! One piece of data in a context.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use bnn_core::BitMatrix;

use super::state::{Part, SavedState};
use crate::real::Real;
use crate::tensor::Tensor;

/// Data saved in a [`Context`](crate::Context): a tensor (shared, not copied), a bit matrix, a
/// [`SavedState`] or other data of any type, or nothing (a slot that this pass does not need).
/// Clones share the data.
#[derive(Clone)]
pub struct Saved<T: Real>(Kind<T>);

#[derive(Clone)]
enum Kind<T: Real> {
    Nothing,
    Tensor(Tensor<T>),
    Bits(Rc<BitMatrix>),
    State(Rc<dyn SavedState<T>>),
}

/// A value of any type with the size that its owner declares.
struct Declared<U> {
    value: U,
    bytes: usize,
}

impl<T: Real, U: Any> SavedState<T> for Declared<U> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        visit(Part::Bytes(self.bytes));
    }
}

impl<T: Real> Saved<T> {
    /// Data of any type; `bytes` is what it occupies, for [`Tape::memory`](crate::Tape::memory).
    pub fn other(value: impl Any, bytes: usize) -> Self {
        Self::state(Declared { value, bytes })
    }

    /// Data that shows its parts; [`saved_state!`](crate::saved_state) lets a struct be saved
    /// directly.
    pub fn state(state: impl SavedState<T>) -> Self {
        Self(Kind::State(Rc::new(state)))
    }

    /// The tensor; `None` for other data.
    pub(super) fn tensor(&self) -> Option<&Tensor<T>> {
        match &self.0 {
            Kind::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// The state of type `R`, if that is what was saved.
    pub(super) fn downcast<R: Any>(&self) -> Option<&R> {
        match &self.0 {
            Kind::State(state) => (&**state as &dyn Any).downcast_ref(),
            _ => None,
        }
    }

    /// The bits, or the value that was saved with [`Saved::other`], if it is of type `U`.
    pub(super) fn other_data<U: Any>(&self) -> Option<&U> {
        match &self.0 {
            Kind::Bits(bits) => (&**bits as &dyn Any).downcast_ref(),
            _ => self.downcast().map(|Declared { value, .. }| value),
        }
    }

    /// Shows every part of the data.
    pub(crate) fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        match &self.0 {
            Kind::Nothing => {}
            Kind::Tensor(tensor) => tensor.parts(visit),
            Kind::Bits(bits) => bits.parts(visit),
            Kind::State(state) => state.parts(visit),
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.0 {
            Kind::Nothing => "nothing",
            Kind::Tensor(_) => "a tensor",
            Kind::Bits(_) => "bits",
            Kind::State(_) => "other data",
        }
    }
}

impl<T: Real> From<Tensor<T>> for Saved<T> {
    fn from(tensor: Tensor<T>) -> Self {
        Self(Kind::Tensor(tensor))
    }
}

impl<T: Real> From<BitMatrix> for Saved<T> {
    fn from(bits: BitMatrix) -> Self {
        Self(Kind::Bits(Rc::new(bits)))
    }
}

impl<T: Real, S: Into<Saved<T>>> From<Option<S>> for Saved<T> {
    fn from(saved: Option<S>) -> Self {
        saved.map_or(Self(Kind::Nothing), Into::into)
    }
}

impl<T: Real> fmt::Debug for Saved<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = 0;
        self.parts(&mut |part| {
            bytes += match part {
                Part::Tensor(tensor) => tensor.bytes(),
                Part::Bytes(bytes) => bytes,
            };
        });
        write!(f, "{} of {bytes} bytes", self.kind())
    }
}
