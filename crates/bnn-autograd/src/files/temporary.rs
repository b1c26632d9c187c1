//! Temporary files whose leftovers can be told from those that are being written.
//!
//! A writer holds an advisory lock on its temporary file, which the system releases when the
//! process ends, however it ends. A temporary file whose lock is free is therefore a leftover.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

const PREFIX: &str = ".bnn-";
const SUFFIX: &str = ".tmp";

/// What the name of an [`OutputLock`](super::lock::OutputLock)'s file ends in.
pub(super) const LOCK_SUFFIX: &str = ".bnn-lock";

/// A new file that disappears with this value, unless it is renamed.
pub(super) struct Temporary {
    pub(super) file: File,
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    /// Creates a file that has a name of its own, with the permissions that any new file gets, and
    /// locks it.
    pub(super) fn new_in(folder: &Path) -> io::Result<Self> {
        loop {
            let path = folder.join(fresh_name());
            let file = match File::create_new(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                file => file?,
            };
            let new = Self {
                file,
                path,
                renamed: false,
            };
            // Between the creation and the lock another process may have taken the file for a
            // leftover. It then holds the lock, or has removed the file.
            let locked = !matches!(new.file.try_lock(), Err(TryLockError::WouldBlock));
            if locked && new.path.exists() {
                return Ok(new);
            }
        }
    }

    pub(super) fn rename(mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A name that no other process, and nothing before in this one, has chosen, except by an unlikely
/// coincidence.
fn fresh_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanos = time.map_or(0, |time| time.as_nanos() as u64);
    let process = std::process::id();
    format!("{PREFIX}{process:x}-{count:x}-{nanos:x}{SUFFIX}")
}

/// Removes the temporary files and the lock files that ended processes have left in `folder`. What
/// cannot be read, locked or removed stays.
pub(super) fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_temporary = name.starts_with(PREFIX) && name.ends_with(SUFFIX);
        let is_lock = name.starts_with('.') && name.ends_with(LOCK_SUFFIX);
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file
            && (is_temporary || is_lock)
            && let Ok(file) = OpenOptions::new().write(true).open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}
