//! A layer of a model, and the types of what goes in and comes out.

use core::fmt;

use crate::bits::BitMatrixView;
#[cfg(feature = "conv")]
use crate::conv::{Conv2d, Pool2d};
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
    /// A byte per element, of which the model makes a bit: +1 where it reaches the threshold of its channel
    /// ([`Layer::input_thresholds`]).
    Thresholds,
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

/// A layer, read in place. A model has convolutions and pools first, which slide windows over images, and
/// dense layers behind them; there may be none of either.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Layer<'a> {
    /// A fully connected layer.
    Dense {
        /// The type of its inputs.
        input: InputType,
        /// See [`Layer::input_thresholds`].
        input_thresholds: &'a [u8],
        /// `[outputs, inputs]`.
        weights: BitMatrixView<'a>,
        /// What its sums become.
        epilogue: Epilogue<'a>,
    },
    /// A convolution. With a kernel as large as the image it is the fully connected layer behind a
    /// flattened image, whose inputs are in the order rows, columns, channels.
    #[cfg(feature = "conv")]
    Conv2d {
        /// The type of its inputs.
        input: InputType,
        /// See [`Layer::input_thresholds`].
        input_thresholds: &'a [u8],
        /// Its shape.
        conv: Conv2d,
        /// `[outputs, patch_len]`.
        filters: BitMatrixView<'a>,
        /// What its sums become.
        epilogue: Epilogue<'a>,
    },
    /// The largest of each window, from bits to bits.
    #[cfg(feature = "conv")]
    MaxPool2d(Pool2d),
}

/// What the sums of a layer become.
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

impl<'a> Layer<'a> {
    /// What kind of layer it is, for people: `dense`, `conv2d` or `max_pool2d`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Layer::Dense { .. } => "dense",
            #[cfg(feature = "conv")]
            Layer::Conv2d { .. } => "conv2d",
            #[cfg(feature = "conv")]
            Layer::MaxPool2d(_) => "max_pool2d",
        }
    }

    /// The type of its inputs.
    #[must_use]
    pub fn input(&self) -> InputType {
        match *self {
            Layer::Dense { input, .. } => input,
            #[cfg(feature = "conv")]
            Layer::Conv2d { input, .. } => input,
            #[cfg(feature = "conv")]
            Layer::MaxPool2d(_) => InputType::Bits,
        }
    }

    /// The thresholds that make bits of bytes, one per channel: of a layer whose input is
    /// [`InputType::Thresholds`]; else there are none.
    #[must_use]
    pub fn input_thresholds(&self) -> &'a [u8] {
        match *self {
            Layer::Dense {
                input_thresholds, ..
            } => input_thresholds,
            #[cfg(feature = "conv")]
            Layer::Conv2d {
                input_thresholds, ..
            } => input_thresholds,
            #[cfg(feature = "conv")]
            Layer::MaxPool2d(_) => &[],
        }
    }

    /// `[height, width, channels]` of its input; a dense layer's is one pixel.
    #[must_use]
    pub fn input_shape(&self) -> [usize; 3] {
        match self {
            Layer::Dense { weights, .. } => [1, 1, weights.cols()],
            #[cfg(feature = "conv")]
            Layer::Conv2d { conv, .. } => shape(conv.windows().input_size(), conv.channels()),
            #[cfg(feature = "conv")]
            Layer::MaxPool2d(pool) => shape(pool.windows().input_size(), pool.channels()),
        }
    }

    /// The type of its outputs.
    #[must_use]
    pub fn output(&self) -> OutputType {
        match self.epilogue() {
            Some(Epilogue::Sums) => OutputType::I32,
            Some(Epilogue::Affine { .. }) => OutputType::F32,
            Some(Epilogue::Threshold(_)) | None => OutputType::Bits,
        }
    }

    /// `[height, width, channels]` of its output; a dense layer's is one pixel.
    #[must_use]
    pub fn output_shape(&self) -> [usize; 3] {
        match self {
            Layer::Dense { weights, .. } => [1, 1, weights.rows()],
            #[cfg(feature = "conv")]
            Layer::Conv2d { conv, .. } => shape(conv.windows().output_size(), conv.outputs()),
            #[cfg(feature = "conv")]
            Layer::MaxPool2d(pool) => shape(pool.windows().output_size(), pool.channels()),
        }
    }

    /// Its weights: a row per output, or per filter; a pool has none.
    #[must_use]
    pub fn weights(&self) -> Option<BitMatrixView<'a>> {
        match *self {
            Layer::Dense { weights, .. } => Some(weights),
            #[cfg(feature = "conv")]
            Layer::Conv2d { filters, .. } => Some(filters),
            #[cfg(feature = "conv")]
            Layer::MaxPool2d(_) => None,
        }
    }

    /// What its sums become; a pool has none.
    #[must_use]
    pub fn epilogue(&self) -> Option<Epilogue<'a>> {
        match *self {
            Layer::Dense { epilogue, .. } => Some(epilogue),
            #[cfg(feature = "conv")]
            Layer::Conv2d { epilogue, .. } => Some(epilogue),
            #[cfg(feature = "conv")]
            Layer::MaxPool2d(_) => None,
        }
    }

    /// Operations of a run of one sample: products of a bit of its input (of each of its bits, of integers) with a
    /// weight; of a pool, elements under all windows. `u64::MAX` if there are more.
    #[must_use]
    pub fn operations(&self) -> u64 {
        let [height, width, channels] = self.output_shape();
        let per_output = match *self {
            Layer::Dense { input, weights, .. } => [weights.cols(), input.depth()],
            #[cfg(feature = "conv")]
            Layer::Conv2d { input, conv, .. } => [conv.patch_len(), input.depth()],
            #[cfg(feature = "conv")]
            Layer::MaxPool2d(pool) => pool.windows().kernel(),
        };
        let factors = [height, width, channels].into_iter().chain(per_output);
        factors.fold(1, |product, n| product.saturating_mul(n as u64))
    }

    /// Bytes that its weights and parameters take in the file.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let weights = self.weights().map_or(0, |w| size_of_val(w.words()));
        let thresholds = self.input_thresholds().len().next_multiple_of(4);
        weights + thresholds + self.epilogue().map_or(0, |epilogue| epilogue.bytes())
    }
}

#[cfg(feature = "conv")]
fn shape([height, width]: [usize; 2], channels: usize) -> [usize; 3] {
    [height, width, channels]
}
