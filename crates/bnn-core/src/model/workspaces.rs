//! The memory that runs of a packed model work in, kept from run to run.

use alloc::vec::Vec;
use core::fmt;
#[cfg(feature = "std")]
use std::sync::{Mutex, MutexGuard, TryLockError};

use crate::error::Error;
use crate::memory;

/// Workspaces that no run uses at the moment: as many as there have been runs at once.
///
/// Without `std` there is no lock to share them by, and each run allocates.
pub(super) struct Workspaces {
    #[cfg(feature = "std")]
    free: Mutex<Vec<Workspace>>,
}

/// Memory of one run.
#[derive(Default)]
pub(super) struct Workspace {
    words: Vec<u64>,
}

impl Workspace {
    /// `len` words, which hold anything.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn words(&mut self, len: usize) -> Result<&mut [u64], Error> {
        if self.words.len() < len {
            // Freed first, so that both are never there at once.
            self.words = Vec::new();
            self.words = memory::zeros(len)?;
        }
        Ok(self.words.get_mut(..len).unwrap_or_default())
    }
}

impl Workspaces {
    pub(super) const fn new() -> Self {
        Self {
            #[cfg(feature = "std")]
            free: Mutex::new(Vec::new()),
        }
    }

    /// Calls `work` with a workspace that is not in use.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Workspace) -> R) -> R {
        let mut workspace = self.take().unwrap_or_default();
        let result = work(&mut workspace);
        self.keep(workspace);
        result
    }
}

#[cfg(feature = "std")]
impl Workspaces {
    fn take(&self) -> Option<Workspace> {
        self.lock()?.pop()
    }

    fn keep(&self, workspace: Workspace) {
        if let Some(mut free) = self.lock()
            && free.try_reserve(1).is_ok()
        {
            free.push(workspace);
        }
    }

    /// Bytes that wait for the next run.
    #[cfg(test)]
    pub(super) fn waiting_bytes(&self) -> usize {
        let free = self.lock();
        let free = free.iter().flat_map(|free| free.iter());
        free.map(|workspace| size_of_val(&workspace.words[..]))
            .sum()
    }

    /// `None`: somebody holds the lock for long. Others hold it for some instructions only, except
    /// where a process forked just then: in the child nobody will release it, so that a run must
    /// not wait for it.
    fn lock(&self) -> Option<MutexGuard<'_, Vec<Workspace>>> {
        for _ in 0..TRIES {
            match self.free.try_lock() {
                Ok(free) => return Some(free),
                // A list of workspaces is whole whenever a panic could have come.
                Err(TryLockError::Poisoned(free)) => return Some(free.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
        None
    }
}

/// Attempts to get the lock.
#[cfg(feature = "std")]
const TRIES: usize = 100;

#[cfg(not(feature = "std"))]
impl Workspaces {
    fn take(&self) -> Option<Workspace> {
        None
    }

    fn keep(&self, _: Workspace) {}
}

impl Clone for Workspaces {
    /// Without workspaces: a copy of a model makes its own.
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl fmt::Debug for Workspaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workspaces")
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn memory_serves_one_run_after_the_other() -> Result<(), Error> {
        let workspaces = Workspaces::new();
        let address = |words: &mut [u64]| words.as_ptr().addr();
        let first = workspaces.with(|a| {
            let a = address(a.words(10)?);
            let b = workspaces.with(|b| b.words(10).map(address))?;
            assert_ne!(a, b, "of two runs at once");
            Ok(a.min(b))
        })?;
        workspaces.with(|a| {
            let a = address(a.words(9)?);
            let b = workspaces.with(|b| b.words(10).map(address))?;
            assert_eq!(a.min(b), first, "of the same two afterwards");
            Ok(())
        })
    }

    #[test]
    fn a_lock_that_nobody_releases_does_not_stop_a_run() {
        let workspaces = Workspaces::new();
        let _held = workspaces.lock();
        workspaces.with(|workspace| assert!(workspace.words(3).is_ok()));
    }
}
