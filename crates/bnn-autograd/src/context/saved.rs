//! One piece of data in a context.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use super::state::{Part, SavedState};
use crate::real::Real;

/// Data saved in a [`Context`](crate::Context). Clones share it.
#[derive(Clone)]
pub(crate) struct Saved<T: Real>(Rc<dyn SavedState<T>>);

impl<T: Real> Saved<T> {
    pub(super) fn new(state: impl SavedState<T>) -> Self {
        Self(Rc::new(state))
    }

    /// The data, if it is of type `U` or `Some` of it.
    pub(super) fn get<U: Any>(&self) -> Option<&U> {
        let data = &*self.0 as &dyn Any;
        let optional = || data.downcast_ref::<Option<U>>()?.as_ref();
        data.downcast_ref().or_else(optional)
    }

    /// Shows every part of the data.
    pub(crate) fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        self.0.parts(visit);
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
        write!(f, "{bytes} bytes")
    }
}
