//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Writes `bytes` under a temporary name in the folder of `path`, waits until they are on disk, and
/// renames: whoever reads `path` sees the old file or the new one, whole, also after a crash. A link
/// is followed; an old file's permissions are kept.
///
/// # Errors
/// What the system says; what is no regular file (a folder, a pipe, a device) is refused. The old
/// file is then still there, or, where only its folder could not be synced, the new one already.
pub fn write_atomic(path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
    let path = target(path.as_ref())?;
    let folder = folder(&path);
    let mut file = temporary(folder)?;
    if let Ok(old) = fs::metadata(&path) {
        file.as_file().set_permissions(old.permissions())?;
    }
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    // The new name has to reach the disk too, where a folder can be opened for that.
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Whether [`write_atomic`] could write to `path` now: the file that it would replace or make, links
/// and relative folders resolved, so that two paths can be compared. Leaves nothing behind.
///
/// # Errors
/// Why it could not.
pub fn can_write(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = target(path.as_ref())?;
    let folder = folder(&path);
    temporary(folder)?;
    Ok(folder
        .canonicalize()?
        .join(path.file_name().unwrap_or_default()))
}

/// The file that is to be replaced: behind a link, what it leads to.
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

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Made by `create_new`, with the permissions that any new file gets; tempfile's own are private.
fn temporary(folder: &Path) -> io::Result<NamedTempFile<File>> {
    let mut builder = tempfile::Builder::new();
    builder
        .prefix(".bnn-")
        .make_in(folder, |path| File::create_new(path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_atomic(&path, b"old and long").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write_atomic(folder.path().join("none/file"), b"").is_err());
        // A name that a folder has cannot be replaced; nothing is left beside it.
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write_atomic(&taken, b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        write_atomic(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(can_write(&link).unwrap(), real.canonicalize().unwrap());
        let round = folder.path().join("./real");
        assert_eq!(can_write(&round).unwrap(), can_write(&real).unwrap());
        assert!(can_write("/dev/null").is_err());
        assert!(can_write(folder.path()).is_err());
        assert!(write_atomic("/dev/null", b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
