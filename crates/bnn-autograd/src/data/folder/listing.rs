//! Which files are images of which class.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::DataError;
use super::super::source::{entries, io_error};

/// A sub-folder and the images in it, in order.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) files: Vec<PathBuf>,
    /// How the other files end: `.txt`, or `(no ending)`.
    pub(super) passed_over: Vec<String>,
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
            passed_over: Vec::new(),
        }
    }
}

/// The classes of a folder, in the order of their names.
pub(super) fn classes(folder: &Path) -> Result<Vec<Class>, DataError> {
    let class = |folder: PathBuf| {
        let name = folder.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let (files, passed_over) = images(&folder)?;
        Ok(Class {
            name,
            files,
            passed_over,
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

/// The files named as images, in order, and how the other files end. A link that leads nowhere is
/// an error, for an image is missing.
fn images(folder: &Path) -> Result<(Vec<PathBuf>, Vec<String>), DataError> {
    let (mut images, mut others) = (Vec::new(), Vec::new());
    for path in entries(folder)? {
        let is_image = is_named_as_image(&path);
        match fs::metadata(&path) {
            Err(error) if is_image => return Err(io_error(&path)(error)),
            // Not a folder, nor a pipe, which would be waited for.
            Ok(file) if file.is_file() && is_image => images.push(path),
            Ok(file) if file.is_file() => others.push(ending(&path)),
            _ => {}
        }
    }
    Ok((images, others))
}

fn ending(path: &Path) -> String {
    match path.extension() {
        Some(ending) => format!(".{}", ending.to_string_lossy().to_lowercase()),
        None => "(no ending)".to_owned(),
    }
}

fn is_named_as_image(path: &Path) -> bool {
    const ENDINGS: [&str; 11] = [
        "png", "jpg", "jpeg", "gif", "webp", "bmp", "pnm", "pbm", "pgm", "ppm", "pam",
    ];
    path.extension().is_some_and(|ending| {
        ENDINGS
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}
