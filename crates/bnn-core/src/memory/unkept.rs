//! In the place of `lent` where the feature `std` is off: memory for a block of a product is
//! allocated for each call.

use core::marker::PhantomData;

pub(crate) struct Lent<T>(pub(crate) PhantomData<fn() -> T>);

impl<T: Default> Lent<T> {
    /// Calls `work` with new memory.
    pub(crate) fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut T::default())
    }
}

/// `static NAME: T;`, a [`Lent`] of `T`.
macro_rules! lent {
    (static $name:ident: $type:ty) => {
        static $name: $crate::memory::Lent<$type> = $crate::memory::Lent(core::marker::PhantomData);
    };
}
pub(crate) use lent;
