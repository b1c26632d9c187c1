//! Whether there is a place for an output.

use std::io;
use std::path::{Path, PathBuf};

use super::temporary::Temporary;
use super::{folder_of, target};

/// Checks that [`write_atomic`](super::write_atomic) could write to `path` now. Returns the path of
/// the file that it would replace or create, with links and relative folders resolved, so that two
/// paths can be compared.
///
/// # Errors
/// Why it could not.
pub fn can_write(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = target(path.as_ref())?;
    let folder = folder_of(&path);
    drop(Temporary::new_in(folder)?);
    Ok(folder
        .canonicalize()?
        .join(path.file_name().unwrap_or_default()))
}
