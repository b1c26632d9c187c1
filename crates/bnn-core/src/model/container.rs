//! The outer form of a model file: its header, its checksum, its sections.

#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};

use super::crc::crc32;
use super::error::ModelError;
use super::format::{self, u16_at, u32_at};
#[cfg(feature = "alloc")]
use crate::error::Error;

/// Checks all that the header says of the file.
pub(super) fn check_header(bytes: &[u8]) -> Result<(), ModelError> {
    if !bytes.starts_with(&format::MAGIC) {
        return Err(ModelError::NotAModel);
    }
    let short = ModelError::Size {
        expected: format::HEADER_BYTES,
        found: bytes.len(),
    };
    let header = bytes.get(..format::HEADER_BYTES).ok_or(short)?;
    let major = u16_at(header, format::AT_MAJOR).ok_or(short)?;
    if major != format::MAJOR {
        return Err(ModelError::Version {
            expected: format::MAJOR,
            found: major,
        });
    }
    let expected = u32_at(header, format::AT_FILE_BYTES).ok_or(short)? as usize;
    if expected != bytes.len() {
        return Err(ModelError::Size {
            expected,
            found: bytes.len(),
        });
    }
    if !bytes.as_ptr().addr().is_multiple_of(format::ALIGN) {
        return Err(ModelError::Alignment);
    }
    let stated = u32_at(header, format::AT_CRC).ok_or(short)?;
    let before = bytes.get(..format::AT_CRC).unwrap_or_default();
    let after = bytes.get(format::AT_SECTIONS..).unwrap_or_default();
    let found = crc32(&[before, after]);
    if found != stated {
        return Err(ModelError::Checksum {
            expected: stated,
            found,
        });
    }
    if header.iter().skip(format::AT_RESERVED).any(|&b| b != 0) {
        return Err(ModelError::Section {
            expected: "zero reserved bytes in the header",
        });
    }
    Ok(())
}

/// In one place, for there are several such errors.
#[cold]
#[inline(never)]
fn section_error(expected: &'static str) -> ModelError {
    ModelError::Section { expected }
}

/// The sections' bytes; empty where there is none.
#[derive(Default)]
pub(super) struct Sections<'a> {
    pub(super) layers: &'a [u8],
    pub(super) weights: &'a [u8],
    pub(super) params: &'a [u8],
    pub(super) meta: &'a [u8],
}

impl<'a> Sections<'a> {
    /// Finds and checks the sections of a file whose header has been checked.
    pub(super) fn find(bytes: &'a [u8]) -> Result<Self, ModelError> {
        let bad = section_error;
        let count = u32_at(bytes, format::AT_SECTIONS).unwrap_or_default() as usize;
        let table = count
            .checked_mul(format::SECTION_BYTES)
            .and_then(|len| bytes.get(format::HEADER_BYTES..)?.get(..len))
            .ok_or_else(|| bad("the section table inside the file"))?;
        let mut sections = Self::default();
        let mut end = format::HEADER_BYTES + table.len();
        let (entries, _) = table.as_chunks::<{ format::SECTION_BYTES }>();
        for entry in entries {
            let (&kind, _) = entry
                .split_first_chunk::<4>()
                .ok_or_else(|| bad("a section kind"))?;
            let number = |at| u32_at(entry, at).unwrap_or_default() as usize;
            let (at, len) = (number(4), number(8));
            if number(12) != 0 {
                return Err(bad("zero reserved bytes in the section table"));
            }
            let body = bytes.get(at..).and_then(|b| b.get(..len));
            let body = body
                .filter(|_| at.is_multiple_of(format::ALIGN) && at >= end)
                .ok_or_else(|| bad("aligned sections inside the file, one after the other"))?;
            end = at + len;
            let place = match kind {
                format::LAYERS => &mut sections.layers,
                format::WEIGHTS => &mut sections.weights,
                format::PARAMS => &mut sections.params,
                format::META => &mut sections.meta,
                _ if kind[0].is_ascii_lowercase() => continue,
                _ => return Err(bad("only sections that this version knows")),
            };
            if !place.is_empty() {
                return Err(bad("each section once"));
            }
            *place = body;
        }
        Ok(sections)
    }
}

/// A file of the sections that have a body, with its header.
#[cfg(feature = "alloc")]
pub(super) fn write(sections: &[([u8; 4], Vec<u8>)]) -> Result<Vec<u8>, Error> {
    let sections = || sections.iter().filter(|(_, body)| !body.is_empty());
    let count = sections().count();
    let mut file = vec![0; format::HEADER_BYTES + count * format::SECTION_BYTES];
    for (i, (kind, body)) in sections().enumerate() {
        pad_to(&mut file, format::ALIGN);
        let entry = format::HEADER_BYTES + i * format::SECTION_BYTES;
        let at: u32 = small("bytes of the file", file.len())?;
        let len: u32 = small("bytes of a section", body.len())?;
        put(&mut file, entry, kind);
        put(&mut file, entry + 4, &at.to_le_bytes());
        put(&mut file, entry + 8, &len.to_le_bytes());
        file.extend_from_slice(body);
    }
    let bytes: u32 = small("bytes of the file", file.len())?;
    let count: u32 = small("sections", count)?;
    put(&mut file, 0, &format::MAGIC);
    put(&mut file, format::AT_MAJOR, &format::MAJOR.to_le_bytes());
    put(&mut file, format::AT_MINOR, &format::MINOR.to_le_bytes());
    put(&mut file, format::AT_FILE_BYTES, &bytes.to_le_bytes());
    put(&mut file, format::AT_SECTIONS, &count.to_le_bytes());
    let crc = crc32(&[&file[..format::AT_CRC], &file[format::AT_SECTIONS..]]);
    put(&mut file, format::AT_CRC, &crc.to_le_bytes());
    Ok(file)
}

#[cfg(feature = "alloc")]
/// A number in the room that the format has for it.
pub(super) fn small<T: TryFrom<usize>>(what: &'static str, n: usize) -> Result<T, Error> {
    T::try_from(n).map_err(|_| match size_of::<T>() {
        // The largest number is of use to know where it is not astronomical.
        bytes @ 1..=2 => Error::OutOfRange {
            what,
            max: (1 << (8 * bytes)) - 1,
            found: n,
        },
        _ => Error::Overflow { what },
    })
}

#[cfg(feature = "alloc")]
pub(super) fn pad_to(bytes: &mut Vec<u8>, align: usize) {
    bytes.resize(bytes.len().next_multiple_of(align), 0);
}

#[cfg(feature = "alloc")]
fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}
