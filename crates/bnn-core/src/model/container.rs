//! The outer form of a model file: its header, its checksum, its sections.

use super::crc::crc32;
use super::error::ModelError;
use super::format::{self, u16_at, u32_at};

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
        let bad = |expected| ModelError::Section { expected };
        let count = u32_at(bytes, format::AT_SECTIONS).unwrap_or_default() as usize;
        let table = count
            .checked_mul(format::SECTION_BYTES)
            .and_then(|len| bytes.get(format::HEADER_BYTES..)?.get(..len))
            .ok_or(bad("the section table inside the file"))?;
        let mut sections = Self::default();
        let mut end = format::HEADER_BYTES + table.len();
        let (entries, _) = table.as_chunks::<{ format::SECTION_BYTES }>();
        for entry in entries {
            let (&kind, _) = entry
                .split_first_chunk::<4>()
                .ok_or(bad("a section kind"))?;
            let number = |at| u32_at(entry, at).unwrap_or_default() as usize;
            let (at, len) = (number(4), number(8));
            if number(12) != 0 {
                return Err(bad("zero reserved bytes in the section table"));
            }
            let body = bytes.get(at..).and_then(|b| b.get(..len));
            let body = body
                .filter(|_| at.is_multiple_of(format::ALIGN) && at >= end)
                .ok_or(bad("aligned sections inside the file, one after the other"))?;
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
