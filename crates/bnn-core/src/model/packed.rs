//! Models whose weights are laid out for this CPU: faster for many samples, in memory of their own.

use alloc::vec::Vec;
use core::ops::Range;

use super::error::ModelError;
use super::layer::{Epilogue, InputType, Layer};
use super::plan::Regions;
use super::reader::Model;
use super::runner::{Input, OUTPUT_TYPE, Output, check_run, disjoint, reach};
use crate::bits::{BitMatrix, BitMatrixView};
use crate::conv::{
    Conv2d, ConvOptions, Images, PackedFilters, Pool2d, conv2d_bits, conv2d_f32, conv2d_i32,
    max_pool2d,
};
use crate::gemm::epilogue::{Affine, RawSums, Threshold};
use crate::gemm::{Activations, PackedWeights, compute, operands};
use crate::kernel::Kernel;
use crate::planes::Planes;
use crate::shape::{mul, positive, row_len, row_words};

/// A model whose weights are laid out for this CPU's kernel: faster than [`Model::run`] for many
/// samples, the same results.
#[derive(Clone, Debug)]
pub struct PackedModel<'a> {
    model: Model<'a>,
    layers: Layers<'a>,
}

#[derive(Clone, Debug)]
enum Layers<'a> {
    /// All of them dense: they run in scratch memory.
    Dense(Vec<PackedWeights>),
    /// Convolutions and pools first: each makes a whole batch of images.
    Maps(Vec<Map<'a>>),
}

#[derive(Clone, Debug)]
enum Map<'a> {
    Convolution {
        filters: PackedFilters,
        epilogue: Epilogue<'a>,
    },
    Pool(Pool2d),
}

impl<'a> PackedModel<'a> {
    /// Lays out the weights of all layers: as many bytes again as they have in the file, the outputs
    /// of each layer rounded up to a multiple of 32.
    ///
    /// # Errors
    /// As [`Kernel::active`](crate::Kernel::active).
    pub fn new(model: Model<'a>) -> Result<Self, ModelError> {
        let layers = if model.spatial() == 0 {
            let weights = model.layers().filter_map(|layer| layer.weights());
            let weights = weights.map(PackedWeights::new);
            Layers::Dense(weights.collect::<Result<_, _>>()?)
        } else {
            Layers::Maps(model.layers().map(Map::new).collect::<Result<_, _>>()?)
        };
        Ok(Self { model, layers })
    }

    /// As [`Model::run`]. Convolutions and pools run layer by layer, on all samples at once, and allocate what
    /// they write.
    ///
    /// # Errors
    /// As [`Model::run`], and where the images between layers do not fit memory's addresses.
    pub fn run(
        &self,
        samples: usize,
        input: Input<'_>,
        output: Output<'_>,
        scratch: &mut [u64],
    ) -> Result<(), ModelError> {
        check_run(&self.model, samples, &input, &output, scratch)?;
        match &self.layers {
            Layers::Dense(weights) => {
                run_dense(&self.model, weights, samples, input, output, scratch)
            }
            Layers::Maps(maps) => run_maps(&self.model, maps, samples, input, output),
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
        let product = model.product(&record, k);
        let activations: Activations<'_> = match (product.input, input.take()) {
            (InputType::Unsigned { depth }, Some(Input::Bytes(x))) => {
                Planes::split_checked(x, k, k, depth.into(), kernel, work).into()
            }
            (_, Some(Input::Bytes(x))) => {
                reach_rows(x, product.input_thresholds, work);
                BitMatrixView::trusted(work, samples, k).into()
            }
            // `check_run` has read it.
            (_, Some(Input::Bits(x))) => BitMatrixView::trusted(x, samples, k).into(),
            _ => BitMatrixView::trusted(read, samples, k).into(),
        };
        let (a, w) = operands(activations, weights.into())?;
        let last_output = match write.is_empty() {
            true => output.take(),
            false => Some(Output::Bits(write)),
        };
        // Sizes and types fit: the file was checked in `open`, the caller's output just now.
        match (product.epilogue, last_output) {
            (Epilogue::Sums, Some(Output::I32(y))) => compute(&a, &w, &RawSums, y, n),
            (Epilogue::Affine { scale, bias }, Some(Output::F32(y))) => {
                compute(&a, &w, &Affine { scale, bias }, y, n);
            }
            (Epilogue::Threshold(thresholds), Some(Output::Bits(y))) => {
                compute(&a, &w, &Threshold(thresholds), y, row_words(n));
            }
            _ => return Err(OUTPUT_TYPE), // `check_run` has refused it before
        }
    }
    Ok(())
}

impl<'a> Map<'a> {
    fn new(layer: Layer<'a>) -> Result<Self, ModelError> {
        let (conv, filters, epilogue) = match layer {
            Layer::MaxPool2d(pool) => return Ok(Map::Pool(pool)),
            Layer::Conv2d {
                conv,
                filters,
                epilogue,
                ..
            } => (conv, filters, epilogue),
            // A dense layer is a convolution of images of one pixel.
            Layer::Dense {
                weights, epilogue, ..
            } => {
                let (n, k) = (weights.rows(), weights.cols());
                let conv = Conv2d::new([1, 1, k], n, [1, 1], ConvOptions::default())?;
                (conv, weights, epilogue)
            }
        };
        Ok(Map::Convolution {
            filters: PackedFilters::new(&conv, filters)?,
            epilogue,
        })
    }

    /// Pixels of an output and channels.
    fn output(&self) -> [usize; 2] {
        let ([height, width], channels) = match self {
            Map::Convolution { filters, .. } => (
                filters.conv().windows().output_size(),
                filters.conv().outputs(),
            ),
            Map::Pool(pool) => (pool.windows().output_size(), pool.channels()),
        };
        [height * width, channels]
    }
}

/// [`reach`] of rows without gaps, one threshold for each element of a row.
fn reach_rows(x: &[u8], thresholds: &[u8], bits: &mut [u64]) {
    let k = positive(thresholds.len());
    let rows = bits.chunks_exact_mut(row_len(k));
    for (x, bits) in x.chunks_exact(k).zip(rows) {
        reach(x, thresholds, bits);
    }
}

fn run_maps(
    model: &Model<'_>,
    maps: &[Map<'_>],
    samples: usize,
    input: Input<'_>,
    output: Output<'_>,
) -> Result<(), ModelError> {
    let [height, width, channels] = model.input_shape();
    let mut bits;
    let mut images: Images<'_> = match (input, model.input().1) {
        (Input::Bits(x), _) => BitMatrixView::trusted(x, samples * height * width, channels).into(),
        (Input::Bytes(x), InputType::Unsigned { depth }) => Images::Unsigned {
            x,
            depth: depth.into(),
        },
        (Input::Bytes(x), _) => {
            let thresholds = model.layers().next().map(|layer| layer.input_thresholds());
            bits = BitMatrix::zeros(samples * height * width, channels)?;
            reach_rows(
                x,
                thresholds.unwrap_or_default(),
                bits.view_mut().words_mut(),
            );
            bits.view().into()
        }
    };
    let mut output = Some(output);
    let mut held;
    for (i, map) in maps.iter().enumerate() {
        let [pixels, n] = map.output();
        let last = if i + 1 == maps.len() {
            output.take()
        } else {
            None
        };
        match (map, last) {
            (
                Map::Convolution {
                    filters,
                    epilogue: Epilogue::Sums,
                },
                Some(Output::I32(y)),
            ) => {
                conv2d_i32(images, filters, y, n)?;
            }
            (
                Map::Convolution {
                    filters,
                    epilogue: Epilogue::Affine { scale, bias },
                },
                Some(Output::F32(y)),
            ) => conv2d_f32(images, filters, scale, bias, y, n)?,
            (map, last) => {
                let mut out = BitMatrix::zeros(mul("pixels of all images", samples, pixels)?, n)?;
                match (map, images) {
                    (
                        Map::Convolution {
                            filters,
                            epilogue: Epilogue::Threshold(t),
                        },
                        images,
                    ) => {
                        conv2d_bits(images, filters, *t, &mut out.view_mut())?;
                    }
                    (Map::Pool(pool), Images::Bits(bits)) => {
                        max_pool2d(bits, pool, &mut out.view_mut())?;
                    }
                    _ => return Err(OUTPUT_TYPE), // likewise
                }
                if let Some(Output::Bits(y)) = last {
                    y.copy_from_slice(out.words());
                }
                held = out;
                images = held.view().into();
            }
        }
    }
    Ok(())
}
