//! What belongs to one process. A child made by `fork` has a copy of its parent's memory but only
//! the thread that forked: locks that other threads held stay locked, and the parent's pools of
//! threads never answer. So the child starts with a state of its own.
#![allow(unsafe_code, reason = "the C boundary")]

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::error::Error;

/// Counts the forks on the way from the process that loaded the library to this one.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// The number of this process among its ancestors. Process ids would not do: the system uses them
/// again, and each namespace has its own.
fn generation() -> usize {
    FORKS.load(Ordering::Relaxed)
}

/// Has the system call [`forked`] in every child from now on.
#[cfg(unix)]
fn watch_forks() -> Result<(), Error> {
    use core::ffi::c_int;
    use core::sync::atomic::AtomicBool;

    type Handler = Option<extern "C" fn()>;

    unsafe extern "C" {
        /// POSIX; the handlers are dropped with the shared object that registers them.
        fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> c_int;
    }

    static WATCHED: AtomicBool = AtomicBool::new(false);

    // A `Once` could be left half done in the child of another thread. Two threads that register at
    // the same time make a fork count twice, which serves as well.
    if !WATCHED.load(Ordering::Acquire) {
        // SAFETY: the function has the type that POSIX gives it; `forked` needs no arguments, calls
        // nothing and stores to one atomic, as a handler in a child may.
        match unsafe { pthread_atfork(None, None, Some(forked)) } {
            0 => WATCHED.store(true, Ordering::Release),
            _ => return Err(bnn_core::Error::OutOfMemory { bytes: 64 }.into()),
        }
    }
    Ok(())
}

/// Elsewhere no process forks.
#[cfg(not(unix))]
fn watch_forks() -> Result<(), Error> {
    Ok(())
}

#[cfg(unix)]
extern "C" fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// A value that each process has its own of, made when it is first asked for. It is never freed.
pub(crate) struct PerProcess<T> {
    newest: AtomicPtr<Node<T>>,
    owns: PhantomData<T>,
}

struct Node<T> {
    generation: usize,
    value: T,
    /// The node of the parent process, kept so that no search for leaks stumbles over it.
    _parent: *mut Node<T>,
}

impl<T: Send + Sync> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self {
            newest: AtomicPtr::new(ptr::null_mut()),
            owns: PhantomData,
        }
    }

    /// The value of this process. If there is none yet, `make` makes it, knowing the parent's value
    /// if the parent had one; that may be in any state that its threads left it in, locked for one.
    ///
    /// # Errors
    /// The system cannot tell when the process forks.
    pub(crate) fn get(
        &'static self,
        make: impl FnOnce(Option<&T>) -> T,
    ) -> Result<&'static T, Error> {
        let generation = generation();
        let newest = self.newest.load(Ordering::Acquire);
        // SAFETY: null, or a node that `get` has published below and that nothing ever frees.
        let known = unsafe { newest.as_ref() };
        if let Some(node) = known
            && node.generation == generation
        {
            return Ok(&node.value);
        }
        watch_forks()?;
        let node = Box::into_raw(Box::new(Node {
            generation,
            value: make(known.map(|node| &node.value)),
            _parent: newest,
        }));
        let published =
            self.newest
                .compare_exchange(newest, node, Ordering::AcqRel, Ordering::Acquire);
        if let Err(winner) = published {
            // SAFETY: made by `Box::into_raw` above and not published.
            drop(unsafe { Box::from_raw(node) });
            // SAFETY: another thread of this process has published it; nothing ever frees it.
            return Ok(unsafe { &(*winner).value });
        }
        // SAFETY: made above, published now; nothing ever frees it.
        Ok(unsafe { &(*node).value })
    }
}

/// A value that is of use to the process that made it alone. In a child it is neither used nor
/// dropped, for dropping it could wait for threads that are the parent's.
#[derive(Debug)]
pub(crate) struct OfProcess<T> {
    generation: usize,
    value: ManuallyDrop<T>,
}

impl<T> OfProcess<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            generation: generation(),
            value: ManuallyDrop::new(value),
        }
    }

    /// `None` in a child.
    pub(crate) fn get(&self) -> Option<&T> {
        (self.generation == generation()).then_some(&self.value)
    }
}

impl<T> Drop for OfProcess<T> {
    fn drop(&mut self) {
        if self.generation == generation() {
            // SAFETY: dropped here alone, once, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_value_and_its_child_one_of_its_own_that_knows_the_parent_s() {
        static VALUE: PerProcess<usize> = PerProcess::new();
        let make = |parent: Option<&usize>| parent.map_or(7, |parent| parent + 1);
        assert_eq!(VALUE.get(make), Ok(&7));
        assert_eq!(VALUE.get(make), Ok(&7));
        // What a fork does to the child. Other tests of this process make new pools after it, too.
        forked();
        assert_eq!(VALUE.get(make), Ok(&8));
        assert_eq!(VALUE.get(make), Ok(&8));
    }

    #[test]
    fn what_is_of_a_process_is_dropped_there_and_not_in_its_child() {
        let shared = std::sync::Arc::new(());
        drop(OfProcess::new(shared.clone()));
        assert_eq!(std::sync::Arc::strong_count(&shared), 1);
        let parents = OfProcess {
            generation: generation().wrapping_sub(1),
            value: ManuallyDrop::new(shared.clone()),
        };
        assert_eq!(parents.get(), None);
        drop(parents);
        assert_eq!(std::sync::Arc::strong_count(&shared), 2);
    }
}
