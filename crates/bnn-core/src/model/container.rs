//! The container of a model file: header, checksum, sections.

#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};

use super::bytes::part;
use super::fault::{Fault, ok};
use super::format::{self, checksum, number};
#[cfg(feature = "alloc")]
use crate::error::Error;

/// The sections' bytes; empty where there is none.
pub(super) struct Sections<'a> {
    /// The records of layers or, in a graph, of nodes.
    pub(super) layers: &'a [u8],
    pub(super) weights: &'a [u8],
    pub(super) params: &'a [u8],
    pub(super) meta: &'a [u8],
}

impl<'a> Sections<'a> {
    /// Checks the header, then finds the sections.
    pub(super) const fn find(bytes: &'a [u8]) -> Result<Self, Fault> {
        ok!(check_header(bytes));
        Self::listed(bytes)
    }

    /// The sections that the table lists.
    pub(super) const fn listed(bytes: &'a [u8]) -> Result<Self, Fault> {
        let count = number(bytes, format::AT_SECTIONS) as usize;
        let table = match count.checked_mul(format::SECTION_BYTES) {
            Some(len) => part(bytes, format::HEADER_BYTES, len),
            None => None,
        };
        let Some(table) = table else {
            return Err(Fault::Table);
        };
        let mut sections = Self {
            layers: &[],
            weights: &[],
            params: &[],
            meta: &[],
        };
        let records = match major(bytes) {
            #[cfg(feature = "graph")]
            format::MAJOR_OF_GRAPHS => format::NODES,
            _ => format::LAYERS,
        };
        let mut end = format::HEADER_BYTES + table.len();
        let (mut entries, _) = table.as_chunks::<{ format::SECTION_BYTES }>();
        while let [entry, after @ ..] = entries {
            entries = after;
            let [kind @ .., _, _, _, _, _, _, _, _, _, _, _, _] = *entry;
            let (at, len) = (number(entry, 4) as usize, number(entry, 8) as usize);
            if number(entry, 12) != 0 {
                return Err(Fault::TableReserved);
            }
            let body = match part(bytes, at, len) {
                Some(body) if at >= end && at.is_multiple_of(format::ALIGN) => body,
                _ => return Err(Fault::SectionPlace),
            };
            end = at + len;
            let place = match kind {
                format::WEIGHTS => &mut sections.weights,
                format::PARAMS => &mut sections.params,
                format::META => &mut sections.meta,
                [a, b, c, d] if u32::from_le_bytes([a, b, c, d]) == u32::from_le_bytes(records) => {
                    &mut sections.layers
                }
                [first, ..] if first.is_ascii_lowercase() => continue,
                _ => return Err(Fault::SectionUnknown),
            };
            if !place.is_empty() {
                return Err(Fault::SectionTwice);
            }
            *place = body;
        }
        Ok(sections)
    }
}

/// The major version.
pub(super) const fn major(bytes: &[u8]) -> u16 {
    number(bytes, format::AT_MAJOR) as u16
}

/// Checks the header.
const fn check_header(bytes: &[u8]) -> Result<(), Fault> {
    match bytes.first_chunk::<8>() {
        Some(&format::MAGIC) => {}
        _ => return Err(Fault::NotAModel),
    }
    if bytes.len() < format::HEADER_BYTES {
        return Err(Fault::Size);
    }
    match major(bytes) {
        format::MAJOR => {}
        #[cfg(feature = "graph")]
        format::MAJOR_OF_GRAPHS => {}
        _ => return Err(Fault::Version),
    }
    if number(bytes, format::AT_FILE_BYTES) as usize != bytes.len() {
        return Err(Fault::Size);
    }
    if checksum(bytes) != number(bytes, format::AT_CRC) {
        return Err(Fault::Checksum);
    }
    if number(bytes, format::AT_ZERO) | number(bytes, format::AT_ZERO + 4) != 0 {
        return Err(Fault::HeaderReserved);
    }
    Ok(())
}

/// A file of the sections that have a body, with its header.
#[cfg(feature = "alloc")]
pub(super) fn write(major: u16, sections: &[([u8; 4], Vec<u8>)]) -> Result<Vec<u8>, Error> {
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
    put(&mut file, format::AT_MAJOR, &major.to_le_bytes());
    put(&mut file, format::AT_MINOR, &format::MINOR.to_le_bytes());
    put(&mut file, format::AT_FILE_BYTES, &bytes.to_le_bytes());
    put(&mut file, format::AT_SECTIONS, &count.to_le_bytes());
    let crc = checksum(&file);
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
