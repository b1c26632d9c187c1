//! The container of a model file: header, checksum, sections.

use super::bytes::part;
use super::fault::{Fault, ok};
use super::format::{self, checksum, number};

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
            format::MAJOR_OF_GRAPHS if format::GRAPH => format::NODES,
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
        format::MAJOR_OF_GRAPHS if format::GRAPH => {}
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
