//! The memory that runs of a packed model work in, kept from run to run.

#[cfg_attr(not(feature = "std"), path = "workspaces/unkept.rs")]
mod free;

use core::fmt;

use crate::aligned::AlignedWords;
use crate::error::Error;
use free::Free;

/// Workspaces that no run uses at the moment: as many as there have been runs at once.
///
/// Without `std` there is no lock to share them by, and each run allocates.
pub(super) struct Workspaces {
    free: Free,
}

/// Memory of one run.
#[derive(Default)]
pub(super) struct Workspace {
    words: AlignedWords,
}

impl Workspace {
    /// `len` words from a cache line on, which hold anything.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn words(&mut self, len: usize) -> Result<&mut [u64], Error> {
        self.words.try_first(len)
    }
}

impl Workspaces {
    pub(super) const fn new() -> Self {
        Self { free: Free::new() }
    }

    /// Calls `work` with a workspace that is not in use.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Workspace) -> R) -> R {
        let mut workspace = self.free.take().unwrap_or_default();
        let result = work(&mut workspace);
        self.free.keep(workspace);
        result
    }
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
        let _held = workspaces.free.lock();
        workspaces.with(|workspace| assert!(workspace.words(3).is_ok()));
    }
}
