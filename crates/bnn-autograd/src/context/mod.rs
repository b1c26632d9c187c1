//! What a function keeps between its forward pass and the passes that differentiate it.

mod saved;
mod state;

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use saved::Saved;
pub(crate) use state::{HeldByFunction, Recompute};
pub use state::{KeptInput, Part, SavedState};

use crate::affine::Affine;
use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// What the tape knows of an input of a function.
#[derive(Default)]
pub(crate) struct Input<T: Real> {
    pub(crate) shape: Vec<usize>,
    pub(crate) needs_grad: bool,
    pub(crate) has_tangent: bool,
    pub(crate) recipe: Option<Recompute<T>>,
    /// If the input is this function of the tensor that stands for it.
    pub(crate) affine: Option<Rc<Affine<T>>>,
}

/// Carries data from a function's forward pass to `backward` and `jvp`, and says which derivatives
/// are needed.
///
/// What is kept is a [`SavedState`]: a type that the function declares for it
/// ([`saved_state!`](crate::saved_state)), a tensor, a bit matrix, a vector of numbers.
/// [`Context::saved_state`] finds it again by its type; [`Context::saved`] finds it by its slot, if
/// several are of one type. Data for a pass that will not run is dropped at once.
///
/// A saved tensor cannot change: writing to a [`Tensor`] whose elements a context shares copies
/// them first.
pub struct Context<T: Real> {
    inputs: Vec<Input<T>>,
    backward: Vec<Saved<T>>,
    forward: Vec<Saved<T>>,
    /// Whether `jvp` is running, so that the saved data is that of forward mode.
    in_jvp: bool,
    non_differentiable: Vec<usize>,
    offers_recompute: bool,
    /// What the first output is of the tensor that stands for it.
    put_off: Option<Affine<T>>,
}

/// The pass for which a function keeps data; see [`Context::save_each`].
pub struct Pass<'a, T: Real> {
    inputs: &'a [Input<T>],
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Reverse,
    Forward,
}

impl<T: Real> Pass<'_, T> {
    /// Whether the pass needs the derivative with respect to input `i`.
    #[must_use]
    pub fn needs(&self, i: usize) -> bool {
        self.inputs.get(i).is_some_and(|input| match self.mode {
            Mode::Reverse => input.needs_grad,
            Mode::Forward => input.has_tangent,
        })
    }

    /// Keeps `x`, input `i`, in the cheapest way: not at all if the function that made it can
    /// compute it again for the reverse pass, else shared.
    #[must_use]
    pub fn input(&self, i: usize, x: &Tensor<T>) -> KeptInput<T> {
        let recipe = self.inputs.get(i).and_then(|input| input.recipe.as_ref());
        match recipe.filter(|_| self.mode == Mode::Reverse) {
            Some(recipe) => KeptInput::recomputed(recipe),
            None => KeptInput::shared(x),
        }
    }

    pub(crate) fn is_reverse(&self) -> bool {
        self.mode == Mode::Reverse
    }
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
            put_off: None,
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
    pub(crate) fn varies(&self, i: usize) -> bool {
        self.needs_input_grad(i) || self.has_tangent(i)
    }

    /// The function of the given tensor that input `i` is, for a function that
    /// [takes](crate::Function::takes_affine) such inputs; `None` if the tensor is the input.
    pub(crate) fn affine(&self, i: usize) -> Option<&Affine<T>> {
        self.inputs.get(i)?.affine.as_deref()
    }

    /// Declares that the first output is an affine function of the tensor that is returned for it,
    /// to be computed when somebody looks at it.
    pub(crate) fn put_off(&mut self, affine: Affine<T>) {
        self.put_off = Some(affine);
    }

    /// What the first output was [put off](Self::put_off) as.
    pub(crate) fn take_put_off(&mut self) -> Option<Affine<T>> {
        self.put_off.take()
    }

    /// The number of inputs that the function was given.
    pub(crate) fn num_inputs(&self) -> usize {
        self.inputs.len()
    }

    /// The shape of input `i`.
    ///
    /// # Errors
    /// [`Error::Count`] if there is no such input.
    pub fn input_shape(&self, i: usize) -> Result<&[usize], Error> {
        let input = self.inputs.get(i).ok_or(Error::Count {
            what: "inputs of the function",
            expected: i + 1,
            found: self.num_inputs(),
        })?;
        Ok(&input.shape)
    }

    /// Keeps data for `backward`, in its next slot.
    pub fn save_for_backward(&mut self, data: impl SavedState<T>) {
        self.keep(Mode::Reverse, Saved::new(data));
    }

    /// Keeps data for `jvp`, in its next slot. It is dropped after `jvp` has run.
    pub fn save_for_forward(&mut self, data: impl SavedState<T>) {
        self.keep(Mode::Forward, Saved::new(data));
    }

    /// Keeps the same data for both passes, each in its next slot.
    pub fn save(&mut self, data: impl SavedState<T>) {
        let data = Saved::new(data);
        self.keep(Mode::Forward, data.clone());
        self.keep(Mode::Reverse, data);
    }

    /// Keeps for each pass that will run what `keep` returns for that pass: only those parts whose
    /// derivatives the pass [needs](Pass::needs).
    ///
    /// # Errors
    /// Those of `keep`.
    pub fn save_each<S: SavedState<T>>(
        &mut self,
        mut keep: impl FnMut(Pass<'_, T>) -> Result<S, Error>,
    ) -> Result<(), Error> {
        for mode in [Mode::Forward, Mode::Reverse] {
            if !self.runs(mode) {
                continue;
            }
            let inputs = &self.inputs;
            let data = Saved::new(keep(Pass { inputs, mode })?);
            self.keep(mode, data);
        }
        Ok(())
    }

    /// Declares that output `i` does not vary with the inputs (an index, a mask): it gets neither
    /// gradient nor tangent.
    pub fn mark_non_differentiable(&mut self, i: usize) {
        self.non_differentiable.push(i);
    }

    /// Declares that [`Function::recompute`](crate::Function::recompute) can compute the first
    /// output again from what is saved for the backward pass.
    pub fn offer_recompute(&mut self) {
        self.offers_recompute = true;
    }

    /// The state of type `S` that was saved for the running pass.
    ///
    /// # Errors
    /// [`Error::NoSavedState`] if none was saved.
    pub fn saved_state<S: SavedState<T>>(&self) -> Result<&S, Error> {
        let found = self.slots().iter().find_map(Saved::get);
        found.ok_or(Error::NoSavedState {
            expected: std::any::type_name::<S>(),
        })
    }

    /// The data of type `U` in a slot of the running pass: a [`Tensor`], a
    /// [`BitMatrix`](bnn_core::BitMatrix), a vector, any [`SavedState`], or `Some` of it.
    ///
    /// Slots count the calls that saved for this pass, from 0. A saved `None` is an empty slot, so
    /// that later slots keep their numbers.
    ///
    /// # Errors
    /// [`Error::Saved`] if there is no such slot, or it holds something else.
    pub fn saved<U: Any>(&self, slot: usize) -> Result<&U, Error> {
        let slots = self.slots();
        slots.get(slot).and_then(Saved::get).ok_or(Error::Saved {
            slot,
            expected: std::any::type_name::<U>(),
            slots: slots.len(),
        })
    }

    /// Everything saved for `backward`, in slot order.
    pub(crate) fn saved_for_backward(&self) -> &[Saved<T>] {
        &self.backward
    }

    /// Whether a pass varies output `i` with the inputs.
    pub(crate) fn is_differentiable(&self, i: usize) -> bool {
        !self.non_differentiable.contains(&i)
    }

    pub(crate) fn offers_recompute(&self) -> bool {
        self.offers_recompute
    }

    /// Runs `jvp` on the data saved for it, and drops that data afterwards.
    pub(crate) fn in_jvp<R>(&mut self, jvp: impl FnOnce(&Self) -> R) -> R {
        self.in_jvp = true;
        let result = jvp(self);
        self.in_jvp = false;
        self.forward.clear();
        result
    }

    /// Forgets how the inputs are computed, except in saved data.
    pub(crate) fn drop_recipes(&mut self) {
        for input in &mut self.inputs {
            input.recipe = None;
            input.affine = None;
        }
    }

    fn keep(&mut self, mode: Mode, data: Saved<T>) {
        if !self.runs(mode) {
            return;
        }
        match mode {
            Mode::Forward => self.forward.push(data),
            Mode::Reverse => self.backward.push(data),
        }
    }

    fn runs(&self, mode: Mode) -> bool {
        let inputs = &self.inputs;
        (0..inputs.len()).any(|i| Pass { inputs, mode }.needs(i))
    }

    /// Everything saved for the running pass, in slot order.
    fn slots(&self) -> &[Saved<T>] {
        match self.in_jvp {
            true => &self.forward,
            false => &self.backward,
        }
    }
}

impl<T: Real> fmt::Debug for Pass<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pass").field(&self.mode).finish()
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
