//! What a writer writes besides the contents: the container, and the records of layers.

use alloc::{vec, vec::Vec};

use crate::error::Error;
use crate::model::format::{self, RECORD_BYTES, Record, checksum};

const MINOR: u16 = 0;
const AT_MINOR: usize = 10;

/// A file of the sections that have a body, with its header.
pub(in crate::model) fn write(
    major: u16,
    sections: &[([u8; 4], Vec<u8>)],
) -> Result<Vec<u8>, Error> {
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
    put(&mut file, AT_MINOR, &MINOR.to_le_bytes());
    put(&mut file, format::AT_FILE_BYTES, &bytes.to_le_bytes());
    put(&mut file, format::AT_SECTIONS, &count.to_le_bytes());
    let crc = checksum(&file);
    put(&mut file, format::AT_CRC, &crc.to_le_bytes());
    Ok(file)
}

/// A number in the room that the format has for it.
pub(in crate::model) fn small<T: TryFrom<usize>>(what: &'static str, n: usize) -> Result<T, Error> {
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

pub(in crate::model) fn pad_to(bytes: &mut Vec<u8>, align: usize) {
    bytes.resize(bytes.len().next_multiple_of(align), 0);
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Record {
    pub(in crate::model) fn encode(&self) -> [u8; RECORD_BYTES] {
        let window = &self.window;
        let [height, width] = window.image.map(u16::to_le_bytes);
        let ([kh, kw], [sh, sw], [dh, dw]) = (window.kernel, window.stride, window.dilation);
        let [group, groups] = window.groups.to_le_bytes();
        let words = [
            [self.kind, self.input, self.epilogue, self.pad],
            self.inputs.to_le_bytes(),
            self.outputs.to_le_bytes(),
            self.weights_at.to_le_bytes(),
            self.params_at.to_le_bytes(),
            self.input_at.to_le_bytes(),
            self.work_at.to_le_bytes(),
            self.output_at.to_le_bytes(),
            [height[0], height[1], width[0], width[1]],
            [kh, kw, sh, sw],
            window.padding,
            [dh, dw, group, groups],
        ];
        let mut bytes = [0; RECORD_BYTES];
        bytes.copy_from_slice(words.as_flattened());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_written() {
        let mut bytes = [0; RECORD_BYTES];
        for (byte, i) in bytes.iter_mut().zip(1..) {
            *byte = i;
        }
        let record = Record::decode(&bytes);
        assert_eq!(record.encode(), bytes);
        assert_eq!(record.pad, 4);
        assert_eq!(record.output_at, 0x201F_1E1D);
        assert_eq!(record.window.image, [0x2221, 0x2423]);
        assert_eq!(record.window.padding, [41, 42, 43, 44]);
        assert_eq!(record.window.groups, 0x302F);
    }
}
