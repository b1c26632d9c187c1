//! The outer form of a model file: its header, its checksum, its sections.

#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};

use super::crc::crc32;
use super::fault::Fault;
use super::format;
#[cfg(feature = "alloc")]
use crate::error::Error;

/// The sections' bytes; empty where there is none.
#[derive(Default)]
pub(super) struct Sections<'a> {
    pub(super) layers: &'a [u8],
    pub(super) weights: &'a [u8],
    pub(super) params: &'a [u8],
    pub(super) meta: &'a [u8],
}

impl<'a> Sections<'a> {
    /// Finds the sections of a file, having checked all that is said around them.
    pub(super) fn find(bytes: &'a [u8]) -> Result<Self, Fault> {
        let count = check_header(bytes)?;
        // The table is whole words, at an address for words.
        let (entries, _) = bytes.as_chunks::<{ format::SECTION_BYTES }>();
        let table = entries.get(format::HEADER_BYTES / format::SECTION_BYTES..);
        let table = table.and_then(|entries| entries.get(..count));
        let table: &[[u32; 4]] =
            bytemuck::try_cast_slice(table.ok_or(Fault::Table)?).map_err(|_| Fault::Alignment)?;
        let mut sections = Self::default();
        let mut end = format::HEADER_BYTES + size_of_val(table);
        for &[kind, at, len, zero] in table {
            let (at, len) = (at as usize, len as usize);
            if zero != 0 {
                return Err(Fault::TableReserved);
            }
            let body = bytes.get(at..).and_then(|rest| rest.get(..len));
            let (Some(body), true) = (body, at >= end && at.is_multiple_of(format::ALIGN)) else {
                return Err(Fault::SectionPlace);
            };
            end = at + len;
            let kind = kind.to_le_bytes();
            let place = match kind {
                format::LAYERS => &mut sections.layers,
                format::WEIGHTS => &mut sections.weights,
                format::PARAMS => &mut sections.params,
                format::META => &mut sections.meta,
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

/// Checks all that the header says of the file; gives the number of sections.
fn check_header(bytes: &[u8]) -> Result<usize, Fault> {
    if bytes.first_chunk() != Some(&format::MAGIC) {
        return Err(Fault::NotAModel);
    }
    let header = bytes.first_chunk::<{ format::HEADER_BYTES }>();
    let header = header.ok_or(Fault::Size)?;
    if !bytes.as_ptr().addr().is_multiple_of(format::ALIGN) {
        return Err(Fault::Alignment);
    }
    let header: &[u32; 8] = bytemuck::try_cast_ref(header).map_err(|_| Fault::Alignment)?;
    let &[_, _, version, size, crc, sections, zero, zero_too] = header;
    if version as u16 != format::MAJOR {
        return Err(Fault::Version);
    }
    if size as usize != bytes.len() {
        return Err(Fault::Size);
    }
    if checksum(bytes) != crc {
        return Err(Fault::Checksum);
    }
    if zero | zero_too != 0 {
        return Err(Fault::HeaderReserved);
    }
    Ok(sections as usize)
}

/// The checksum of all bytes of a file but those that state it.
pub(super) fn checksum(file: &[u8]) -> u32 {
    let before = file.get(..format::AT_CRC).unwrap_or_default();
    let after = file.get(format::AT_SECTIONS..).unwrap_or_default();
    crc32(&[before, after])
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
