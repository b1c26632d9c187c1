//! What a function keeps between its forward pass and the passes that differentiate it.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use bnn_core::BitMatrix;

use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// Data saved in a [`Context`]: a tensor (shared, not copied), a bit matrix, how to compute a tensor
/// again, anything else with a declared size, or nothing (a slot that this pass does not need).
/// Clones share the data.
#[derive(Clone)]
pub struct Saved<T: Real>(Kind<T>);

#[derive(Clone)]
enum Kind<T: Real> {
    Nothing,
    Tensor(Tensor<T>),
    Bits(Rc<BitMatrix>),
    Recipe(Recipe<T>),
    Other { value: Rc<dyn Any>, bytes: usize },
}

/// Computes an input of a function again, out of what the function that made it has saved.
pub(crate) type Recipe<T> = Rc<dyn Fn() -> Result<Tensor<T>, Error>>;

impl<T: Real> Saved<T> {
    /// Any other data; `bytes` is what it occupies, for [`Tape::memory`](crate::Tape::memory).
    pub fn other(value: impl Any, bytes: usize) -> Self {
        Self(Kind::Other {
            value: Rc::new(value),
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
            // What a recipe reads is counted where it was saved.
            Kind::Nothing | Kind::Recipe(_) => 0,
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
            Kind::Recipe(_) => "a tensor to be recomputed",
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
        write!(f, "{} of {} bytes", self.kind(), self.bytes())
    }
}

/// What the tape knows of an input of a function.
#[derive(Default)]
pub(crate) struct Input<T: Real> {
    pub(crate) shape: Vec<usize>,
    pub(crate) needs_grad: bool,
    pub(crate) has_tangent: bool,
    pub(crate) recipe: Option<Recipe<T>>,
}

/// Carries data from a function's forward pass to `backward` and `jvp`, and says which derivatives
/// are wanted.
///
/// Saved data is found again by its slot: the first call of [`Context::save_for_backward`] fills
/// slot 0 of what `backward` sees, the first call of [`Context::save_for_forward`] slot 0 of what
/// `jvp` sees. A slot may be left empty by saving `None`, so that the others keep their places. What
/// is saved for a pass that will not run is dropped at once.
///
/// A saved tensor cannot change: writing to a [`Tensor`] whose elements a context shares copies them
/// first.
pub struct Context<T: Real> {
    inputs: Vec<Input<T>>,
    backward: Vec<Saved<T>>,
    forward: Vec<Saved<T>>,
    /// Whether `jvp` is running, so that the slots are those of forward mode.
    in_jvp: bool,
    non_differentiable: Vec<usize>,
    offers_recompute: bool,
}

impl<T: Real> Context<T> {
    pub(crate) fn new(inputs: Vec<Input<T>>) -> Self {
        Self {
            inputs,
            backward: Vec::new(),
            forward: Vec::new(),
            in_jvp: false,
            non_differentiable: Vec::new(),
            offers_recompute: false,
        }
    }

    /// Whether anything will ask for the gradient of input `i`. False for all inputs while nothing
    /// is recorded.
    #[must_use]
    pub fn needs_input_grad(&self, i: usize) -> bool {
        self.inputs.get(i).is_some_and(|input| input.needs_grad)
    }

    /// Whether input `i` has a tangent. `jvp` will run if any input has one.
    #[must_use]
    pub fn has_tangent(&self, i: usize) -> bool {
        self.inputs.get(i).is_some_and(|input| input.has_tangent)
    }

    /// Whether any pass will ask for the derivative with respect to input `i`.
    #[must_use]
    pub fn varies(&self, i: usize) -> bool {
        self.needs_input_grad(i) || self.has_tangent(i)
    }

    /// How many inputs the function was given.
    #[must_use]
    pub fn num_inputs(&self) -> usize {
        self.inputs.len()
    }

    /// The shape of input `i`.
    ///
    /// # Errors
    /// [`Error::Count`] where there is no such input.
    pub fn input_shape(&self, i: usize) -> Result<&[usize], Error> {
        let input = self.inputs.get(i).ok_or(Error::Count {
            what: "inputs of the function",
            expected: i + 1,
            found: self.num_inputs(),
        })?;
        Ok(&input.shape)
    }

    /// Keeps data for `backward` in the next slot.
    pub fn save_for_backward(&mut self, data: impl Into<Saved<T>>) {
        if self.inputs.iter().any(|input| input.needs_grad) {
            self.backward.push(data.into());
        }
    }

    /// Keeps data for `jvp` in the next slot. It is dropped when `jvp` has run.
    pub fn save_for_forward(&mut self, data: impl Into<Saved<T>>) {
        if self.inputs.iter().any(|input| input.has_tangent) {
            self.forward.push(data.into());
        }
    }

    /// Keeps the same data for both passes, each in its next slot.
    pub fn save(&mut self, data: impl Into<Saved<T>>) {
        let data = data.into();
        self.save_for_forward(data.clone());
        self.save_for_backward(data);
    }

    /// Declares that output `i` does not vary with the inputs (an index, a mask): it gets neither
    /// gradient nor tangent.
    pub fn mark_non_differentiable(&mut self, i: usize) {
        self.non_differentiable.push(i);
    }

    /// Declares that [`Function::recompute`](crate::Function::recompute) can compute the first output
    /// again from what is saved for the backward pass.
    pub fn offer_recompute(&mut self) {
        self.offers_recompute = true;
    }

    /// What to save of input `i` so that `backward` computes it again instead of keeping it; `None`
    /// where the function that made it does not offer that, or the tape does not want it.
    #[must_use]
    pub fn recomputed_input(&self, i: usize) -> Option<Saved<T>> {
        let recipe = self.inputs.get(i)?.recipe.as_ref()?;
        Some(Saved(Kind::Recipe(Rc::clone(recipe))))
    }

    /// The tensor in a slot of the pass that is running, shared; computed again if it was saved as
    /// [`Context::recomputed_input`].
    ///
    /// # Errors
    /// [`Error::Saved`] where the slot holds something else; those of a recomputation.
    pub fn saved_tensor(&self, slot: usize) -> Result<Tensor<T>, Error> {
        match self.slot(slot).map(|saved| &saved.0) {
            Some(Kind::Tensor(tensor)) => Ok(tensor.clone()),
            Some(Kind::Recipe(recipe)) => recipe(),
            _ => Err(self.not_there(slot, "a tensor")),
        }
    }

    /// The bits in a slot of the pass that is running.
    ///
    /// # Errors
    /// [`Error::Saved`] where the slot holds something else.
    pub fn saved_bits(&self, slot: usize) -> Result<&BitMatrix, Error> {
        match self.slot(slot).map(|saved| &saved.0) {
            Some(Kind::Bits(bits)) => Ok(bits),
            _ => Err(self.not_there(slot, "bits")),
        }
    }

    /// The data of type `U` in a slot of the pass that is running, saved as [`Saved::other`].
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

    /// Everything saved for `backward`, in slot order.
    pub(crate) fn saved(&self) -> &[Saved<T>] {
        &self.backward
    }

    /// Whether a pass varies output `i` with the inputs.
    pub(crate) fn is_differentiable(&self, i: usize) -> bool {
        !self.non_differentiable.contains(&i)
    }

    pub(crate) fn offers_recompute(&self) -> bool {
        self.offers_recompute
    }

    /// Runs `jvp` with its slots, which are dropped afterwards.
    pub(crate) fn in_jvp<R>(&mut self, jvp: impl FnOnce(&Self) -> R) -> R {
        self.in_jvp = true;
        let result = jvp(self);
        self.in_jvp = false;
        self.forward.clear();
        result
    }

    /// Forgets how the inputs are recomputed, but for what was saved of that.
    pub(crate) fn drop_recipes(&mut self) {
        for input in &mut self.inputs {
            input.recipe = None;
        }
    }

    fn slot(&self, slot: usize) -> Option<&Saved<T>> {
        match self.in_jvp {
            true => self.forward.get(slot),
            false => self.backward.get(slot),
        }
    }

    fn not_there(&self, slot: usize, expected: &'static str) -> Error {
        Error::Saved {
            slot,
            expected,
            found: self.slot(slot).map_or("no such slot", Saved::kind),
        }
    }
}

impl<T: Real> fmt::Debug for Context<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("inputs", &self.num_inputs())
            .field("for_backward", &self.backward)
            .field("for_forward", &self.forward)
            .finish()
    }
}
