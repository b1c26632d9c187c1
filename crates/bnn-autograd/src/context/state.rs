//! What a function keeps for its passes, as types of its own.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use bnn_core::BitMatrix;

use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// What a function keeps for one of its passes, as a type.
///
/// The forward pass saves it with [`Context::save_for_backward`](crate::Context::save_for_backward)
/// and its siblings, and a pass finds it by its type with
/// [`Context::saved_state`](crate::Context::saved_state). The macro
/// [`saved_state!`](crate::saved_state) implements the trait for a struct.
pub trait SavedState<T: Real>: Any {
    /// Shows every part of the state, so that the tape can tell how much memory it occupies.
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>));
}

/// A part of a [`SavedState`].
#[derive(Debug)]
pub enum Part<'a, T: Real> {
    /// A tensor, whose elements other tensors may share.
    Tensor(&'a Tensor<T>),
    /// Anything else that occupies this number of bytes.
    Bytes(usize),
}

/// Implements [`SavedState`](crate::SavedState) for a struct, given its fields, so that it can be
/// saved in a [`Context`](crate::Context).
///
/// The fields are tensors, bit matrices, vectors of numbers, [`KeptInput`](crate::KeptInput)s,
/// other states, or an `Option` of one of them.
/// ```
/// use bnn_autograd::{Real, Tensor, saved_state};
/// use bnn_core::BitMatrix;
///
/// struct Kept<T: Real> {
///     scale: Tensor<T>,
///     mask: Option<BitMatrix>,
/// }
/// saved_state!(Kept<T> { scale, mask });
///
/// struct Winners {
///     at: Vec<u32>,
/// }
/// saved_state!(Winners { at });
/// ```
#[macro_export]
macro_rules! saved_state {
    ($name:ident<$t:ident> { $($field:ident),+ $(,)? }) => {
        impl<$t: $crate::Real> $crate::SavedState<$t> for $name<$t> {
            fn parts(&self, visit: &mut dyn FnMut($crate::function::Part<'_, $t>)) {
                $($crate::SavedState::<$t>::parts(&self.$field, visit);)+
            }
        }
    };
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl<T: $crate::Real> $crate::SavedState<T> for $name {
            fn parts(&self, visit: &mut dyn FnMut($crate::function::Part<'_, T>)) {
                $($crate::SavedState::<T>::parts(&self.$field, visit);)+
            }
        }
    };
}

impl<T: Real> SavedState<T> for Tensor<T> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        visit(Part::Tensor(self));
    }
}

impl<T: Real> SavedState<T> for BitMatrix {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        visit(Part::Bytes(size_of_val(self.words())));
    }
}

impl<T: Real, E: Copy + 'static> SavedState<T> for Vec<E> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        visit(Part::Bytes(size_of_val(&self[..])));
    }
}

impl<T: Real, R: SavedState<T>> SavedState<T> for Option<R> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        if let Some(part) = self {
            part.parts(visit);
        }
    }
}

impl<T: Real, R: SavedState<T>> SavedState<T> for Rc<R> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        (**self).parts(visit);
    }
}

/// Nothing: the function itself holds what its pass needs, and this counts it.
pub(crate) struct HeldByFunction {
    pub(crate) bytes: usize,
}

impl<T: Real> SavedState<T> for HeldByFunction {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        visit(Part::Bytes(self.bytes));
    }
}

/// Computes an input of a function again from what the function that made it has saved.
pub(crate) type Recompute<T> = Rc<dyn Fn() -> Result<Tensor<T>, Error>>;

/// An input of a function, kept for a pass: the tensor, shared, or a way to compute it again.
/// [`Pass::input`](crate::function::Pass::input) makes one.
pub struct KeptInput<T: Real>(Kept<T>);

enum Kept<T: Real> {
    Tensor(Tensor<T>),
    Recompute(Recompute<T>),
}

impl<T: Real> KeptInput<T> {
    pub(crate) fn shared(tensor: &Tensor<T>) -> Self {
        Self(Kept::Tensor(tensor.clone()))
    }

    pub(crate) fn recomputed(recipe: &Recompute<T>) -> Self {
        Self(Kept::Recompute(Rc::clone(recipe)))
    }

    pub(crate) fn is_recomputed(&self) -> bool {
        matches!(self.0, Kept::Recompute(_))
    }

    /// The input, computed again if it was not kept.
    ///
    /// # Errors
    /// Those of the recomputation.
    pub fn tensor(&self) -> Result<Tensor<T>, Error> {
        match &self.0 {
            Kept::Tensor(tensor) => Ok(tensor.clone()),
            Kept::Recompute(recipe) => recipe(),
        }
    }
}

impl<T: Real> SavedState<T> for KeptInput<T> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        // What a recipe reads is counted where it was saved.
        if let Kept::Tensor(tensor) = &self.0 {
            visit(Part::Tensor(tensor));
        }
    }
}

impl<T: Real> fmt::Debug for KeptInput<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kept::Tensor(_) => "a shared input",
            Kept::Recompute(_) => "an input to be recomputed",
        })
    }
}
