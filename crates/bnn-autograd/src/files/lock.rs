//! Locks that keep two runs from writing the same output.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::temporary::{LOCK_SUFFIX, remove_leftovers};
use super::{folder_of, target};

/// A lock on an output file, held until this value is dropped or the process ends.
///
/// The lock is advisory: it keeps out runs that ask for it, not programs that just write. Beside
/// the output lies an empty file, `.NAME.bnn-lock`, while the lock is held.
///
/// ```
/// use bnn_autograd::internal::files::OutputLock;
///
/// # fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// let output = folder.path().join("model.bnn");
/// let lock = OutputLock::acquire(&output)?;
/// assert!(OutputLock::acquire(&output).is_err()); // also from another process
/// drop(lock);
/// assert!(OutputLock::acquire(&output).is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OutputLock {
    /// Keeps the lock.
    _file: File,
    path: PathBuf,
}

impl OutputLock {
    /// Locks `output`, which need not exist; links are followed. Removes temporary files and lock
    /// files that killed runs have left in the folder.
    ///
    /// On a file system without locks this always succeeds.
    ///
    /// # Errors
    /// [`ErrorKind::ResourceBusy`] while another run holds the lock; else what the system says.
    pub fn acquire(output: impl AsRef<Path>) -> io::Result<Self> {
        let output = target(output.as_ref())?;
        let folder = folder_of(&output);
        remove_leftovers(folder);
        let mut name = std::ffi::OsString::from(".");
        name.push(output.file_name().unwrap_or_default());
        name.push(LOCK_SUFFIX);
        let path = folder.join(name);
        for attempt in 0.. {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => break,
                // The holder before may have removed the file after it was opened here.
                _ if leads_to(&path, &file) => return Ok(Self { _file: file, path }),
                _ => {}
            }
        }
        Err(io::Error::new(
            ErrorKind::ResourceBusy,
            "another run is writing it; wait until that run has ended, or choose another output",
        ))
    }
}

impl Drop for OutputLock {
    fn drop(&mut self) {
        // Before the lock is released, so that nobody removes the file of the next holder.
        let _ = fs::remove_file(&self.path);
    }
}

/// A process that looks for leftovers holds the lock for a moment.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// Whether `path` is still the name of `file`.
#[cfg(unix)]
fn leads_to(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (fs::metadata(path), file.metadata()) {
        (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
        _ => false,
    }
}

/// Elsewhere a file that is open keeps its name until it is closed.
#[cfg(not(unix))]
fn leads_to(path: &Path, _: &File) -> bool {
    path.exists()
}
