//! The work of a layer of any kind for one sample.

use bnn_core::model::{InputType, Layer, OutputType};

use super::sliding::Sliding;

/// The products of a layer: each of `rows` rows of `patch` inputs is multiplied with the weights of
/// `outputs` outputs. A dense layer has one row, the sample; a convolution has one row per output
/// pixel; a pool has no products.
pub(crate) struct Work {
    /// How the layer slides a window over an image, if it does.
    pub(crate) sliding: Option<Sliding>,
    pub(crate) rows: u64,
    pub(crate) patch: u64,
    pub(crate) outputs: u64,
    /// Bits of an unsigned input, each of which takes its own product; `None` if the inputs are
    /// signs.
    pub(crate) depth: Option<u64>,
    /// Input bytes that thresholds turn into bits; 0 for inputs of other types.
    pub(crate) compared: u64,
    pub(crate) epilogue: Epilogue,
}

/// What becomes of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Epilogue {
    Bit,
    Sum,
    Real,
}

impl Work {
    pub(crate) fn of(layer: &Layer<'_>) -> Self {
        let [height, width, _] = layer.output_shape;
        let [outputs, patch] = layer.weights.map_or([0; 2], |w| [w.rows(), w.cols()]);
        Self {
            sliding: Sliding::of(layer),
            rows: (height * width) as u64,
            patch: patch as u64,
            outputs: outputs as u64,
            depth: match layer.input {
                InputType::Unsigned { depth } => Some(depth.into()),
                _ => None,
            },
            compared: match layer.input {
                InputType::Thresholds => layer.input_shape.iter().product::<usize>() as u64,
                _ => 0,
            },
            epilogue: match layer.output {
                OutputType::F32 => Epilogue::Real,
                OutputType::I32 => Epilogue::Sum,
                _ => Epilogue::Bit,
            },
        }
    }

    /// Words of a row.
    pub(crate) fn words(&self) -> u64 {
        self.patch.div_ceil(u64::BITS.into())
    }

    /// Products of two bits, each with an addition. This figure and the next saturate at
    /// `u64::MAX`.
    pub(crate) fn binary_macs(&self) -> u64 {
        self.for_each_output(self.patch)
    }

    /// Words that are compared with words of weights.
    pub(crate) fn word_operations(&self) -> u64 {
        self.for_each_output(self.words())
    }

    fn for_each_output(&self, count: u64) -> u64 {
        let factors = [self.rows, self.outputs, self.depth.unwrap_or(1)];
        factors.into_iter().fold(count, u64::saturating_mul)
    }
}
