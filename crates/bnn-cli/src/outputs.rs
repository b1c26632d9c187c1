//! Output files. A command claims the files that it will write, and names those that it reads,
//! before it does any work; an output that would replace an input is refused. No other module
//! writes files. Inputs that only the work finds, such as weights beside a network, are compared
//! with the outputs before these are written.
//!
//! One rule for all commands ([`Replacing`]): a file that exists is replaced only if the same
//! command made it from the same input, or with `--force`.
//!
//! Files are compared by identity, not by name: a symbolic link, a hard link and `./` all lead to
//! the same file.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use bnn_autograd::files::write_atomic;
use bnn_autograd::internal::files::{OutputLock, can_write};

use crate::error::CliError;

/// What a command reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input<'a> {
    /// A file.
    File(&'a Path),
    /// The value of `--data`: the name of built-in data, a file, a folder, or a prefix of file
    /// names.
    Data(&'a str),
}

/// A file that may be written: it is no input and no other output, its folder is writable, and no
/// other run is writing it.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    /// Held until the command ends.
    _lock: OutputLock,
}

impl Output {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses the output if it would replace one of these files, which were read.
    pub(crate) fn check_read(&self, files: &[PathBuf]) -> Result<(), CliError> {
        let Some(old) = identity(&self.path) else {
            return Ok(());
        };
        match files
            .iter()
            .find(|file| identity(file) == Some(old.clone()))
        {
            Some(file) => Err(would_replace(&self.path, Input::File(file))),
            None => Ok(()),
        }
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        let about = || format!("cannot write {}", self.path.display());
        write_atomic(&self.path, bytes).map_err(|error| CliError::failed(error).about(about()))
    }
}

/// Which files that exist a command replaces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replacing {
    /// `--force`: any file that is no input.
    pub(crate) force: bool,
    /// What makes a file the command's own, as the refusal says it: `was not written by ..`.
    pub(crate) by: &'static str,
}

impl Replacing {
    /// Refuses an output that exists, unless `is_own` knows it as made by the same command from the
    /// same input.
    pub(crate) fn check(
        self,
        output: &Output,
        is_own: impl FnOnce(&Path) -> bool,
    ) -> Result<(), CliError> {
        let path = output.path();
        if self.force || fs::symlink_metadata(path).is_err() || is_own(path) {
            return Ok(());
        }
        Err(CliError::Input(format!(
            "{} exists and was not written by {}; choose another output, or replace it with \
             --force",
            path.display(),
            self.by
        )))
    }

    /// Writes files of a command that makes the same bytes of the same input, so that its own files
    /// are known by their content. Before one is written, all are checked.
    pub(crate) fn write<B: AsRef<[u8]>>(
        self,
        outputs: &[Output],
        files: &[B],
    ) -> Result<(), CliError> {
        let files = || outputs.iter().zip(files.iter().map(AsRef::as_ref));
        for (output, bytes) in files() {
            self.check(output, |path| holds(path, bytes))?;
        }
        files().try_for_each(|(output, bytes)| output.write(bytes))
    }
}

/// Whether the file has this content. One of another size is not read.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == bytes.len() as u64)
        && fs::read(path).is_ok_and(|old| old == bytes)
}

/// Claims the files `paths` for a command that reads `inputs`.
///
/// # Errors
/// [`CliError::Input`] if an output cannot be written, is named twice, would replace an input, or
/// is being written by another run.
pub(crate) fn claim(inputs: &[Input<'_>], paths: &[&Path]) -> Result<Vec<Output>, CliError> {
    let mut places: Vec<PathBuf> = Vec::new();
    for path in paths {
        let about =
            |error| CliError::input(error).about(format!("cannot write {}", path.display()));
        let place = can_write(path).map_err(about)?;
        if places.contains(&place) {
            let wrong = format!("{}: named as two different outputs", path.display());
            return Err(CliError::Input(wrong));
        }
        places.push(place);
    }
    // Only an output that exists can replace anything.
    let old = paths
        .iter()
        .filter_map(|path| Some((*path, identity(path)?)));
    let old: Vec<(&Path, Identity)> = old.collect();
    for (i, (path, file)) in old.iter().enumerate() {
        // Two names of one file.
        if old[..i].iter().any(|(_, other)| other == file) {
            let wrong = format!("{}: named as two different outputs", path.display());
            return Err(CliError::Input(wrong));
        }
    }
    for input in inputs {
        if old.is_empty() {
            break;
        }
        let files = input.files();
        if let Some((path, _)) = old.iter().find(|(_, file)| files.contains(file)) {
            return Err(would_replace(path, *input));
        }
    }
    let lock = |path: &&Path| match OutputLock::acquire(path) {
        Ok(lock) => Ok(Output {
            path: path.to_path_buf(),
            _lock: lock,
        }),
        Err(error) => Err(CliError::input(error).about(path.display())),
    };
    paths.iter().map(lock).collect()
}

fn would_replace(path: &Path, input: Input<'_>) -> CliError {
    CliError::Input(format!(
        "{}: would replace {input}; name another file to write",
        path.display()
    ))
}

impl std::fmt::Display for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "the input {}", path.display()),
            Self::Data(data) => write!(f, "a file of the data {data}"),
        }
    }
}

impl Input<'_> {
    /// The files that it consists of.
    fn files(&self) -> HashSet<Identity> {
        let mut files = HashSet::new();
        match self {
            Self::File(path) => files.extend(identity(path)),
            Self::Data("digits") => {}
            Self::Data(data) => {
                let path = Path::new(data);
                match fs::metadata(path) {
                    Ok(found) if found.is_dir() => walk(path, DEEPEST, &mut files),
                    Ok(_) => files.extend(identity(path)),
                    // The beginning of names.
                    Err(_) => walk(path.parent().unwrap_or(path), 1, &mut files),
                }
            }
        }
        files
    }
}

/// Folders in folders that data is looked for in: `DATA/train/CLASS` is the third.
const DEEPEST: usize = 8;

/// Adds the files of a folder and of the folders in it, except those that an earlier run of this
/// command wrote there: these may be replaced.
fn walk(folder: &Path, deepest: usize, files: &mut HashSet<Identity>) {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    // A file that cannot be read is not data.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() && deepest > 1 => walk(&path, deepest - 1, files),
            Ok(found) if found.is_file() && !is_own(&path) => files.extend(identity(&path)),
            _ => {}
        }
    }
}

/// Whether the file is a model, a report or a checkpoint that this command wrote.
fn is_own(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start));
    let has = |text: &str| {
        start
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    read.is_ok()
        && (start.starts_with(&crate::model_file::MAGIC)
            || start.starts_with(b"<!DOCTYPE html>") && has(crate::report::GENERATOR)
            || has("bnn_checkpoint"))
}

/// What identifies a file under all its names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Identity {
    /// Device and inode number.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The path with all links resolved.
    #[cfg(not(unix))]
    Path(PathBuf),
}

/// `None` for what does not exist.
fn identity(path: &Path) -> Option<Identity> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let found = fs::metadata(path).ok()?;
        Some(Identity::Inode(found.dev(), found.ino()))
    }
    #[cfg(not(unix))]
    Some(Identity::Path(path.canonicalize().ok()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws;
