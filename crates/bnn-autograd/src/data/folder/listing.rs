//! Which files are images of which class.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::DataError;

/// A sub-folder and the images in it, in order.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) files: Vec<PathBuf>,
}

impl Class {
    /// What tells classes apart: names that are no Unicode may look the same.
    pub(super) fn key(&self) -> Option<&OsStr> {
        self.folder.file_name()
    }

    pub(super) fn without_files(&self) -> Self {
        Self {
            name: self.name.clone(),
            folder: self.folder.clone(),
            files: Vec::new(),
        }
    }
}

/// The classes of a folder, in the order of their names.
pub(super) fn classes(folder: &Path) -> Result<Vec<Class>, DataError> {
    let class = |folder: PathBuf| {
        let name = folder.file_name().unwrap_or_default();
        Ok(Class {
            name: name.to_string_lossy().into_owned(),
            files: images(&folder)?,
            folder,
        })
    };
    folders(folder)?.into_iter().map(class).collect()
}

/// The sub-folders, in order.
pub(super) fn folders(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut entries = entries(folder)?;
    entries.retain(|path| path.is_dir());
    Ok(entries)
}

/// The files named as images, in order. A link that leads nowhere is an error, for an image is missing.
fn images(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut images = Vec::new();
    for path in entries(folder)? {
        if !is_named_as_image(&path) {
            continue;
        }
        // Not a folder, nor a pipe, which would be waited for.
        if fs::metadata(&path).map_err(io_error(&path))?.is_file() {
            images.push(path);
        }
    }
    Ok(images)
}

/// What is in a folder and not hidden, in the order of the names' bytes.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error(folder))? {
        let entry = entry.map_err(io_error(folder))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    Ok(paths)
}

fn is_named_as_image(path: &Path) -> bool {
    const ENDINGS: [&str; 9] = [
        "png", "jpg", "jpeg", "bmp", "pnm", "pbm", "pgm", "ppm", "pam",
    ];
    path.extension().is_some_and(|ending| {
        ENDINGS
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> DataError {
    let path = path.to_owned();
    |source| DataError::Io { path, source }
}
