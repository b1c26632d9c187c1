//! Data sets by name: what a path leads to, told by its contents.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;

use super::config::{Columns, LoadConfig};
use super::content::Content;
use super::csv::Values;
use super::folder::{self, FolderConfig};
use super::{DataError, Split, arrays, cifar, digits, idx, source, table};

/// A data set, and what is known of where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The samples.
    pub split: Split,
    /// The name of the file or folder, without those above it; `digits` for the digits that are
    /// built in.
    pub source: String,
    /// Whether the samples were image files.
    pub is_folder_of_images: bool,
    /// The way in which rows of numbers were read; `None` if the samples are images.
    pub columns: Option<Columns>,
    /// Notes for a person, a line each.
    pub notes: Vec<String>,
}

/// Loads a data set by name: `digits` for the [embedded one](digits()), else a path; `config` has
/// the settings for each kind of data; those of other kinds do not matter.
///
/// | path | holds |
/// | --- | --- |
/// | a folder | IDX files as MNIST has them: `train-images-idx3-ubyte` and the like, perhaps with a prefix |
/// | a folder and a prefix, `data/emnist-letters` | one of several sets of IDX files |
/// | a folder | the binary files of CIFAR-10 or CIFAR-100 |
/// | a folder | images in a sub-folder for each class: `train/CLASS/*` and `test/CLASS/*`, or `CLASS/*` |
/// | a folder, or an `.npz` file | arrays of NumPy's: `x_train`, `y_train`, `x_test`, `y_test` and the like |
/// | a table, or a folder with `train.csv` | rows of numbers with a label |
///
/// Files may be compressed with gzip. Of a set without test samples a fifth is set aside.
///
/// # Errors
///
/// [`DataError::UnknownSource`], [`DataError::NoDataSet`] or [`DataError::NotASet`] if it is none
/// of these; otherwise what the reader found wrong.
pub fn load(spec: &str, config: &LoadConfig) -> Result<Loaded, DataError> {
    let kind = PathKind::of(spec)?;
    let path = Path::new(spec);
    let mut loaded = match kind {
        PathKind::Digits => plain(digits()?),
        PathKind::Idx => plain(idx::read(path, None)?),
        PathKind::IdxPrefix => {
            let prefix = path.file_name().and_then(OsStr::to_str);
            plain(idx::read(parent(path), prefix)?)
        }
        PathKind::Cifar => plain(cifar::read(path)?),
        PathKind::Images => {
            let (split, notes) = folder::read(path, config.images)?;
            Loaded {
                is_folder_of_images: true,
                notes,
                ..plain(split)
            }
        }
        PathKind::Arrays => {
            let FolderConfig {
                test_share,
                test_seed,
                ..
            } = config.images;
            let arrays = arrays::read(path, test_share, test_seed)?;
            let columns = arrays.rows.then_some(Columns {
                label: None,
                values: Values::Whole { max: u8::MAX },
            });
            Loaded {
                columns,
                notes: unused(arrays.unused).into_iter().collect(),
                ..plain(arrays.split)
            }
        }
        PathKind::Table | PathKind::Tables => {
            let table = match kind {
                PathKind::Table => table::read_file(path, config)?,
                _ => table::read_folder(path, config)?,
            };
            let notes = [table.note].into_iter().chain(unused(table.unused));
            Loaded {
                columns: Some(table.columns),
                notes: notes.collect(),
                ..plain(table.split)
            }
        }
    };
    loaded.source = match kind {
        PathKind::Digits => spec.to_owned(),
        _ => match source::name_of(path).as_str() {
            // Not the digits that are built in.
            "digits" => "./digits".to_owned(),
            name => name.to_owned(),
        },
    };
    loaded.notes.extend(one_class(&loaded.split));
    Ok(loaded)
}

/// The kind of thing that a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathKind {
    Digits,
    Idx,
    IdxPrefix,
    Cifar,
    Images,
    Arrays,
    Table,
    Tables,
}

impl PathKind {
    fn of(spec: &str) -> Result<Self, DataError> {
        let path = Path::new(spec);
        if spec == "digits" {
            return Ok(Self::Digits);
        }
        if path.is_dir() {
            return Self::of_folder(path).ok_or_else(|| DataError::NoDataSet {
                path: path.to_owned(),
            });
        }
        if path.exists() {
            return Self::of_file(path);
        }
        let folder = parent(path);
        let prefix = path.file_name().and_then(OsStr::to_str);
        match prefix {
            Some(prefix) if idx::has_prefix(folder, prefix) => Ok(Self::IdxPrefix),
            _ => Err(DataError::UnknownSource {
                spec: spec.to_owned(),
            }),
        }
    }

    fn of_folder(path: &Path) -> Option<Self> {
        Some(if idx::is_one(path) {
            Self::Idx
        } else if cifar::is_one(path) {
            Self::Cifar
        } else if arrays::is_one(path) {
            Self::Arrays
        } else if table::is_one(path) {
            Self::Tables
        } else if folder::is_one(path) {
            Self::Images
        } else {
            return None;
        })
    }

    fn of_file(path: &Path) -> Result<Self, DataError> {
        let mut start = Vec::new();
        let read = source::open(path)?.take(16).read_to_end(&mut start);
        read.map_err(source::io_error(path))?;
        let not_a_set = |found, hint| DataError::NotASet {
            path: path.to_owned(),
            found,
            hint,
        };
        match Content::of(&start) {
            Content::Npz => Ok(Self::Arrays),
            Content::Text => Ok(Self::Table),
            Content::Idx => Err(not_a_set(
                "one IDX file",
                "give its folder, with images and labels to train on and to test by",
            )),
            Content::Npy => Err(not_a_set(
                "one array",
                "give a folder of arrays, x_train.npy and so on, or an .npz file",
            )),
            Content::Image => Err(not_a_set(
                "one image",
                "give a folder with a sub-folder of images for each class",
            )),
        }
    }
}

/// A split of which no more is known.
fn plain(split: Split) -> Loaded {
    Loaded {
        split,
        source: String::new(),
        is_folder_of_images: false,
        columns: None,
        notes: Vec::new(),
    }
}

fn unused(part: Option<&'static str>) -> Option<String> {
    part.map(|part| format!("the {part} part of the data is not used"))
}

/// A model of one class is always right and tells nothing.
fn one_class(split: &Split) -> Option<String> {
    let counts = split.train.class_counts();
    let mut present = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let (class, _) = present.next()?;
    present.next().is_none().then(|| {
        format!(
            "warning: all {} training samples are of one class, {:?}: a model of them tells nothing apart",
            split.train.samples(),
            split.train.class_names()[class]
        )
    })
}

/// The folder of a path; this one if the path is a name alone.
fn parent(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    parent.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_source_that_is_nothing_known_is_named_in_the_error() {
        let load = |spec: &str| load(spec, &LoadConfig::default());
        let error = load("no/such/place").unwrap_err();
        assert!(matches!(&error, DataError::UnknownSource { spec } if spec == "no/such/place"));
        assert!(error.to_string().contains("no/such/place"));
        let empty = TempDir::new().unwrap();
        let error = load(empty.path().to_str().unwrap()).unwrap_err();
        assert!(matches!(&error, DataError::NoDataSet { path } if path == empty.path()));
    }

    #[test]
    fn single_files_that_are_no_set_say_what_to_give() {
        let folder = TempDir::new().unwrap();
        for (bytes, words) in [
            (&b"\0\0\x08\x03\0\0\0\x01"[..], "one IDX file"),
            (b"\x93NUMPY\x01\0", "one array"),
            (b"\x89PNG\r\n\x1a\n", "one image"),
        ] {
            let path = folder.path().join("file");
            fs::write(&path, bytes).unwrap();
            let error = load(path.to_str().unwrap(), &LoadConfig::default());
            let error = error.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn one_class_alone_is_a_warning() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("t.csv");
        fs::write(&path, "1,2,cat\n3,4,cat\n5,6,cat\n7,8,cat\n9,9,cat\n").unwrap();
        let load = || load(path.to_str().unwrap(), &LoadConfig::default()).unwrap();
        let warned = |loaded: &Loaded| {
            loaded
                .notes
                .iter()
                .any(|note| note.contains("one class, \"cat\""))
        };
        assert!(warned(&load()));
        fs::write(&path, "1,2,cat\n3,4,cat\n5,6,dog\n7,8,cat\n9,9,dog\n").unwrap();
        assert!(!warned(&load()));
    }
}
