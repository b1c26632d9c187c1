//! Files, and folders of weights, in memory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::{ImportError, Limits};

/// The files of a folder, by their names.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Names and bytes.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Files of a folder, at most: a network of ten layers has some hundred for each.
const MOST_FILES: usize = 1 << 16;

impl Folder {
    /// Reads the files of a folder that BNN-PYNQ's have: `L-P-weights.bin`, `L-P-thres.bin` and
    /// `classes.txt`.
    ///
    /// # Errors
    /// [`ImportError::Read`], and [`ImportError::Limit`] for more than 65 536 files or more bytes
    /// than [`Limits::file_bytes`].
    pub fn read(path: &Path, limits: &Limits) -> Result<Self, ImportError> {
        let failed = |source| unreadable(path, source);
        let mut folder = Self::default();
        let mut left = limits.file_bytes;
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !is_part(&name) || !entry.file_type().map_err(failed)?.is_file() {
                continue;
            }
            if folder.files.len() == MOST_FILES {
                return Err(ImportError::Limit {
                    what: "files of a folder",
                    most: MOST_FILES as u64,
                });
            }
            let bytes = Opened::new(&entry.path())?.read(left, limits)?;
            left -= bytes.len() as u64;
            folder.files.insert(name, bytes);
        }
        Ok(folder)
    }

    /// The paths of the files that were read of the folder `path`.
    pub(crate) fn paths(&self, path: &Path) -> Vec<PathBuf> {
        self.files.keys().map(|name| path.join(name)).collect()
    }
}

fn is_part(name: &str) -> bool {
    name == "classes.txt" || name.ends_with("-weights.bin") || name.ends_with("-thres.bin")
}

/// A file of which the beginning was read.
pub(crate) struct Opened {
    path: PathBuf,
    file: File,
    len: u64,
    /// Its first bytes, [`HEAD`] at most.
    pub(crate) head: Vec<u8>,
}

/// What tells formats apart.
const HEAD: u64 = 64;

impl Opened {
    /// Opens a file. Pipes and devices, which may have no end, are refused.
    pub(crate) fn new(path: &Path) -> Result<Self, ImportError> {
        let failed = |source| unreadable(path, source);
        let found = fs::metadata(path).map_err(failed)?;
        if !found.is_file() {
            let wrong = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
            return Err(failed(wrong));
        }
        let file = File::open(path).map_err(failed)?;
        let mut head = Vec::new();
        (&file).take(HEAD).read_to_end(&mut head).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            len: found.len(),
            head,
        })
    }

    /// All bytes of the file, at most `left`.
    pub(crate) fn read(self, left: u64, limits: &Limits) -> Result<Vec<u8>, ImportError> {
        let limit = ImportError::Limit {
            what: "bytes of files",
            most: limits.file_bytes,
        };
        if self.len > left {
            return Err(limit);
        }
        let mut bytes = self.head;
        let room = usize::try_from(self.len).unwrap_or(usize::MAX);
        let no_room = |_| ImportError::Memory { bytes: self.len };
        bytes
            .try_reserve_exact(room.saturating_sub(bytes.len()))
            .map_err(no_room)?;
        // One more, to see that there are more: a file may grow.
        let rest = left.saturating_add(1).saturating_sub(bytes.len() as u64);
        let read = self.file.take(rest).read_to_end(&mut bytes);
        read.map_err(|source| unreadable(&self.path, source))?;
        match bytes.len() as u64 > left {
            true => Err(limit),
            false => Ok(bytes),
        }
    }
}

fn unreadable(path: &Path, source: io::Error) -> ImportError {
    ImportError::Read {
        name: path.display().to_string(),
        source,
    }
}
