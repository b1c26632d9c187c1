//! Folders of weights, in memory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

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
    /// Reads all files of a folder, but not those of folders in it.
    ///
    /// # Errors
    /// [`ImportError::Read`], and [`ImportError::Limit`] for more than 65 536 files or more bytes
    /// than [`Limits::file_bytes`].
    pub fn read(path: &Path, limits: &Limits) -> Result<Self, ImportError> {
        let failed = |source| ImportError::Read {
            name: path.display().to_string(),
            source,
        };
        let mut folder = Self::default();
        let mut left = limits.file_bytes;
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !entry.file_type().map_err(failed)?.is_file() {
                continue;
            }
            if folder.files.len() == MOST_FILES {
                return Err(ImportError::Limit {
                    what: "files of a folder",
                    most: MOST_FILES as u64,
                });
            }
            let bytes = read(&entry.path(), left, limits)?;
            left -= bytes.len() as u64;
            let name = entry.file_name().to_string_lossy().into_owned();
            folder.files.insert(name, bytes);
        }
        Ok(folder)
    }
}

/// Reads a file of at most `left` bytes.
pub(crate) fn read(path: &Path, left: u64, limits: &Limits) -> Result<Vec<u8>, ImportError> {
    let failed = |source| ImportError::Read {
        name: path.display().to_string(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    // One more, to see that there are more.
    let mut file = file.take(left.saturating_add(1));
    file.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > left {
        return Err(ImportError::Limit {
            what: "bytes of files",
            most: limits.file_bytes,
        });
    }
    Ok(bytes)
}
