//! Models whose weights are laid out for this CPU: faster for many samples, in memory of their own.

use alloc::vec::Vec;
use core::ops::Range;

use super::arguments::check_samples;
use super::error::ModelError;
use super::io::{Input, OUTPUT_TYPE, Output, disjoint, reach};
use super::layer::{Epilogue, InputType, Layer, LayerKind};
use super::plan::Regions;
use super::reader::Model;
use super::workspaces::Workspaces;
use crate::bits::{BitMatrix, BitMatrixView, BitMatrixViewMut};
use crate::conv::{
    Conv2d, ConvOptions, Images, PackedFilters, Pool2d, conv2d_bits, conv2d_f32, conv2d_i32,
    max_pool2d,
};
use crate::error::Error;
use crate::gemm::epilogue::{Affine, RawSums, Threshold};
use crate::gemm::{Activations, PackedWeights, compute, operands};
use crate::kernel::Kernel;
use crate::planes::Planes;
use crate::shape::{mul, positive, row_len, row_words};

/// A model whose weights are laid out for this CPU's kernel: faster than [`Model::run`], the same
/// results.
///
/// Threads may share it: a run only reads it. The memory that runs work in is kept for the next
/// ones, one workspace for each run at once.
#[derive(Clone, Debug)]
pub struct PackedModel<'a> {
    model: Model<'a>,
    layers: Layers<'a>,
    workspaces: Workspaces,
}

#[derive(Clone, Debug)]
enum Layers<'a> {
    /// All of them dense: they run in scratch memory.
    Dense(Vec<PackedWeights>),
    /// Convolutions and pools first: each makes a whole batch of images.
    Images(Vec<ImageLayer<'a>>),
}

#[derive(Clone, Debug)]
enum ImageLayer<'a> {
    Convolution {
        filters: PackedFilters,
        epilogue: Epilogue<'a>,
    },
    Pool(Pool2d),
}

impl<'a> PackedModel<'a> {
    /// Lays out the weights of all layers: as many bytes again as they have in the file, the
    /// outputs of each layer rounded up to a multiple of 32.
    ///
    /// # Errors
    /// As [`Kernel::active`](crate::Kernel::active).
    pub fn new(model: Model<'a>) -> Result<Self, ModelError> {
        let layers = if model.spatial() == 0 {
            let weights = model.layers().filter_map(|layer| layer.weights);
            let weights = weights.map(PackedWeights::new);
            Layers::Dense(weights.collect::<Result<_, _>>()?)
        } else {
            Layers::Images(
                model
                    .layers()
                    .map(ImageLayer::new)
                    .collect::<Result<_, _>>()?,
            )
        };
        Ok(Self {
            model,
            layers,
            workspaces: Workspaces::new(),
        })
    }

    /// As [`Model::run`], on as many threads of the ambient rayon pool as the work is worth, and in
    /// memory of its own.
    ///
    /// # Errors
    /// As [`Model::run`], and [`Error::OutOfMemory`]. Nothing is written then.
    pub fn run(
        &self,
        samples: usize,
        input: Input<'_>,
        output: Output<'_>,
    ) -> Result<(), ModelError> {
        check_samples(&self.model, samples, &input, &output)?;
        match &self.layers {
            Layers::Dense(weights) => self.workspaces.with(|workspace| {
                let scratch = workspace.words(self.model.scratch_words(samples)?)?;
                run_dense(&self.model, weights, samples, input, output, scratch)
            }),
            Layers::Images(layers) => run_images(&self.model, layers, samples, input, output),
        }
    }
}

/// Runs dense layers, each on all samples at once.
fn run_dense(
    model: &Model<'_>,
    weights: &[PackedWeights],
    samples: usize,
    input: Input<'_>,
    output: Output<'_>,
    scratch: &mut [u64],
) -> Result<(), ModelError> {
    let (mut input, mut output) = (Some(input), Some(output));
    let kernel = Kernel::active()?;
    for (index, weights) in weights.iter().enumerate() {
        let Some(record) = model.record(index) else {
            continue; // there are as many layers as weights
        };
        // No overflow: `scratch_words(samples)` is not less, and fits.
        let scaled = |region: Range<usize>| region.start * samples..region.end * samples;
        let regions = model.regions(index, &record);
        let [read, work, write] = disjoint(
            scratch,
            Regions {
                input: scaled(regions.input),
                work: scaled(regions.work),
                output: scaled(regions.output),
            },
        );
        let (n, k) = (weights.rows(), weights.cols());
        let layer = model.layer_weights(&record, k);
        let activations: Activations<'_> = match (layer.input, input.take()) {
            (InputType::Unsigned { depth }, Some(Input::Bytes(x))) => {
                Planes::split_checked(x, k, k, depth.into(), kernel, work).into()
            }
            (_, Some(Input::Bytes(x))) => {
                reach_rows(x, layer.input_thresholds, work);
                BitMatrixView::trusted(work, samples, k).into()
            }
            // `check_samples` has read it.
            (_, Some(Input::Bits(x))) => BitMatrixView::trusted(x, samples, k).into(),
            _ => BitMatrixView::trusted(read, samples, k).into(),
        };
        let (a, w) = operands(activations, weights.into())?;
        let last_output = match write.is_empty() {
            true => output.take(),
            false => Some(Output::Bits(write)),
        };
        // Sizes and types fit: the file was checked in `open`, the caller's output just now.
        match (layer.epilogue, last_output) {
            (Epilogue::Sums, Some(Output::I32(y))) => compute(&a, &w, &RawSums, y, n),
            (Epilogue::Affine { scale, bias }, Some(Output::F32(y))) => {
                compute(&a, &w, &Affine { scale, bias }, y, n);
            }
            (Epilogue::Threshold(thresholds), Some(Output::Bits(y))) => {
                compute(&a, &w, &Threshold(thresholds), y, row_words(n));
            }
            _ => return Err(OUTPUT_TYPE), // `check_samples` has refused it before
        }
    }
    Ok(())
}

/// [`reach`] of rows without gaps, one threshold for each element of a row.
fn reach_rows(x: &[u8], thresholds: &[u8], bits: &mut [u64]) {
    let k = positive(thresholds.len());
    let rows = bits.chunks_exact_mut(row_len(k));
    for (x, bits) in x.chunks_exact(k).zip(rows) {
        reach(x, thresholds, bits);
    }
}

impl<'a> ImageLayer<'a> {
    fn new(layer: Layer<'a>) -> Result<Self, ModelError> {
        let conv = match layer.kind {
            LayerKind::MaxPool2d(pool) => return Ok(ImageLayer::Pool(pool)),
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
        Ok(ImageLayer::Convolution {
            filters: PackedFilters::new(&conv, filters)?,
            epilogue,
        })
    }

    /// Pixels of an output and channels.
    fn output(&self) -> [usize; 2] {
        let (windows, channels) = match self {
            ImageLayer::Convolution { filters, .. } => {
                (filters.conv().windows(), filters.conv().outputs())
            }
            ImageLayer::Pool(pool) => (pool.windows(), pool.channels()),
        };
        [windows.output_pixels(), channels]
    }

    /// Runs on all images at once.
    fn run(&self, images: Images<'_>, output: Output<'_>) -> Result<(), ModelError> {
        let [_, n] = self.output();
        match (self, output) {
            (ImageLayer::Pool(pool), Output::Bits(y)) => {
                let Images::Bits(bits) = images else {
                    return Err(OUTPUT_TYPE); // `open` has refused a pool of anything else
                };
                max_pool2d(bits, pool, &mut rows(y, n)?)?;
            }
            (ImageLayer::Convolution { filters, epilogue }, output) => match (*epilogue, output) {
                (Epilogue::Sums, Output::I32(y)) => conv2d_i32(images, filters, y, n)?,
                (Epilogue::Affine { scale, bias }, Output::F32(y)) => {
                    conv2d_f32(images, filters, scale, bias, y, n)?;
                }
                (Epilogue::Threshold(thresholds), Output::Bits(y)) => {
                    conv2d_bits(images, filters, thresholds, &mut rows(y, n)?)?;
                }
                _ => return Err(OUTPUT_TYPE), // `check_samples` has refused it before
            },
            _ => return Err(OUTPUT_TYPE),
        }
        Ok(())
    }
}

/// All of `words` as rows of `n` bits.
fn rows(words: &mut [u64], n: usize) -> Result<BitMatrixViewMut<'_>, Error> {
    let count = words.len() / row_len(n);
    BitMatrixViewMut::cleared(words, count, n)
}

/// Runs layers of which the first ones are convolutions and pools, each on all samples at once.
fn run_images(
    model: &Model<'_>,
    layers: &[ImageLayer<'_>],
    samples: usize,
    input: Input<'_>,
    output: Output<'_>,
) -> Result<(), ModelError> {
    let [height, width, channels] = model.input_shape();
    let pixels = mul("pixels of all images", samples, height * width)?;
    // The bits between layers; at first those that thresholds make of bytes.
    let mut bits;
    let mut images: Images<'_> = match (input, model.input().1) {
        (Input::Bits(x), _) => BitMatrixView::trusted(x, pixels, channels).into(),
        (Input::Bytes(x), InputType::Unsigned { depth }) => Images::Unsigned {
            x,
            depth: depth.into(),
        },
        (Input::Bytes(x), _) => {
            let thresholds = model.layers().next().map(|layer| layer.input_thresholds);
            let thresholds = thresholds.unwrap_or_default();
            bits = BitMatrix::zeros(pixels, channels)?;
            reach_rows(x, thresholds, bits.view_mut().words_mut());
            bits.view().into()
        }
    };
    let Some((last, layers)) = layers.split_last() else {
        return Ok(()); // a model has a layer
    };
    for layer in layers {
        let [pixels, n] = layer.output();
        let mut out = BitMatrix::zeros(mul("pixels of all images", samples, pixels)?, n)?;
        layer.run(images, Output::Bits(out.view_mut().words_mut()))?;
        bits = out;
        images = bits.view().into();
    }
    last.run(images, output)
}
