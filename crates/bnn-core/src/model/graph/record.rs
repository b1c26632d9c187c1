//! The node records of a graph, 48 bytes each; see `docs/MODEL_FORMAT.md`.

use crate::model::format::{RECORD_BYTES, Shape, u16_of, u32_of};
use crate::shape::row_words;
use crate::window::{Axis, Windows};

/// The kinds of nodes.
pub(in crate::model) mod kind {
    pub(in crate::model) const INPUT: u8 = 0;
    pub(in crate::model) const PRODUCT: u8 = 1;
    pub(in crate::model) const ADD: u8 = 2;
    pub(in crate::model) const CONCAT: u8 = 3;
    pub(in crate::model) const AFFINE: u8 = 4;
    pub(in crate::model) const RELU: u8 = 5;
    pub(in crate::model) const PRELU: u8 = 6;
    pub(in crate::model) const RPRELU: u8 = 7;
    pub(in crate::model) const CLAMP: u8 = 8;
    pub(in crate::model) const AVERAGE_POOL: u8 = 9;
    pub(in crate::model) const MAX_POOL: u8 = 10;
    pub(in crate::model) const SIGN: u8 = 11;
    pub(in crate::model) const FLATTEN: u8 = 12;
    pub(in crate::model) const CROP: u8 = 13;
}

/// The type of a tensor's elements; 1 to 8 are unsigned integers of that many bits.
pub(in crate::model) mod values {
    pub(in crate::model) const BITS: u8 = 0;
    pub(in crate::model) const MAX_DEPTH: u8 = 8;
    pub(in crate::model) const FIXED: u8 = 16;
    pub(in crate::model) const REAL: u8 = 17;
    pub(in crate::model) const INTEGER: u8 = 18;
}

/// The weights of a product.
pub(in crate::model) mod weights {
    pub(in crate::model) const BITS: u8 = 0;
    pub(in crate::model) const I8: u8 = 1;
    pub(in crate::model) const F32: u8 = 2;
}

/// Whether this build computes with `f32`. Where it does not, `check` refuses such tensors, and the
/// compiler leaves out what would compute them.
pub(in crate::model) const FLOAT: bool = cfg!(feature = "float");

/// Nodes of a graph at most.
pub(in crate::model) const MAX_NODES: usize = 1024;

/// A node of the file, with the tensor that it computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::model) struct NodeRecord {
    pub(in crate::model) kind: u8,
    pub(in crate::model) values: u8,
    pub(in crate::model) exponent: i8,
    pub(in crate::model) pad: u8,
    /// The numbers of the nodes that it reads.
    pub(in crate::model) inputs: [u16; 2],
    /// Height and width.
    pub(in crate::model) sides: [u16; 2],
    pub(in crate::model) channels: u32,
    /// Rows that its buffer holds; 0: it has none, see [`NodeRecord::passes_on`].
    pub(in crate::model) rows: u16,
    /// The last node that reads it.
    pub(in crate::model) last: u16,
    /// The place of its buffer, in words; that of an input if its rows replace the input's.
    pub(in crate::model) at: u32,
    pub(in crate::model) weights_at: u32,
    pub(in crate::model) params_at: u32,
    pub(in crate::model) window: NodeWindow,
    pub(in crate::model) groups: u16,
    pub(in crate::model) weights: u8,
    pub(in crate::model) shift: u8,
    pub(in crate::model) reserved: u16,
}

/// The window of a product or a pool; pairs are `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::model) struct NodeWindow {
    pub(in crate::model) kernel: [u8; 2],
    pub(in crate::model) stride: [u8; 2],
    /// Above, below, left and right of the image; of a crop, the rows and columns that it cuts off.
    pub(in crate::model) padding: [u8; 4],
    pub(in crate::model) dilation: [u8; 2],
}

impl NodeWindow {
    /// The windows over an image; where none fits, their output has a size of 1.
    pub(in crate::model) const fn over(&self, [height, width]: [u16; 2]) -> Windows {
        let [_, _, left, right] = self.padding;
        Windows {
            y: self.over_rows(height),
            x: axis(
                width,
                [left, right],
                self.kernel[1],
                self.stride[1],
                self.dilation[1],
            ),
        }
    }

    /// The windows over the rows of an image.
    pub(in crate::model) const fn over_rows(&self, height: u16) -> Axis {
        let [top, bottom, _, _] = self.padding;
        axis(
            height,
            [top, bottom],
            self.kernel[0],
            self.stride[0],
            self.dilation[0],
        )
    }

    /// What is left of the window of a crop: nothing.
    pub(in crate::model) const fn cut_off(self) -> Self {
        Self {
            padding: [0; 4],
            ..self
        }
    }

    pub(in crate::model) const fn is_zero(&self) -> bool {
        let [[a, b], [c, d], [e, f]] = [self.kernel, self.stride, self.dilation];
        a | b | c | d | e | f == 0 && u32::from_le_bytes(self.padding) == 0
    }
}

const fn axis(input: u16, [before, after]: [u8; 2], kernel: u8, stride: u8, dilation: u8) -> Axis {
    let padding = [before as usize, after as usize];
    Axis::unchecked(
        input as usize,
        padding,
        kernel as usize,
        stride as usize,
        dilation as usize,
    )
}

impl NodeRecord {
    /// Decodes any bytes, in constants too.
    pub(in crate::model) const fn decode(bytes: &[u8; RECORD_BYTES]) -> Self {
        let b = bytes;
        Self {
            kind: b[0],
            values: b[1],
            exponent: b[2] as i8,
            pad: b[3],
            inputs: [u16_of(b, 4), u16_of(b, 6)],
            sides: [u16_of(b, 8), u16_of(b, 10)],
            channels: u32_of(b, 12),
            rows: u16_of(b, 16),
            last: u16_of(b, 18),
            at: u32_of(b, 20),
            weights_at: u32_of(b, 24),
            params_at: u32_of(b, 28),
            window: NodeWindow {
                kernel: [b[32], b[33]],
                stride: [b[34], b[35]],
                padding: [b[36], b[37], b[38], b[39]],
                dilation: [b[40], b[41]],
            },
            groups: u16_of(b, 42),
            weights: b[44],
            shift: b[45],
            reserved: u16_of(b, 46),
        }
    }

    /// Node `index`; `None`: there is none.
    pub(in crate::model) const fn of(records: &[[u8; RECORD_BYTES]], index: usize) -> Option<Self> {
        match records.split_at_checked(index) {
            Some((_, [record, ..])) => Some(Self::decode(record)),
            _ => None,
        }
    }

    /// Whether node `reader` names node `index` as an input, be it used or not.
    pub(in crate::model) const fn may_read(
        records: &[[u8; RECORD_BYTES]],
        reader: usize,
        index: usize,
    ) -> bool {
        match records.split_at_checked(reader) {
            Some((_, [record, ..])) => {
                u16_of(record, 4) as usize == index || u16_of(record, 6) as usize == index
            }
            _ => false,
        }
    }

    /// The height of node `index`, alone.
    pub(in crate::model) const fn height_of(
        records: &[[u8; RECORD_BYTES]],
        index: usize,
    ) -> Option<u16> {
        match records.split_at_checked(index) {
            Some((_, [record, ..])) => Some(u16_of(record, 8)),
            _ => None,
        }
    }

    /// How many inputs a node of its kind has.
    pub(in crate::model) const fn arity(&self) -> usize {
        match self.kind {
            kind::INPUT => 0,
            kind::ADD | kind::CONCAT => 2,
            _ => 1,
        }
    }

    /// Whether it reads node `index`.
    pub(in crate::model) const fn reads(&self, index: usize) -> bool {
        let [a, b] = self.inputs;
        let arity = self.arity();
        arity > 0 && a as usize == index || arity > 1 && b as usize == index
    }

    /// Whether it has no buffer: its row lies beside the patches until the next step, which takes
    /// it.
    pub(in crate::model) const fn passes_on(&self) -> bool {
        self.rows == 0 && self.last > 0
    }

    /// Whether one of its inputs, of these records, passes its rows on.
    pub(in crate::model) const fn reads_passed(&self, [a, b]: [&Self; 2]) -> bool {
        let arity = self.arity();
        arity > 0 && a.passes_on() || arity > 1 && b.passes_on()
    }

    /// Whether its rows may replace those of an input in the input's buffer.
    pub(in crate::model) const fn may_replace(&self) -> bool {
        matches!(
            self.kind,
            kind::ADD | kind::RELU | kind::PRELU | kind::RPRELU | kind::CLAMP
        )
    }

    /// Which of its inputs, of these records, its rows replace; `None`: it has a buffer of its own,
    /// or none.
    pub(in crate::model) const fn replaces(&self, [a, b]: [&Self; 2]) -> Option<usize> {
        if self.at == 0 || !self.may_replace() {
            return None;
        }
        if a.at == self.at {
            return Some(0);
        }
        match self.arity() > 1 && b.at == self.at {
            true => Some(1),
            false => None,
        }
    }

    /// Whether it slides windows over its input.
    pub(in crate::model) const fn is_windowed(&self) -> bool {
        matches!(
            self.kind,
            kind::PRODUCT | kind::AVERAGE_POOL | kind::MAX_POOL
        )
    }

    pub(in crate::model) const fn shape(&self) -> Shape {
        Shape {
            sides: self.sides,
            channels: self.channels,
        }
    }

    pub(in crate::model) const fn height(&self) -> usize {
        self.sides[0] as usize
    }

    /// Elements of a row.
    pub(in crate::model) const fn row_elements(&self) -> usize {
        self.sides[1] as usize * self.channels as usize
    }

    /// Numbers from row to row of its buffer: words of bits, else elements.
    pub(in crate::model) const fn row_stride(&self) -> usize {
        match self.values {
            values::BITS => self.row_words(),
            _ => self.row_words() * (size_of::<u64>() / self.element_bytes()),
        }
    }

    /// Numbers of a row without what follows it in a buffer: words of bits, else elements.
    pub(in crate::model) const fn row_len(&self) -> usize {
        match self.values {
            values::BITS => self.row_words(),
            _ => self.row_elements(),
        }
    }

    /// Words of a row in its buffer.
    pub(in crate::model) const fn row_words(&self) -> usize {
        match self.values {
            values::BITS => self.sides[1] as usize * row_words(self.channels as usize),
            _ => (self.row_elements() * self.element_bytes()).div_ceil(size_of::<u64>()),
        }
    }

    /// Bytes of an element that is a number.
    pub(in crate::model) const fn element_bytes(&self) -> usize {
        match self.values {
            values::FIXED => size_of::<i16>(),
            values::REAL | values::INTEGER => size_of::<f32>(),
            _ => size_of::<u8>(),
        }
    }
}

/// Words of the state of `nodes` nodes.
pub(in crate::model) const fn state_words(nodes: usize) -> usize {
    nodes.div_ceil(2)
}
