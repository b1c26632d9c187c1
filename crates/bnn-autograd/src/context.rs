//! What a function keeps between its forward and its backward pass.

use std::any::Any;
use std::fmt;

use bnn_core::BitMatrix;

use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// Data saved in a [`Context`]: a tensor (shared, not copied), a bit matrix, anything else with a
/// declared size, or nothing (a slot that this pass does not need).
pub struct Saved<T: Real>(Kind<T>);

enum Kind<T: Real> {
    Nothing,
    Tensor(Tensor<T>),
    Bits(BitMatrix),
    Other { value: Box<dyn Any>, bytes: usize },
}

impl<T: Real> Saved<T> {
    /// Any other data; `bytes` is what it occupies, for [`Tape::memory`](crate::Tape::memory).
    pub fn other(value: impl Any, bytes: usize) -> Self {
        Self(Kind::Other {
            value: Box::new(value),
            bytes,
        })
    }

    /// The tensor, if that is what was saved.
    pub(crate) fn as_tensor(&self) -> Option<&Tensor<T>> {
        match &self.0 {
            Kind::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// Bytes that the data occupies.
    pub(crate) fn bytes(&self) -> usize {
        match &self.0 {
            Kind::Nothing => 0,
            Kind::Tensor(tensor) => tensor.bytes(),
            Kind::Bits(bits) => size_of_val(bits.words()),
            Kind::Other { bytes, .. } => *bytes,
        }
    }

    fn kind(&self) -> &'static str {
        match self.0 {
            Kind::Nothing => "nothing",
            Kind::Tensor(_) => "a tensor",
            Kind::Bits(_) => "bits",
            Kind::Other { .. } => "other data",
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
        Self(Kind::Bits(bits))
    }
}

impl<T: Real, S: Into<Saved<T>>> From<Option<S>> for Saved<T> {
    fn from(saved: Option<S>) -> Self {
        saved.map_or(Self(Kind::Nothing), Into::into)
    }
}

impl<T: Real> fmt::Debug for Saved<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.kind(), self.bytes())
    }
}

/// Carries data from a function's forward to its backward pass, and says which gradients are wanted.
///
/// Saved data is found again by its slot: the first call of [`Context::save_for_backward`] fills
/// slot 0. A slot may be left empty by saving `None`, so that the others keep their places.
#[derive(Debug)]
pub struct Context<T: Real> {
    needs_input_grad: Vec<bool>,
    input_shapes: Vec<Vec<usize>>,
    saved: Vec<Saved<T>>,
}

impl<T: Real> Context<T> {
    pub(crate) fn new(needs_input_grad: Vec<bool>, input_shapes: Vec<Vec<usize>>) -> Self {
        Self {
            needs_input_grad,
            input_shapes,
            saved: Vec::new(),
        }
    }

    /// Whether anything will ask for the gradient of input `i`. False for all inputs while nothing
    /// is recorded.
    #[must_use]
    pub fn needs_input_grad(&self, i: usize) -> bool {
        self.needs_input_grad.get(i).copied().unwrap_or(false)
    }

    /// How many inputs the function was given.
    #[must_use]
    pub fn num_inputs(&self) -> usize {
        self.input_shapes.len()
    }

    /// The shape of input `i`.
    ///
    /// # Errors
    /// [`Error::Count`] where there is no such input.
    pub fn input_shape(&self, i: usize) -> Result<&[usize], Error> {
        let shape = self.input_shapes.get(i).ok_or(Error::Count {
            what: "inputs of the function",
            expected: i + 1,
            found: self.num_inputs(),
        })?;
        Ok(shape)
    }

    /// Keeps data for the backward pass in the next slot.
    pub fn save_for_backward(&mut self, data: impl Into<Saved<T>>) {
        self.saved.push(data.into());
    }

    /// The tensor in a slot.
    ///
    /// # Errors
    /// [`Error::Saved`] where the slot holds something else.
    pub fn saved_tensor(&self, slot: usize) -> Result<&Tensor<T>, Error> {
        match self.slot(slot).map(|saved| &saved.0) {
            Some(Kind::Tensor(tensor)) => Ok(tensor),
            _ => Err(self.not_there(slot, "a tensor")),
        }
    }

    /// The bits in a slot.
    ///
    /// # Errors
    /// [`Error::Saved`] where the slot holds something else.
    pub fn saved_bits(&self, slot: usize) -> Result<&BitMatrix, Error> {
        match self.slot(slot).map(|saved| &saved.0) {
            Some(Kind::Bits(bits)) => Ok(bits),
            _ => Err(self.not_there(slot, "bits")),
        }
    }

    /// The data of type `U` in a slot, saved as [`Saved::other`].
    ///
    /// # Errors
    /// [`Error::Saved`] where the slot holds something else.
    pub fn saved_other<U: Any>(&self, slot: usize) -> Result<&U, Error> {
        match self.slot(slot).map(|saved| &saved.0) {
            Some(Kind::Other { value, .. }) => value.downcast_ref(),
            _ => None,
        }
        .ok_or_else(|| self.not_there(slot, std::any::type_name::<U>()))
    }

    /// Everything saved, in slot order.
    pub(crate) fn saved(&self) -> &[Saved<T>] {
        &self.saved
    }

    fn slot(&self, slot: usize) -> Option<&Saved<T>> {
        self.saved.get(slot)
    }

    fn not_there(&self, slot: usize, expected: &'static str) -> Error {
        Error::Saved {
            slot,
            expected,
            found: self.slot(slot).map_or("no such slot", Saved::kind),
        }
    }
}
