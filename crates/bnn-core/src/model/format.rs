//! The layout of a model file, shared by reader and writer. All numbers are little-endian; see
//! `docs/MODEL_FORMAT.md`.

use super::bytes::part;
use super::crc::crc32;
use super::layer::{InputType, OutputType};

/// The first bytes: not text, and damaged by any transfer that treats files as text (as PNG's).
pub(super) const MAGIC: [u8; 8] = *b"\x89BNN\r\n\x1a\n";
pub(super) const MAJOR: u16 = 1;
/// The major version of graphs.
pub(super) const MAJOR_OF_GRAPHS: u16 = 2;

/// The newest major version that this build reads.
pub(super) const NEWEST: u16 = if GRAPH { MAJOR_OF_GRAPHS } else { MAJOR };

pub(super) const HEADER_BYTES: usize = 32;
pub(super) const AT_MAJOR: usize = 8;
pub(super) const AT_FILE_BYTES: usize = 12;
pub(super) const AT_CRC: usize = 16;
pub(super) const AT_SECTIONS: usize = 20;
pub(super) const AT_ZERO: usize = 24;

/// Kind (4 letters), offset, bytes, zero.
pub(super) const SECTION_BYTES: usize = 16;
pub(super) const LAYERS: [u8; 4] = *b"LAYR";
pub(super) const NODES: [u8; 4] = *b"NODE";
pub(super) const WEIGHTS: [u8; 4] = *b"WGTS";
pub(super) const PARAMS: [u8; 4] = *b"PARM";
/// A lower-case first letter: a reader that does not know the section may skip it.
pub(super) const META: [u8; 4] = *b"meta";

/// Every section begins at a multiple of this, as do the words in it.
pub(super) const ALIGN: usize = 8;

pub(super) const RECORD_BYTES: usize = 48;

/// The kinds of layers.
pub(super) mod kind {
    pub(in super::super) const DENSE: u8 = 1;
    pub(in super::super) const CONV2D: u8 = 2;
    pub(in super::super) const MAX_POOL2D: u8 = 3;
}

/// Whether this build runs convolutions and pools.
pub(super) const CONV: bool = cfg!(feature = "conv");
/// Whether this build runs graphs.
pub(super) const GRAPH: bool = cfg!(feature = "graph");

/// The input of a layer: 1 to 8 are unsigned integers of that many bits.
pub(super) mod input {
    pub(in super::super) const BITS: u8 = 0;
    pub(in super::super) const MAX_DEPTH: u8 = crate::planes::MAX_DEPTH as u8;
    pub(in super::super) const THRESHOLDS: u8 = 9;
}

/// The padding of a convolution.
#[cfg_attr(
    not(feature = "conv"),
    expect(dead_code, reason = "only windows reach into padding")
)]
pub(super) mod pad {
    pub(in super::super) const ZERO: u8 = 0;
    pub(in super::super) const MINUS_ONE: u8 = 1;
    pub(in super::super) const PLUS_ONE: u8 = 2;
}

/// The epilogues of layers.
pub(super) mod epilogue {
    pub(in super::super) const SUMS: u8 = 0;
    pub(in super::super) const AFFINE_F32: u8 = 1;
    pub(in super::super) const THRESHOLD_I16: u8 = 2;
    pub(in super::super) const THRESHOLD_I32: u8 = 3;
}

/// A layer record of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: u8,
    pub(super) input: u8,
    pub(super) epilogue: u8,
    pub(super) pad: u8,
    /// Inputs of a dense layer, channels of a pixel in a spatial one.
    pub(super) inputs: u32,
    pub(super) outputs: u32,
    /// Bytes from the begin of the weight section; the weights are `outputs` rows of whole words,
    /// canonical.
    pub(super) weights_at: u32,
    /// Bytes from the begin of the parameter section.
    pub(super) params_at: u32,
    /// Words of scratch memory per sample: where the layer reads, where it works and where it
    /// writes.
    pub(super) input_at: u32,
    pub(super) work_at: u32,
    pub(super) output_at: u32,
    pub(super) window: WindowRecord,
}

/// The window of a spatial layer (a convolution or a pool) and the image that it slides over; all
/// zeros in a dense layer. Pairs are `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WindowRecord {
    pub(super) image: [u16; 2],
    pub(super) kernel: [u8; 2],
    pub(super) stride: [u8; 2],
    /// Above, below, left and right of the image.
    pub(super) padding: [u8; 4],
    pub(super) dilation: [u8; 2],
    pub(super) groups: u16,
}

/// The shape of an image, in little memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Height and width.
    pub(super) sides: [u16; 2],
    pub(super) channels: u32,
}

impl Shape {
    pub(super) const NONE: Self = Self {
        sides: [0; 2],
        channels: 0,
    };

    /// `[height, width, channels]`.
    pub(super) const fn sizes(self) -> [usize; 3] {
        let [height, width] = self.sides;
        [height as usize, width as usize, self.channels as usize]
    }

    pub(super) const fn is(self, other: Self) -> bool {
        let ([a, b], [x, y]) = (self.sides, other.sides);
        a == x && b == y && self.channels == other.channels
    }
}

impl WindowRecord {
    pub(super) const fn is_zero(&self) -> bool {
        let [[a, b], [c, d]] = [self.kernel, self.stride];
        let ([height, width], [e, f]) = (self.image, self.dilation);
        let bytes = a | b | c | d | e | f;
        let padding = u32::from_le_bytes(self.padding);
        bytes == 0 && padding == 0 && height | width | self.groups == 0
    }
}

/// The type of inputs that has the code. `None`: a code that is unknown.
pub(super) const fn input_type(code: u8) -> Option<InputType> {
    match code {
        input::BITS => Some(InputType::Bits),
        depth @ 1..=input::MAX_DEPTH => Some(InputType::Unsigned { depth }),
        input::THRESHOLDS => Some(InputType::Thresholds),
        _ => None,
    }
}

/// The number at a byte of a record.
pub(super) const fn u32_of(b: &[u8; RECORD_BYTES], at: usize) -> u32 {
    u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

/// The number at a byte of a record.
pub(super) const fn u16_of(b: &[u8; RECORD_BYTES], at: usize) -> u16 {
    u16::from_le_bytes([b[at], b[at + 1]])
}

impl Record {
    /// Decodes any bytes, in constants too.
    pub(super) const fn decode(bytes: &[u8; RECORD_BYTES]) -> Self {
        let b = bytes;
        Self {
            kind: b[0],
            input: b[1],
            epilogue: b[2],
            pad: b[3],
            inputs: u32_of(b, 4),
            outputs: u32_of(b, 8),
            weights_at: u32_of(b, 12),
            params_at: u32_of(b, 16),
            input_at: u32_of(b, 20),
            work_at: u32_of(b, 24),
            output_at: u32_of(b, 28),
            window: WindowRecord {
                image: [u16_of(b, 32), u16_of(b, 34)],
                kernel: [b[36], b[37]],
                stride: [b[38], b[39]],
                padding: [b[40], b[41], b[42], b[43]],
                dilation: [b[44], b[45]],
                groups: u16_of(b, 46),
            },
        }
    }

    /// Whether the layer slides a window over an image, and this build knows of such layers.
    pub(super) const fn is_spatial(&self) -> bool {
        CONV && matches!(self.kind, kind::CONV2D | kind::MAX_POOL2D)
    }

    /// `None`: a code that is unknown.
    pub(super) const fn input_type(&self) -> Option<InputType> {
        input_type(self.input)
    }

    /// The type of the outputs; a pool's are bits.
    pub(super) const fn output_type(&self) -> OutputType {
        match self.epilogue {
            _ if self.kind == kind::MAX_POOL2D => OutputType::Bits,
            epilogue::SUMS => OutputType::I32,
            epilogue::AFFINE_F32 => OutputType::F32,
            _ => OutputType::Bits,
        }
    }

    /// The shape of the input, which is one pixel in a dense layer.
    pub(super) const fn input_shape(&self) -> Shape {
        Shape {
            sides: match self.is_spatial() {
                true => self.window.image,
                false => [1, 1],
            },
            channels: self.inputs,
        }
    }

    /// Bytes of parameters that an output has, and what they are aligned to. `None`: an unknown
    /// epilogue.
    pub(super) const fn params(&self) -> Option<(usize, usize)> {
        match self.epilogue {
            // Alone, the thresholds of inputs have no alignment; parameters after them have their
            // own.
            epilogue::SUMS => Some((0, 1)),
            epilogue::AFFINE_F32 => Some((2 * size_of::<f32>(), size_of::<f32>())),
            epilogue::THRESHOLD_I16 => Some((size_of::<i16>(), size_of::<i16>())),
            epilogue::THRESHOLD_I32 => Some((size_of::<i32>(), size_of::<i32>())),
            _ => None,
        }
    }

    /// Bytes in front of the parameters of the outputs: thresholds of the inputs, rounded up to
    /// whole words of 32 bits.
    pub(super) const fn input_params(&self) -> usize {
        match self.input {
            input::THRESHOLDS => (self.inputs as usize).saturating_add(3) & !3,
            _ => 0,
        }
    }
}

/// The `u32` at byte `at`, if it lies inside.
pub(super) const fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    match part(bytes, at, 4) {
        Some(&[a, b, c, d]) => Some(u32::from_le_bytes([a, b, c, d])),
        _ => None,
    }
}

/// The `u32` at byte `at`; 0 where that does not lie inside.
pub(super) const fn number(bytes: &[u8], at: usize) -> u32 {
    match u32_at(bytes, at) {
        Some(number) => number,
        None => 0,
    }
}

/// The checksum of all bytes of a file but those that state it.
pub(super) const fn checksum(file: &[u8]) -> u32 {
    match (part(file, 0, AT_CRC), file.split_at_checked(AT_SECTIONS)) {
        (Some(before), Some((_, after))) => crc32(&[before, after]),
        _ => 0, // no header
    }
}
