//! What a node of a file is, told to tools.

use core::fmt;

use super::record::{NodeRecord, kind, values, weights};
use super::schedule::replaced;
use crate::conv::Windows;
use crate::model::reader::Model;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Values {
    /// Elements in {-1, +1}.
    Bits,
    /// Unsigned integers of `depth` bits, a byte each; only a model's input has them.
    Unsigned {
        /// Bits in use, 1 to 8.
        depth: u8,
    },
    /// Signed integers of 16 bits, which stand for `v * 2^-exponent`; they saturate.
    Fixed {
        /// The exponent `e`, from -16 to 31: `v` stands for `v * 2^-e`.
        exponent: i8,
    },
    /// `f32`.
    Real,
    /// Signed integers of 32 bits, which stand for `v * 2^-exponent`: of a model's output alone.
    Integer {
        /// The exponent `e`, from -16 to 31: `v` stands for `v * 2^-e`.
        exponent: i8,
    },
}

impl fmt::Display for Values {
    /// `+-1 bits`, `u8`, `i16 * 2^-8`, `f32` or `i32 * 2^-8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Values::Bits => f.write_str("+-1 bits"),
            Values::Unsigned { depth } => write!(f, "u{depth}"),
            Values::Fixed { exponent } => write!(f, "i16 * 2^{}", -i16::from(exponent)),
            Values::Real => f.write_str("f32"),
            Values::Integer { exponent } => write!(f, "i32 * 2^{}", -i16::from(exponent)),
        }
    }
}

/// A node of a model file, and what it costs.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct NodeInfo {
    /// The name of the operation.
    pub operation: &'static str,
    /// The nodes that it reads; none of the input.
    pub inputs: [Option<usize>; 2],
    /// `[height, width, channels]` of its tensor.
    pub shape: [usize; 3],
    /// The type of its tensor.
    pub values: Values,
    /// The windows of a product or a pool.
    pub windows: Option<Windows>,
    /// Groups of channels of a product; 0 of others.
    pub groups: usize,
    /// Weights of a product.
    pub weights: usize,
    /// Bits of a weight.
    pub weight_bits: usize,
    /// Bytes that its weights and parameters take in the file.
    pub bytes: usize,
    /// Operations of a run of one sample.
    pub operations: u64,
    /// Where its rows lie while a model runs in place.
    pub memory: NodeMemory,
}

/// Where the rows of a node's tensor lie while a model runs in place.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeMemory {
    /// In the caller's memory: those of the first and the last node.
    Caller,
    /// In a buffer of its own, of so many rows of so many bytes each.
    Rows {
        /// Rows at once.
        rows: usize,
        /// Bytes of a row.
        row_bytes: usize,
    },
    /// In the place of the rows of the input with this number.
    InPlaceOf(usize),
    /// In memory that all such nodes share, until the next step takes the row.
    PassedOn,
}

impl NodeMemory {
    /// Bytes of a buffer of its own.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match *self {
            NodeMemory::Rows { rows, row_bytes } => rows * row_bytes,
            _ => 0,
        }
    }
}

/// The nodes of a graph, the input first; none of a chain.
#[doc(hidden)]
pub fn nodes(model: &Model<'_>) -> impl ExactSizeIterator<Item = NodeInfo> {
    let count = if model.is_graph() {
        model.records.len()
    } else {
        0
    };
    (0..count).map(move |index| model.node_info(index))
}

/// The exponent of the integers that a model gives out: `v` stands for `v * 2^-exponent`. 0 for a
/// chain, and where the outputs are no integers.
#[doc(hidden)]
pub fn output_exponent(model: &Model<'_>) -> i8 {
    match nodes(model).last().map(|node| node.values) {
        Some(Values::Integer { exponent }) => exponent,
        _ => 0,
    }
}

impl Model<'_> {
    fn node_info(&self, index: usize) -> NodeInfo {
        let record = NodeRecord::of(self.records, index).unwrap_or_default();
        let node = self.node(index);
        let [a, b] = record.inputs;
        let arity = record.arity();
        let is_product = record.kind == kind::PRODUCT;
        let k = node.map_or(0, |node| if is_product { node.row_len() } else { 0 });
        NodeInfo {
            operation: name(record.kind),
            inputs: [
                (arity > 0).then_some(a.into()),
                (arity > 1).then_some(b.into()),
            ],
            shape: record.shape().sizes(),
            values: values_of(&record),
            windows: node
                .filter(|_| record.is_windowed())
                .map(|node| record.window.over(node.input.sides)),
            groups: record.groups.into(),
            weights: k.saturating_mul(record.channels as usize),
            weight_bits: match record.weights {
                _ if !is_product => 0,
                weights::BITS => 1,
                weights::I8 => 8,
                _ => 32,
            },
            bytes: node.map_or(0, |node| node.bytes()),
            operations: self.node_operations(index),
            memory: match replaced(self.records, &record) {
                _ if index == 0 || record.last == 0 => NodeMemory::Caller,
                Some(input) => NodeMemory::InPlaceOf(input),
                None if record.passes_on() => NodeMemory::PassedOn,
                None => NodeMemory::Rows {
                    rows: record.rows.into(),
                    row_bytes: record.row_words() * size_of::<u64>(),
                },
            },
        }
    }
}

pub(super) fn values_of(record: &NodeRecord) -> Values {
    let exponent = record.exponent;
    match record.values {
        values::BITS => Values::Bits,
        values::FIXED => Values::Fixed { exponent },
        values::REAL => Values::Real,
        values::INTEGER => Values::Integer { exponent },
        depth => Values::Unsigned { depth },
    }
}

fn name(code: u8) -> &'static str {
    match code {
        kind::INPUT => "input",
        kind::PRODUCT => "product",
        kind::ADD => "add",
        kind::CONCAT => "concat",
        kind::AFFINE => "affine",
        kind::RELU => "relu",
        kind::PRELU => "prelu",
        kind::RPRELU => "rprelu",
        kind::CLAMP => "clamp",
        kind::AVERAGE_POOL => "average pool",
        kind::MAX_POOL => "max pool",
        kind::SIGN => "sign",
        kind::CROP => "crop",
        _ => "flatten",
    }
}
