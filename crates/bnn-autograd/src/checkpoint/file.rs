//! A checkpoint on disk: either the old file or the new one, never a part.

use std::fs;
use std::io;
use std::path::Path;

use super::{Checkpoint, CheckpointError};
use crate::files::write_atomic;
use crate::real::Real;

impl<T: Real> Checkpoint<T> {
    /// Writes the checkpoint under a temporary name in the same folder, waits until it is on disk,
    /// and renames it to `path`.
    ///
    /// # Errors
    /// [`CheckpointError::Io`]; what was at `path` before is then still there.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        write_atomic(path, &self.to_bytes()?).map_err(|source| io_error(path, source))
    }

    /// Reads a checkpoint from a file.
    ///
    /// # Errors
    /// [`CheckpointError::Io`], and those of `Checkpoint::try_from`.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        let bytes = read_file(path).map_err(|source| io_error(path, source))?;
        Self::try_from(&*bytes)
    }
}

/// A file's bytes. Pipes and devices, which may have no end, are refused.
pub(super) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    fs::read(path)
}

pub(super) fn io_error(path: &Path, source: io::Error) -> CheckpointError {
    CheckpointError::Io {
        path: path.to_path_buf(),
        source,
    }
}
