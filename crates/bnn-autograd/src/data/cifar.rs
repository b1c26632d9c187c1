//! The binary files of CIFAR-10 and CIFAR-100: records of labels and an image of 32 x 32 pixels,
//! all red values first, then green, then blue. (A. Krizhevsky: "Learning Multiple Layers of
//! Features from Tiny Images", 2009.)

use std::fs;
use std::path::{Path, PathBuf};

use super::images::{Images, check_test_labels};
use super::{DataError, Dataset, Split, source};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const CHANNELS: usize = 3;

/// The most bytes of one file that are read.
const MAX_BYTES: u64 = 1 << 28;

/// The files of one data set.
struct CifarFiles {
    train: Vec<PathBuf>,
    test: PathBuf,
    /// Labels in a record; the last is the one that is learned.
    labels: usize,
    /// The file that may hold the names of the classes.
    names: &'static str,
}

/// Whether the folder holds these files.
pub(super) fn is_one(folder: &Path) -> bool {
    files(folder).is_ok_and(|files| files.is_some())
}

fn files(folder: &Path) -> Result<Option<CifarFiles>, DataError> {
    let files = source::named_files(folder)?;
    let named = |wanted: &str| {
        files
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, path)| path.clone())
    };
    let mut train: Vec<(&String, PathBuf)> = files
        .iter()
        .filter(|(name, _)| name.starts_with("data_batch_") && name.ends_with(".bin"))
        .map(|(name, path)| (name, path.clone()))
        .collect();
    train.dedup_by(|a, b| a.0 == b.0);
    if let (false, Some(test)) = (train.is_empty(), named("test_batch.bin")) {
        return Ok(Some(CifarFiles {
            train: train.into_iter().map(|(_, path)| path).collect(),
            test,
            labels: 1,
            names: "batches.meta.txt",
        }));
    }
    let pair = named("train.bin").zip(named("test.bin"));
    Ok(pair.map(|(train, test)| CifarFiles {
        train: vec![train],
        test,
        labels: 2,
        names: "fine_label_names.txt",
    }))
}

/// Reads `data_batch_*.bin` and `test_batch.bin` (CIFAR-10), or `train.bin` and `test.bin`
/// (CIFAR-100, of whose two labels the fine one is taken). The classes are called as the file of
/// their names says, if it is there.
pub(super) fn read(folder: &Path) -> Result<Split, DataError> {
    let Some(files) = files(folder)? else {
        return Err(DataError::Missing {
            path: folder.join("data_batch_1.bin"),
        });
    };
    let (mut train, mut train_labels) = (Vec::new(), Vec::new());
    for path in &files.train {
        let bytes = source::read_all(path, MAX_BYTES)?;
        append(&bytes, files.labels, path, &mut train, &mut train_labels)?;
        if train.len() as u64 > super::folder::MAX_BYTES {
            return Err(DataError::TooLarge {
                path: path.clone(),
                promised: train.len() as u64,
                limit: super::folder::MAX_BYTES,
            });
        }
    }
    let (mut test, mut test_labels) = (Vec::new(), Vec::new());
    let bytes = source::read_all(&files.test, MAX_BYTES)?;
    append(
        &bytes,
        files.labels,
        &files.test,
        &mut test,
        &mut test_labels,
    )?;

    let names = class_names(&folder.join(files.names));
    let classes = train_labels
        .iter()
        .max()
        .map_or(0, |&label| usize::from(label) + 1);
    let classes = classes.max(names.len());
    check_test_labels(&test_labels, &files.test, classes)?;
    let name = source::name_of(folder);
    let dataset = |pixels: Vec<u8>, labels: Vec<u16>| -> Result<Dataset, DataError> {
        let images = Images {
            samples: labels.len(),
            height: SIDE,
            width: SIDE,
            channels: CHANNELS,
            pixels,
        };
        let set = images.dataset(&name, labels, classes)?;
        if names.len() == classes {
            set.with_class_names(names.clone())
        } else {
            Ok(set)
        }
    };
    Ok(Split {
        train: dataset(train, train_labels)?,
        test: dataset(test, test_labels)?,
    })
}

/// Appends the pixels, channels last, and the labels of all records of a file.
fn append(
    bytes: &[u8],
    labels_of_record: usize,
    path: &Path,
    pixels: &mut Vec<u8>,
    labels: &mut Vec<u16>,
) -> Result<(), DataError> {
    let record = labels_of_record + CHANNELS * PLANE;
    if bytes.is_empty() {
        let path = path.to_owned();
        return Err(DataError::NoSamples { path });
    }
    if !bytes.len().is_multiple_of(record) {
        return Err(DataError::Records {
            path: path.to_owned(),
            found: bytes.len(),
            record,
        });
    }
    pixels.reserve(bytes.len() / record * CHANNELS * PLANE);
    for record in bytes.chunks_exact(record) {
        let (label, planes) = record.split_at(labels_of_record);
        labels.extend(label.last().map(|&label| u16::from(label)));
        for at in 0..PLANE {
            pixels.extend((0..CHANNELS).map(|channel| planes[channel * PLANE + at]));
        }
    }
    Ok(())
}

/// The lines of a file of names; `None` if the file is missing or is not text.
fn class_names(path: &Path) -> Vec<String> {
    const MOST: u64 = 1 << 16;
    let small = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= MOST);
    let text = small.then(|| fs::read_to_string(path).ok()).flatten();
    let lines = text.unwrap_or_default();
    let names = lines.lines().map(str::trim).filter(|name| !name.is_empty());
    names.take(256).map(str::to_owned).collect()
}

#[cfg(test)]
mod laws;
