//! IDX, the file format of MNIST and its family: big-endian sizes, then unsigned bytes.
//! (Y. LeCun, C. Cortes, C. Burges: "The MNIST database of handwritten digits".)

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::{DataError, Dataset, Layout, Split};

/// The largest contents of one file that are accepted, 1 GiB: what a header may at most make
/// this reader hold, however well the bytes behind it compress. MNIST has 47 MB.
pub const MAX_BYTES: u64 = 1 << 30;

/// Reads the four files of a folder, each plain or with `.gz` (plain wins):
/// `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
/// `t10k-labels-idx1-ubyte`. The set takes the folder's name, a depth of 8 bits, and as many
/// classes as the largest training label asks for.
///
/// # Errors
///
/// [`DataError::Missing`], [`DataError::Io`], [`DataError::Magic`], [`DataError::Truncated`],
/// [`DataError::Trailing`] and [`DataError::TooLarge`] name the file. [`DataError::ImageSize`] if test
/// and training images differ in size, [`DataError::PixelCount`] if images and labels differ in number,
/// [`DataError::LabelRange`] for a test label above all training labels, [`DataError::Zero`] for empty files.
pub fn read(folder: impl AsRef<Path>) -> Result<Split, DataError> {
    let folder = folder.as_ref();
    let train = Part::read(folder, "train")?;
    let test = Part::read(folder, "t10k")?;
    if train.size() != test.size() {
        return Err(DataError::ImageSize {
            train: train.size(),
            test: test.size(),
        });
    }
    let classes = train
        .labels
        .iter()
        .max()
        .map_or(0, |&label| usize::from(label) + 1);
    let name = super::name_of(folder);
    Ok(Split {
        train: train.dataset(&name, classes)?,
        test: test.dataset(&name, classes)?,
    })
}

/// The images and labels of one half of a split, as their files have them.
struct Part {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Part {
    fn read(folder: &Path, prefix: &str) -> Result<Self, DataError> {
        let images = folder.join(format!("{prefix}-images-idx3-ubyte"));
        let labels = folder.join(format!("{prefix}-labels-idx1-ubyte"));
        let ([_, height, width], pixels) = read_file(&images)?;
        let ([_], labels) = read_file(&labels)?;
        Ok(Self {
            width,
            height,
            pixels,
            labels,
        })
    }

    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn dataset(self, name: &str, classes: usize) -> Result<Dataset, DataError> {
        let layout = Layout {
            width: self.width,
            height: self.height,
            channels: 1,
            classes,
            depth: 8,
        };
        Dataset::new(name, layout, self.pixels, self.labels)
    }
}

/// Opens the file, or the one with `.gz` behind its name, and reads it as an array of `N` dimensions.
fn read_file<const N: usize>(plain: &Path) -> Result<([usize; N], Vec<u8>), DataError> {
    let mut compressed = plain.to_owned();
    compressed.as_mut_os_string().push(".gz");
    if plain.exists() {
        parse(BufReader::new(open(plain)?), plain)
    } else if compressed.exists() {
        parse(MultiGzDecoder::new(open(&compressed)?), &compressed)
    } else {
        Err(DataError::Missing {
            path: plain.to_owned(),
        })
    }
}

fn open(path: &Path) -> Result<File, DataError> {
    File::open(path).map_err(|source| DataError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Reads an IDX array of unsigned bytes: the magic number `0x0800 + N`, `N` sizes, their product
/// of bytes, and nothing more. Memory grows with the bytes that arrive, never with what a header says.
fn parse<const N: usize>(
    source: impl Read,
    path: &Path,
) -> Result<([usize; N], Vec<u8>), DataError> {
    let mut input = Input {
        source,
        path,
        consumed: 0,
    };
    let expected = 0x0800 + N as u32;
    let found = input.big_endian()?;
    if found != expected {
        let path = path.to_owned();
        return Err(DataError::Magic {
            path,
            found,
            expected,
        });
    }
    let mut sizes = [0; N];
    for size in &mut sizes {
        *size = input.big_endian()?;
    }
    let promised = sizes
        .iter()
        .fold(1, |product: u64, &size| product.saturating_mul(size.into()));
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
    Ok((sizes.map(|size| size as usize), bytes))
}

/// A stream that knows how far it has been read, for errors that say so.
struct Input<'a, R> {
    source: R,
    path: &'a Path,
    consumed: u64,
}

impl<R: Read> Input<'_, R> {
    fn path(&self) -> PathBuf {
        self.path.to_owned()
    }

    fn up_to(&mut self, count: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let read = self.source.by_ref().take(count).read_to_end(&mut bytes);
        read.map_err(|source| DataError::Io {
            path: self.path(),
            source,
        })?;
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

    /// Asks for one byte more: it also makes a decompressor check its checksum.
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
mod tests;
