//! Where things lie in a model file: the one description that reader and writer share.
//! All numbers are little-endian; see `docs/MODEL_FORMAT.md`.

/// The first bytes: not text, and damaged by any transfer that treats files as text (as PNG's).
pub(super) const MAGIC: [u8; 8] = *b"\x89BNN\r\n\x1a\n";
pub(super) const MAJOR: u16 = 1;
#[cfg(feature = "alloc")]
pub(super) const MINOR: u16 = 0;

pub(super) const HEADER_BYTES: usize = 32;
pub(super) const AT_MAJOR: usize = 8;
#[cfg(feature = "alloc")]
pub(super) const AT_MINOR: usize = 10;
pub(super) const AT_FILE_BYTES: usize = 12;
pub(super) const AT_CRC: usize = 16;
pub(super) const AT_SECTIONS: usize = 20;
/// From here to the header's end: zero.
pub(super) const AT_RESERVED: usize = 24;

/// Kind (4 letters), offset, bytes, zero.
pub(super) const SECTION_BYTES: usize = 16;
pub(super) const LAYERS: [u8; 4] = *b"LAYR";
pub(super) const WEIGHTS: [u8; 4] = *b"WGTS";
pub(super) const PARAMS: [u8; 4] = *b"PARM";
/// A lower-case first letter: a reader that does not know the section may skip it.
pub(super) const META: [u8; 4] = *b"meta";

/// Every section begins at a multiple of this, as do the words in it.
pub(super) const ALIGN: usize = 8;

pub(super) const RECORD_BYTES: usize = 48;
pub(super) const KIND_DENSE: u8 = 1;

/// Where the numbers lie in a record that [`Sizes`](super::Sizes) reads.
pub(super) struct RecordOffsets {
    pub(super) input_depth: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) work_at: usize,
    pub(super) output_at: usize,
}
pub(super) const AT_LAYER: RecordOffsets = RecordOffsets {
    input_depth: 1,
    inputs: 4,
    outputs: 8,
    work_at: 24,
    output_at: 28,
};

/// What a layer's sums become.
pub(super) mod ending {
    pub(in super::super) const SUMS: u8 = 0;
    pub(in super::super) const AFFINE_F32: u8 = 1;
    pub(in super::super) const THRESHOLD_I16: u8 = 2;
    pub(in super::super) const THRESHOLD_I32: u8 = 3;
}

/// A layer as the file has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: u8,
    /// Bits per input element if they are unsigned integers, 0 if they are +-1.
    pub(super) input_depth: u8,
    pub(super) ending: u8,
    pub(super) inputs: u32,
    pub(super) outputs: u32,
    /// Bytes from the begin of the weight section; the weights are `outputs * row_words(inputs)`
    /// words, canonical.
    pub(super) weights_at: u32,
    /// Bytes from the begin of the parameter section.
    pub(super) params_at: u32,
    /// Words of scratch memory per sample: where the layer reads, where it works and where it writes.
    pub(super) input_at: u32,
    pub(super) work_at: u32,
    pub(super) output_at: u32,
}

impl Record {
    /// `None` where reserved bytes are not zero.
    pub(super) fn decode(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (words, _) = bytes.as_chunks::<4>();
        let (head, rest) = words.split_first()?;
        let [kind, input_depth, ending, zero] = *head;
        let (numbers, reserved) = rest.split_first_chunk::<7>()?;
        if zero != 0 || reserved.as_flattened().iter().any(|&b| b != 0) {
            return None;
        }
        let [
            inputs,
            outputs,
            weights_at,
            params_at,
            input_at,
            work_at,
            output_at,
        ] = numbers.map(u32::from_le_bytes);
        Some(Self {
            kind,
            input_depth,
            ending,
            inputs,
            outputs,
            weights_at,
            params_at,
            input_at,
            work_at,
            output_at,
        })
    }

    #[cfg(feature = "alloc")]
    pub(super) fn encode(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..3].copy_from_slice(&[self.kind, self.input_depth, self.ending]);
        let numbers = [
            self.inputs,
            self.outputs,
            self.weights_at,
            self.params_at,
            self.input_at,
            self.work_at,
            self.output_at,
        ];
        for (to, number) in bytes[4..].chunks_exact_mut(4).zip(numbers) {
            to.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}

/// The `u32` at byte `at`, if it lies inside.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|b| u32::from_le_bytes(*b))
}

/// The `u16` at byte `at`, if it lies inside.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|b| u16::from_le_bytes(*b))
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_written() {
        let record = Record {
            kind: 1,
            input_depth: 2,
            ending: 3,
            inputs: 4,
            outputs: 5,
            weights_at: 6,
            params_at: 7,
            input_at: 8,
            work_at: 9,
            output_at: u32::MAX,
        };
        assert_eq!(Record::decode(&record.encode()), Some(record));
        let mut bytes = record.encode();
        bytes[RECORD_BYTES - 1] = 1;
        assert_eq!(Record::decode(&bytes), None);
    }
}
