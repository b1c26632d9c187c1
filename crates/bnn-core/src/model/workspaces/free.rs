//! The workspaces that wait for a run, under a lock.

use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, TryLockError};

use super::Workspace;

pub(super) struct Free(Mutex<Vec<Workspace>>);

impl Free {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    pub(super) fn take(&self) -> Option<Workspace> {
        self.lock()?.pop()
    }

    pub(super) fn keep(&self, workspace: Workspace) {
        if let Some(mut free) = self.lock()
            && free.try_reserve(1).is_ok()
        {
            free.push(workspace);
        }
    }

    /// `None`: somebody holds the lock for long. Others hold it for some instructions only, except
    /// where a process forked just then: in the child nobody will release it, so that a run must
    /// not wait for it.
    pub(super) fn lock(&self) -> Option<MutexGuard<'_, Vec<Workspace>>> {
        for _ in 0..TRIES {
            match self.0.try_lock() {
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
const TRIES: usize = 100;

#[cfg(test)]
impl super::Workspaces {
    /// Bytes that wait for the next run.
    pub(in crate::model) fn waiting_bytes(&self) -> usize {
        let free = self.free.lock();
        let free = free.iter().flat_map(|free| free.iter());
        free.map(|workspace| size_of_val(workspace.words.words()))
            .sum()
    }
}
