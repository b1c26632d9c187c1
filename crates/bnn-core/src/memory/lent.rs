//! Memory that a thread keeps for its next call: what computes a block of a product works in it.

use core::cell::Cell;
use std::thread::LocalKey;

/// The memory of each thread.
pub(crate) struct Lent<T: 'static>(pub(crate) &'static LocalKey<Cell<T>>);

impl<T: Default> Lent<T> {
    /// Calls `work` with the thread's memory, or with new memory where that is lent already.
    pub(crate) fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // An error where the thread is about to end.
        let mut memory = self.0.try_with(Cell::take).unwrap_or_default();
        let result = work(&mut memory);
        let _ = self.0.try_with(|kept| kept.set(memory));
        result
    }
}

/// `static NAME: T;`, a [`Lent`] of `T`.
macro_rules! lent {
    (static $name:ident: $type:ty) => {
        static $name: $crate::memory::Lent<$type> = {
            std::thread_local! {
                static KEPT: core::cell::Cell<$type> = core::cell::Cell::new(Default::default());
            }
            $crate::memory::Lent(&KEPT)
        };
    };
}
pub(crate) use lent;
