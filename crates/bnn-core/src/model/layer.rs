//! A layer of a model, and the types of what goes in and comes out.

#[cfg_attr(not(feature = "conv"), path = "layer/dense_kind.rs")]
mod kind;

use core::fmt;

use crate::bits::BitMatrixView;
use crate::gemm::Thresholds;

pub use kind::LayerKind;

/// The type of the inputs of a model or a layer.
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
    /// A byte per element, of which the model makes a bit: +1 where it reaches the threshold of its
    /// channel ([`Layer::input_thresholds`]).
    Thresholds,
}

/// The type of the outputs of a model or a layer.
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

/// A layer, read in place: its weights and parameters are slices of the model's file.
///
/// A model has convolutions and pools first, which slide windows over images, and dense layers
/// after them; there may be none of either. Shapes are `[height, width, channels]`; the image of a
/// dense layer is one pixel.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Layer<'a> {
    /// The operation of the layer.
    pub kind: LayerKind,
    /// The type of its inputs.
    pub input: InputType,
    /// The shape of its input.
    pub input_shape: [usize; 3],
    /// The thresholds that make bits of bytes, one per channel, if the input is
    /// [`InputType::Thresholds`]; else empty.
    pub input_thresholds: &'a [u8],
    /// Packed weights: a row per output, `[outputs, inputs]` of a dense layer, `[outputs,
    /// patch_len]` of a convolution. A pool has none.
    pub weights: Option<BitMatrixView<'a>>,
    /// The step that its sums go through. A pool has no sums.
    pub epilogue: Option<Epilogue<'a>>,
    /// The type of its outputs.
    pub output: OutputType,
    /// The shape of its output.
    pub output_shape: [usize; 3],
}

/// The step that the sums of a layer go through.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Epilogue<'a> {
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
    /// Bits of an element that are multiplied.
    fn depth(self) -> usize {
        match self {
            InputType::Bits | InputType::Thresholds => 1,
            InputType::Unsigned { depth } => depth.into(),
        }
    }

    /// The largest magnitude of an element.
    pub(super) const fn most(self) -> usize {
        match self {
            InputType::Bits | InputType::Thresholds => 1,
            InputType::Unsigned { depth } => (1 << depth) - 1,
        }
    }
}

impl fmt::Display for InputType {
    /// `+-1 bits`, `u5` for five bits, or `u8, made bits by thresholds`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputType::Bits => f.write_str("+-1 bits"),
            InputType::Unsigned { depth } => write!(f, "u{depth}"),
            InputType::Thresholds => f.write_str("u8, made bits by thresholds"),
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

impl Epilogue<'_> {
    /// Bytes that its parameters take in the file.
    fn bytes(&self) -> usize {
        match self {
            Epilogue::Sums => 0,
            Epilogue::Affine { scale, bias } => size_of_val(*scale) + size_of_val(*bias),
            Epilogue::Threshold(Thresholds::I16(t)) => size_of_val(*t),
            Epilogue::Threshold(Thresholds::I32(t)) => size_of_val(*t),
        }
    }
}

impl Layer<'_> {
    /// Operations of a run of one sample: products of a bit of the input (of each of its bits, if
    /// it is integers) with a weight; of a pool, elements under all windows. `u64::MAX` if there
    /// are more.
    #[must_use]
    pub fn operations(&self) -> u64 {
        let products = || [self.weights.map_or(0, |w| w.cols()), self.input.depth()];
        let per_output = self.kind.pool_window().unwrap_or_else(products);
        let factors = self.output_shape.into_iter().chain(per_output);
        factors.fold(1, |product, n| product.saturating_mul(n as u64))
    }

    /// Bytes that its weights and parameters take in the file.
    #[must_use]
    #[doc(hidden)]
    pub fn bytes(&self) -> usize {
        let weights = self.weights.map_or(0, |w| size_of_val(w.words()));
        let thresholds = self.input_thresholds.len().next_multiple_of(4);
        weights + thresholds + self.epilogue.map_or(0, |epilogue| epilogue.bytes())
    }
}
