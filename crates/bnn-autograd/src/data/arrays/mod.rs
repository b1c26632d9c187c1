//! NumPy's arrays: `.npz` files, and folders of `.npy` files.

mod npy;
mod zip;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::images::{Images, check_test_labels};
use super::part::{PartKind, SetPart, SetParts};
use super::{DataError, Split, source, subset};
use npy::{Array, ArrayElements};
use zip::Archive;

/// A data set of arrays.
#[derive(Debug)]
pub(super) struct LoadedArrays {
    pub(super) split: Split,
    /// Whether the samples are rows of numbers and no images.
    pub(super) rows: bool,
    /// A part that is present but not used.
    pub(super) unused: Option<&'static str>,
}

/// The arrays of a file or folder, by name.
enum Arrays {
    Archive(Archive),
    Files(Vec<(String, PathBuf)>),
}

/// Whether the folder holds `.npy` files that have names of parts of a data set.
pub(super) fn is_one(folder: &Path) -> bool {
    Arrays::of_folder(folder).is_ok_and(|arrays| !arrays.find().is_empty())
}

/// Reads a data set from an `.npz` file, or a folder of `.npy` files. An array is known by its
/// name: `x_train`, `train_images`, `y_test` and the like; `x` and `y`, or `images` and `labels`,
/// alone are split by `test_share` and `seed`. Images are bytes, `[n, height, width]`, `[n, height,
/// width, channels]`, `[n, channels, height, width]` or rows `[n, features]`; labels are integers,
/// `[n]` or `[n, 1]`.
pub(super) fn read(path: &Path, test_share: f64, seed: u64) -> Result<LoadedArrays, DataError> {
    let (arrays, name) = if path.is_dir() {
        (Arrays::of_folder(path)?, source::name_of(path))
    } else {
        let stem = path.file_stem().unwrap_or(OsStr::new("data"));
        let name = stem.to_string_lossy().into_owned();
        (Arrays::Archive(Archive::open(path)?), name)
    };
    let found = arrays.find();
    let of = |part: Option<SetPart>, kind| {
        let of = |(p, k, _): &&(Option<SetPart>, PartKind, String)| (*p, *k) == (part, kind);
        found.iter().find(of).map(|(_, _, name)| name.clone())
    };
    let pair = |part| of(part, PartKind::Images).zip(of(part, PartKind::Labels));
    let parts = [SetPart::Train, SetPart::Validation, SetPart::Test];
    let parts = parts
        .into_iter()
        .filter_map(|part| pair(Some(part)).map(|pair| (part, pair)));
    let whole = || pair(None);
    let (train, test, unused) = SetParts::of(parts).chosen();
    let unused = unused.map(|_| "validation");
    let (train, test) = match (train, test) {
        (Some(train), test) => (train, test),
        (None, _) => (whole().ok_or_else(|| arrays.unknown(path))?, None),
    };
    let (images, _, labels, _) = arrays.part(&train)?;
    let rows = images.height == 1 && images.channels == 1;
    let Some(test) = test else {
        let all = images.dataset(&name, labels.clone(), classes(&labels))?;
        let (train, test) = subset::split_by_share(&labels, test_share, seed)?;
        let split = Split {
            train: all.subset(&train)?,
            test: all.subset(&test)?,
        };
        return Ok(LoadedArrays {
            split,
            rows,
            unused,
        });
    };
    let (test_images, images_path, test_labels, labels_path) = arrays.part(&test)?;
    test_images.check_size(&images_path, &images)?;
    let classes = classes(&labels);
    check_test_labels(&test_labels, &labels_path, classes)?;
    let split = Split {
        train: images.dataset(&name, labels, classes)?,
        test: test_images.dataset(&name, test_labels, classes)?,
    };
    Ok(LoadedArrays {
        split,
        rows,
        unused,
    })
}

fn classes(labels: &[u16]) -> usize {
    labels
        .iter()
        .max()
        .map_or(0, |&label| usize::from(label) + 1)
}

/// The samples of an `.npy` file: `path` is what errors call it.
///
/// # Errors
///
/// [`DataError::Array`] if the array is no images and no rows of bytes; [`DataError::Truncated`],
/// [`DataError::Trailing`], [`DataError::TooLarge`], [`DataError::Io`].
pub fn images(stream: impl std::io::Read, path: &Path) -> Result<Images, DataError> {
    as_images(npy::read(stream, path)?, path)
}

impl Arrays {
    fn of_folder(folder: &Path) -> Result<Self, DataError> {
        let files = source::named_files(folder)?.into_iter();
        let arrays = files.filter_map(|(name, path)| {
            let (stem, ending) = name.rsplit_once('.')?;
            ending
                .eq_ignore_ascii_case("npy")
                .then(|| (stem.to_owned(), path))
        });
        Ok(Self::Files(arrays.collect()))
    }

    fn names(&self) -> Vec<&str> {
        match self {
            Self::Archive(archive) => archive.names().collect(),
            Self::Files(files) => files.iter().map(|(name, _)| name.as_str()).collect(),
        }
    }

    /// The arrays whose names say what they are.
    fn find(&self) -> Vec<(Option<SetPart>, PartKind, String)> {
        let names = self.names().into_iter();
        let known = names.filter_map(|name| {
            let (part, kind) = parse(name.strip_suffix(".npy").unwrap_or(name))?;
            Some((part, kind, name.to_owned()))
        });
        known.collect()
    }

    fn unknown(&self, path: &Path) -> DataError {
        let names: Vec<String> = self
            .names()
            .iter()
            .take(20)
            .map(|name| format!("{name:?}"))
            .collect();
        let what = format!(
            "expected arrays called x_train, y_train, x_test, y_test, or train_images, train_labels, .., or x and y; found {}",
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        );
        DataError::Array {
            path: path.to_owned(),
            what,
        }
    }

    fn get(&self, name: &str) -> Result<(Array, PathBuf), DataError> {
        match self {
            Self::Archive(archive) => archive.read(name, |stream, path| {
                Ok((npy::read(stream, path)?, path.to_owned()))
            }),
            Self::Files(files) => {
                let path = files
                    .iter()
                    .find(|(other, _)| other == name)
                    .map(|(_, path)| path);
                let path = path.ok_or_else(|| DataError::Missing { path: name.into() })?;
                Ok((npy::read(source::open(path)?, path)?, path.clone()))
            }
        }
    }

    /// The images and labels of one part, each with its name for errors.
    fn part(
        &self,
        (images, labels): &(String, String),
    ) -> Result<(Images, PathBuf, Vec<u16>, PathBuf), DataError> {
        let (images, images_path) = self.get(images)?;
        let images = as_images(images, &images_path)?;
        let (labels, labels_path) = self.get(labels)?;
        let labels = as_labels(labels, &labels_path)?;
        images.check_count(&images_path, labels.len(), &labels_path)?;
        Ok((images, images_path, labels, labels_path))
    }
}

/// Takes the name of an array apart: a word for a part, if there is one, and a word for images or
/// labels.
fn parse(name: &str) -> Option<(Option<SetPart>, PartKind)> {
    const IMAGES: [&str; 6] = ["x", "images", "image", "imgs", "data", "samples"];
    const LABELS: [&str; 6] = ["y", "labels", "label", "targets", "target", "classes"];
    let (mut part, mut kind) = (None, None);
    for word in name.split(['_', '-', '.', ' ']) {
        let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        if let Some(named) = SetPart::of(word) {
            part = Some(named);
        } else if is(&IMAGES) {
            kind = Some(PartKind::Images);
        } else if is(&LABELS) {
            kind = Some(PartKind::Labels);
        }
    }
    Some((part, kind?))
}

fn as_images(array: Array, path: &Path) -> Result<Images, DataError> {
    let wrong = |what: String| DataError::Array {
        path: path.to_owned(),
        what,
    };
    let shape = array.shape;
    let is_colours = |size: usize| matches!(size, 1 | 3);
    let mut planar = false;
    let (samples, height, width, channels) = match shape[..] {
        [samples, features] => (samples, 1, features, 1),
        [samples, height, width] => (samples, height, width, 1),
        [samples, channels, height, width] if is_colours(channels) && !is_colours(width) => {
            planar = true;
            (samples, height, width, channels)
        }
        [samples, height, width, channels] => (samples, height, width, channels),
        _ => {
            return Err(wrong(format!(
                "shape {shape:?}, expected [n, features], [n, height, width] or [n, height, width, channels]"
            )));
        }
    };
    let mut pixels = match array.elements {
        ArrayElements::Bytes(bytes) => bytes,
        ArrayElements::Integers(integers) => {
            let bytes: Result<Vec<u8>, _> = integers
                .iter()
                .map(|&value| u8::try_from(value).map_err(|_| value))
                .collect();
            bytes.map_err(|value| wrong(format!("a pixel of {value}, expected 0 to 255")))?
        }
    };
    if planar && channels > 1 && !pixels.is_empty() {
        let plane = height * width;
        let image = |image: &[u8]| {
            let pixel = |at: usize| (0..channels).map(move |channel| channel * plane + at);
            (0..plane)
                .flat_map(pixel)
                .map(|at| image[at])
                .collect::<Vec<u8>>()
        };
        pixels = pixels
            .chunks_exact(channels * plane)
            .flat_map(image)
            .collect();
    }
    Ok(Images {
        samples,
        height,
        width,
        channels,
        pixels,
    })
}

fn as_labels(array: Array, path: &Path) -> Result<Vec<u16>, DataError> {
    let wrong = |what: String| DataError::Array {
        path: path.to_owned(),
        what,
    };
    if !matches!(array.shape[..], [_] | [_, 1]) {
        let shape = array.shape;
        return Err(wrong(format!(
            "labels of shape {shape:?}, expected one number for each sample: [n] (of a one-hot array, its argmax)"
        )));
    }
    match array.elements {
        ArrayElements::Bytes(bytes) => Ok(bytes.into_iter().map(u16::from).collect()),
        ArrayElements::Integers(integers) => {
            let labels: Result<Vec<u16>, _> = integers
                .iter()
                .map(|&value| u16::try_from(value).map_err(|_| value))
                .collect();
            labels.map_err(|value| wrong(format!("a label of {value}, expected 0 to 65535")))
        }
    }
}

#[cfg(test)]
mod laws;
