//! `.npy`, NumPy's file format of one array: a header in the syntax of Python, then the elements.

use std::io::Read;
use std::path::Path;

use super::super::{DataError, source};

/// The most bytes of elements that are read, 1 GiB, however little follows a header that promises
/// more.
pub(super) const MAX_BYTES: u64 = 1 << 30;

/// The longest header: NumPy itself refuses more than 10 000 bytes by default.
const MAX_HEADER: usize = 1 << 16;

/// An array of integers in row-major order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) elements: ArrayElements,
}

/// The elements as the file has them, or as wider integers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ArrayElements {
    Bytes(Vec<u8>),
    Integers(Vec<i64>),
}

/// Reads an array; `path` is what errors call it.
pub(super) fn read(mut stream: impl Read, path: &Path) -> Result<Array, DataError> {
    let wrong = |what: String| DataError::Array {
        path: path.to_owned(),
        what,
    };
    let mut exactly = |bytes: &mut [u8]| {
        let read = stream.read_exact(bytes);
        read.map_err(source::io_error(path))
    };
    let mut start = [0; 8];
    exactly(&mut start)?;
    if !start.starts_with(b"\x93NUMPY") {
        return Err(wrong("it does not start as an .npy file".to_owned()));
    }
    let length = if start[6] == 1 {
        let mut length = [0; 2];
        exactly(&mut length)?;
        usize::from(u16::from_le_bytes(length))
    } else {
        let mut length = [0; 4];
        exactly(&mut length)?;
        u32::from_le_bytes(length) as usize
    };
    if length > MAX_HEADER {
        return Err(wrong(format!(
            "a header of {length} bytes, expected at most {MAX_HEADER}"
        )));
    }
    let mut header = vec![0; length];
    exactly(&mut header)?;
    let header = String::from_utf8_lossy(&header);
    let unclear = || wrong("its header has no descr, fortran_order and shape".to_owned());
    let dtype = Dtype::parse(quoted(&header, "descr").ok_or_else(unclear)?);
    let dtype = dtype.ok_or_else(|| {
        wrong(format!(
            "elements of type {:?}, expected integers (pixels: uint8, 0 to 255)",
            quoted(&header, "descr").unwrap_or_default()
        ))
    })?;
    let shape = shape(&header).ok_or_else(unclear)?;
    if after(&header, "fortran_order")
        .ok_or_else(unclear)?
        .starts_with("True")
        && shape.len() > 1
    {
        let what = "an array in column-major order; save it with numpy.ascontiguousarray";
        return Err(wrong(what.to_owned()));
    }
    let sizes = shape
        .iter()
        .map(|&size| size as u64)
        .chain([dtype.bytes as u64]);
    let promised = sizes.fold(1, u64::saturating_mul);
    if promised > MAX_BYTES {
        return Err(DataError::TooLarge {
            path: path.to_owned(),
            promised,
            limit: MAX_BYTES,
        });
    }
    let mut bytes = Vec::new();
    let read = stream.by_ref().take(promised).read_to_end(&mut bytes);
    let found = read.map_err(source::io_error(path))? as u64;
    if found != promised {
        return Err(DataError::Truncated {
            path: path.to_owned(),
            found,
            expected: promised,
        });
    }
    // Asks for one byte more, which also makes a decompressor check its checksum.
    let more = stream.read(&mut [0]).map_err(source::io_error(path))?;
    if more > 0 {
        return Err(DataError::Trailing {
            path: path.to_owned(),
            expected: promised,
        });
    }
    let elements = dtype.elements(bytes);
    Ok(Array { shape, elements })
}

/// What an element is: an integer of 1, 2, 4 or 8 bytes.
#[derive(Debug, Clone, Copy)]
struct Dtype {
    bytes: usize,
    signed: bool,
    big_endian: bool,
}

impl Dtype {
    /// Reads `|u1`, `<i8` and the like.
    fn parse(text: &str) -> Option<Self> {
        let (order, rest) = text.split_at_checked(1)?;
        let big_endian = match order {
            "<" | "|" | "=" => false,
            ">" => true,
            _ => return None,
        };
        let (kind, bytes) = rest.split_at_checked(1)?;
        let signed = match kind {
            "u" => false,
            "i" => true,
            _ => return None,
        };
        let bytes = bytes.parse().ok().filter(|n| [1, 2, 4, 8].contains(n))?;
        Some(Self {
            bytes,
            signed,
            big_endian,
        })
    }

    fn elements(self, bytes: Vec<u8>) -> ArrayElements {
        if self.bytes == 1 && !self.signed {
            return ArrayElements::Bytes(bytes);
        }
        let integer = |element: &[u8]| {
            let mut wide = [0; 8];
            for (at, &byte) in element.iter().enumerate() {
                let place = if self.big_endian {
                    self.bytes - 1 - at
                } else {
                    at
                };
                wide[place] = byte;
            }
            let unused = 64 - 8 * self.bytes as u32;
            let value = i64::from_le_bytes(wide) << unused;
            // Unsigned numbers of 64 bits above `i64::MAX` become negative: no pixel and no label.
            if self.signed || unused == 0 {
                value >> unused
            } else {
                (value as u64 >> unused) as i64
            }
        };
        ArrayElements::Integers(bytes.chunks_exact(self.bytes).map(integer).collect())
    }
}

/// What follows a key of the header's dictionary.
fn after<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let quotes = [format!("'{key}'"), format!("\"{key}\"")];
    let rest = quotes
        .iter()
        .find_map(|key| header.split_once(key.as_str()))?
        .1;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

/// A value in quotes; the whole value where it is none, as that of a structure of fields is.
fn quoted<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let value = after(header, key)?;
    let quote = value.chars().next()?;
    if !matches!(quote, '\'' | '"') {
        return Some(value.get(..20).unwrap_or(value));
    }
    Some(value[1..].split_once(quote)?.0)
}

/// The sizes, of which there are at most 8.
fn shape(header: &str) -> Option<Vec<usize>> {
    let (sizes, _) = after(header, "shape")?.strip_prefix('(')?.split_once(')')?;
    let sizes = sizes
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty());
    let sizes: Option<Vec<usize>> = sizes
        .map(|size| size.trim_end_matches('L').parse().ok())
        .collect();
    sizes.filter(|sizes| sizes.len() <= 8)
}
