//! A layer whose weights are laid out for this CPU, over images or rows of bits.

use super::error::ModelError;
use super::io::{OUTPUT_TYPE, Output};
use super::layer::{Epilogue, InputType, Layer, LayerKind};
use crate::bits::BitMatrixViewMut;
use crate::conv::product::BitLayer;
use crate::conv::{
    Conv2d, ConvOptions, Images, PackedFilters, Pool2d, conv2d_f32, conv2d_i32, max_pool2d,
};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::shape::{row_len, row_words};
use crate::window::Windows;

/// A layer of a packed model.
#[derive(Clone, Debug)]
pub(super) struct PackedLayer<'a> {
    /// Pixels of an output.
    pub(super) pixels: usize,
    pub(super) channels: usize,
    operation: PackedOperation<'a>,
}

#[derive(Clone, Debug)]
enum PackedOperation<'a> {
    Bits(BitLayer<'a>),
    Sums(PackedFilters),
    Affine {
        filters: PackedFilters,
        scale: &'a [f32],
        bias: &'a [f32],
    },
    Pool(Pool2d),
}

impl<'a> PackedLayer<'a> {
    pub(super) fn new(layer: Layer<'a>) -> Result<Self, ModelError> {
        let conv = match layer.kind {
            LayerKind::MaxPool2d(pool) => {
                let operation = PackedOperation::Pool(pool);
                return Ok(Self::of(operation, pool.windows(), pool.channels()));
            }
            LayerKind::Conv2d(conv) => conv,
            // A dense layer is a convolution of images of one pixel.
            LayerKind::Dense => {
                let [.., outputs] = layer.output_shape;
                let options = ConvOptions::default();
                Conv2d::new(layer.input_shape, outputs, [1, 1], options)?
            }
        };
        let (Some(filters), Some(epilogue)) = (layer.weights, layer.epilogue) else {
            return Err(Error::Zero { what: "weights" }.into()); // all but pools have them
        };
        let filters = match layer.input {
            InputType::Unsigned { depth } => {
                PackedFilters::for_bytes(Kernel::active()?, &conv, filters, depth.into())?
            }
            InputType::Bits | InputType::Thresholds => PackedFilters::new(&conv, filters)?,
        };
        let operation = match epilogue {
            Epilogue::Sums => PackedOperation::Sums(filters),
            Epilogue::Affine { scale, bias } => PackedOperation::Affine {
                filters,
                scale,
                bias,
            },
            Epilogue::Threshold(thresholds) => {
                PackedOperation::Bits(BitLayer::new(filters, thresholds)?)
            }
        };
        Ok(Self::of(operation, conv.windows(), conv.outputs()))
    }

    fn of(operation: PackedOperation<'a>, windows: &Windows, channels: usize) -> Self {
        Self {
            pixels: windows.output_pixels(),
            channels,
            operation,
        }
    }

    /// Words of an output of bits.
    pub(super) fn output_words(&self) -> usize {
        self.pixels * row_words(self.channels)
    }

    /// Bytes of what is laid out for the kernel.
    pub(super) fn bytes(&self) -> usize {
        match &self.operation {
            PackedOperation::Bits(layer) => layer.bytes(),
            PackedOperation::Sums(filters) | PackedOperation::Affine { filters, .. } => {
                filters.bytes()
            }
            PackedOperation::Pool(_) => 0,
        }
    }

    /// Writes all of the output.
    pub(super) fn run(&self, images: Images<'_>, output: Output<'_>) -> Result<(), ModelError> {
        let n = self.channels;
        match (&self.operation, output) {
            (PackedOperation::Pool(pool), Output::Bits(y)) => {
                let Images::Bits(bits) = images else {
                    return Err(OUTPUT_TYPE); // `open` has refused a pool of anything else
                };
                let rows = y.len() / row_len(n);
                max_pool2d(bits, pool, &mut BitMatrixViewMut::cleared(y, rows, n)?)?;
            }
            (PackedOperation::Bits(layer), Output::Bits(y)) => layer.run(images, y)?,
            (PackedOperation::Sums(filters), Output::I32(y)) => conv2d_i32(images, filters, y, n)?,
            (
                PackedOperation::Affine {
                    filters,
                    scale,
                    bias,
                },
                Output::F32(y),
            ) => conv2d_f32(images, filters, scale, bias, y, n)?,
            _ => return Err(OUTPUT_TYPE), // `check_samples` has refused it before
        }
        Ok(())
    }
}
