//! A layer of a model, and the types of what goes in and comes out.

use core::fmt;

use crate::bits::BitMatrixView;
use crate::gemm::Thresholds;

/// What a model, or a layer, takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputType {
    /// Elements in {-1, +1}, packed by the bit law.
    Bits,
    /// A byte per element, less than `2^depth`.
    Unsigned {
        /// Bits in use, 1 to 8.
        depth: u8,
    },
}

/// What a model, or a layer, gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputType {
    /// Elements in {-1, +1}, packed by the bit law.
    Bits,
    /// Integer sums.
    I32,
    /// Real scores.
    F32,
}

/// A fully connected layer, read in place.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Layer<'a> {
    /// The type of its inputs.
    pub input: InputType,
    /// `[outputs, inputs]`.
    pub weights: BitMatrixView<'a>,
    /// What its sums become.
    pub ending: Ending<'a>,
}

/// What the sums of a layer become.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Ending<'a> {
    /// Nothing: they are the output.
    Sums,
    /// `scale * sum + bias`, in `f32`, rounded twice; one of each per output.
    Affine {
        /// Factors.
        scale: &'a [f32],
        /// Summands.
        bias: &'a [f32],
    },
    /// The bits `sum >= threshold`; one threshold per output.
    Threshold(Thresholds<'a>),
}

impl InputType {
    /// The largest magnitude of an element.
    pub(super) fn most(self) -> usize {
        match self {
            InputType::Bits => 1,
            InputType::Unsigned { depth } => (1 << depth) - 1,
        }
    }
}

impl fmt::Display for InputType {
    /// `+-1 bits`, or `u5` for five bits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputType::Bits => f.write_str("+-1 bits"),
            InputType::Unsigned { depth } => write!(f, "u{depth}"),
        }
    }
}

impl fmt::Display for OutputType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OutputType::Bits => "+-1 bits",
            OutputType::I32 => "i32",
            OutputType::F32 => "f32",
        })
    }
}

impl Ending<'_> {
    /// Bytes that its parameters take in the file.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Ending::Sums => 0,
            Ending::Affine { scale, bias } => size_of_val(*scale) + size_of_val(*bias),
            Ending::Threshold(Thresholds::I16(t)) => size_of_val(*t),
            Ending::Threshold(Thresholds::I32(t)) => size_of_val(*t),
        }
    }
}

impl Layer<'_> {
    /// The type of its outputs.
    #[must_use]
    pub fn output(&self) -> OutputType {
        match self.ending {
            Ending::Sums => OutputType::I32,
            Ending::Affine { .. } => OutputType::F32,
            Ending::Threshold(_) => OutputType::Bits,
        }
    }

    /// Bytes that its weights and parameters take in the file.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.weights.words()) + self.ending.bytes()
    }
}
