//! Output files: written whole or not at all.

#[cfg(test)]
mod laws;
pub(crate) mod lock;
pub(crate) mod place;
mod temporary;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use temporary::Temporary;

/// Writes `bytes` under a temporary name in the folder of `path`, waits until they are on disk, and
/// renames that file to `path`. A reader of `path` sees the old file or the new one, whole, even
/// after a crash. Links are followed, and the permissions of an old file are kept.
///
/// If the process is killed meanwhile, a file `.bnn-*.tmp` is left, which the next run of `bnn
/// train` on this folder removes.
///
/// # Errors
/// What the system says; a folder, a pipe or a device at `path` is refused. The old file is then
/// still there, unless only the folder could not be synced, in which case the new file is.
pub fn write_atomic(path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
    let path = target(path.as_ref())?;
    let folder = folder_of(&path);
    let mut new = Temporary::new_in(folder)?;
    if let Ok(old) = fs::metadata(&path) {
        new.file.set_permissions(old.permissions())?;
    }
    new.file.write_all(bytes)?;
    new.file.sync_all()?;
    new.rename(&path)?;
    // The new name has to reach the disk too, where a folder can be opened for that.
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The file that is to be replaced: if `path` is a link, the file that it leads to.
fn target(path: &Path) -> io::Result<PathBuf> {
    let wrong = |what| Err(io::Error::new(ErrorKind::InvalidInput, what));
    if path.is_symlink() {
        return target(&path.canonicalize()?);
    }
    match fs::metadata(path) {
        Ok(old) if !old.is_file() => wrong("it exists and is not a regular file"),
        _ if path.file_name().is_none() => wrong("it names no file"),
        _ => Ok(path.to_path_buf()),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
