//! IDX, the file format of MNIST and its family: big-endian sizes, then unsigned bytes.
//! (Y. LeCun, C. Cortes, C. Burges: "The MNIST database of handwritten digits".)

mod names;

use std::io::Read;
use std::path::{Path, PathBuf};

use super::images::Images;
use super::part::{PartKind, SetPart};
use super::{DataError, Split, source};
use names::IdxFiles;

/// The largest contents of one file that are accepted, 1 GiB: what a header may at most make this
/// reader hold, however well the bytes after it compress. MNIST has 47 MB.
pub(super) const MAX_BYTES: u64 = 1 << 30;

/// Whether the folder holds a data set whose files have names of IDX data.
pub(super) fn is_one(folder: &Path) -> bool {
    names::sets(folder).is_ok_and(|sets| !sets.is_empty())
}

/// Whether the folder holds IDX files whose names have this prefix.
pub(super) fn has_prefix(folder: &Path, prefix: &str) -> bool {
    let same = |set: &IdxFiles| trimmed(&set.prefix) == trimmed(prefix);
    names::sets(folder).is_ok_and(|sets| sets.iter().any(same))
}

/// Reads the four files of a folder, each plain or compressed (plain wins): training and test
/// images and labels, called as MNIST's (`train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte`,
/// `test-images..`), perhaps with a prefix (`emnist-letters-`). Images have one channel, or those
/// of a fourth dimension. There are as many classes as the largest training label asks for.
///
/// With `prefix`, only files whose names have it in front are looked at; without, there must be one
/// prefix in the folder.
pub(super) fn read(folder: &Path, prefix: Option<&str>) -> Result<Split, DataError> {
    let mut sets = names::sets(folder)?;
    if let Some(prefix) = prefix {
        sets.retain(|set| trimmed(&set.prefix) == trimmed(prefix));
    }
    let files = match sets.len() {
        0 => IdxFiles::default(),
        1 => sets.swap_remove(0),
        _ => {
            return Err(DataError::Prefixes {
                path: folder.to_owned(),
                found: sets
                    .iter()
                    .map(|set| trimmed(&set.prefix).to_owned())
                    .collect(),
            });
        }
    };
    let read = |part| -> Result<_, DataError> {
        let images = files.get(folder, part, PartKind::Images)?.to_owned();
        let labels = files.get(folder, part, PartKind::Labels)?.to_owned();
        Ok((read_images(&images)?, images, read_labels(&labels)?, labels))
    };
    let (train, train_images, train_labels, train_labels_path) = read(SetPart::Train)?;
    let (test, test_images, test_labels, test_labels_path) = read(SetPart::Test)?;
    for (images, images_path, labels, labels_path) in [
        (&train, &train_images, &train_labels, &train_labels_path),
        (&test, &test_images, &test_labels, &test_labels_path),
    ] {
        images.check_count(images_path, labels.len(), labels_path)?;
    }
    test.check_size(&test_images, &train)?;
    let classes = train_labels
        .iter()
        .max()
        .map_or(0, |&label| usize::from(label) + 1);
    super::images::check_test_labels(&test_labels, &test_labels_path, classes)?;
    let name = match trimmed(&files.prefix) {
        "" => source::name_of(folder),
        prefix => prefix.to_owned(),
    };
    Ok(Split {
        train: train.dataset(&name, train_labels, classes)?,
        test: test.dataset(&name, test_labels, classes)?,
    })
}

/// A prefix without what separates it from the rest of the name.
fn trimmed(prefix: &str) -> &str {
    prefix.trim_end_matches(['-', '_', '.'])
}

/// Reads a file of images, plain or compressed: of 3 dimensions (samples, height, width) or of 4,
/// the last of which are the channels.
pub(super) fn read_images(path: &Path) -> Result<Images, DataError> {
    images(source::open(path)?, path)
}

/// Reads images as `read_images` does, from a stream, which errors call `path`.
///
/// # Errors
///
/// [`DataError::Magic`], [`DataError::Truncated`], [`DataError::Trailing`],
/// [`DataError::TooLarge`], [`DataError::Io`].
pub fn images(stream: impl Read, path: &Path) -> Result<Images, DataError> {
    let (sizes, pixels) = parse(stream, path, &[3, 4])?;
    let channels = sizes.get(3).copied().unwrap_or(1);
    Ok(Images {
        samples: sizes[0],
        height: sizes[1],
        width: sizes[2],
        channels,
        pixels,
    })
}

fn read_labels(path: &Path) -> Result<Vec<u16>, DataError> {
    let (_, labels) = parse(source::open(path)?, path, &[1])?;
    Ok(labels.into_iter().map(u16::from).collect())
}

/// Reads an IDX array of unsigned bytes: the magic number, `0x0800` and the number of dimensions,
/// which must be one of `dimensions`; a size for each; as many bytes as their product; nothing
/// more. Memory grows with the bytes that arrive, never with what a header says.
fn parse(
    source: impl Read,
    path: &Path,
    dimensions: &[u32],
) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    const UNSIGNED_BYTES: u32 = 0x0800;
    let mut input = CountedInput {
        source,
        path,
        consumed: 0,
    };
    let found = input.big_endian()?;
    let known = dimensions.iter().find(|&&n| found == UNSIGNED_BYTES + n);
    let Some(&dimensions) = known else {
        let expected = dimensions.iter().map(|n| UNSIGNED_BYTES + n).collect();
        let path = path.to_owned();
        return Err(DataError::Magic {
            path,
            found,
            expected,
        });
    };
    let mut sizes = Vec::new();
    let mut promised = 1_u64;
    for _ in 0..dimensions {
        let size = input.big_endian()?;
        promised = promised.saturating_mul(size.into());
        sizes.push(size as usize);
    }
    if promised > MAX_BYTES {
        let path = path.to_owned();
        return Err(DataError::TooLarge {
            path,
            promised,
            limit: MAX_BYTES,
        });
    }
    let bytes = input.take(promised)?;
    input.end()?;
    Ok((sizes, bytes))
}

/// A stream that knows how far it has been read, for errors that say so.
struct CountedInput<'a, R> {
    source: R,
    path: &'a Path,
    consumed: u64,
}

impl<R: Read> CountedInput<'_, R> {
    fn path(&self) -> PathBuf {
        self.path.to_owned()
    }

    fn up_to(&mut self, count: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let read = self.source.by_ref().take(count).read_to_end(&mut bytes);
        read.map_err(source::io_error(self.path))?;
        self.consumed += bytes.len() as u64;
        Ok(bytes)
    }

    fn take(&mut self, count: u64) -> Result<Vec<u8>, DataError> {
        let expected = self.consumed + count;
        let bytes = self.up_to(count)?;
        if self.consumed != expected {
            let (path, found) = (self.path(), self.consumed);
            return Err(DataError::Truncated {
                path,
                found,
                expected,
            });
        }
        Ok(bytes)
    }

    fn big_endian(&mut self) -> Result<u32, DataError> {
        let bytes = self.take(4)?;
        Ok(bytes
            .iter()
            .fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }

    /// Asks for one byte more, which also makes a decompressor check its checksum.
    fn end(&mut self) -> Result<(), DataError> {
        let expected = self.consumed;
        match self.up_to(1)?.is_empty() {
            true => Ok(()),
            false => Err(DataError::Trailing {
                path: self.path(),
                expected,
            }),
        }
    }
}

#[cfg(test)]
mod laws;
