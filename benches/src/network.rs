//! The float network of the shapes of a model file, for whole networks to be compared with.

#[cfg(test)]
mod laws;

use std::sync::Mutex;

use bnn_core::conv::{Conv2d, Pool2d, Windows};
use bnn_core::model::{Epilogue, Layer, LayerKind, Model};
use bnn_core::{Error, unpack};
use rayon::prelude::*;

use crate::f32_gemm::{F32Gemm, F32Weights};
use crate::im2col::im2col;

/// A network of floats with the layers of a model: convolutions by im2col and a product (depthwise
/// ones tap by tap), a bias and ReLU after each of them, max pools. Weights are packed for the
/// library beforehand.
///
/// Images go one by one through the layers that give images, so that they stay in the cache; the
/// layers after them take a block of samples at a time, so that products are large. Threads share
/// the samples.
#[derive(Debug)]
pub struct FloatNetwork {
    images: Vec<FloatLayer>,
    rows: Vec<FloatLayer>,
    input_len: usize,
    output_len: usize,
    /// The working memory of each thread.
    rooms: Vec<Mutex<Room>>,
}

/// Samples that the last layers take at once.
const BLOCK: usize = 16;

#[derive(Debug)]
enum FloatLayer {
    Convolution {
        conv: Conv2d,
        /// A product for each group.
        groups: Vec<F32Weights>,
        after: After,
    },
    Depthwise {
        conv: Conv2d,
        /// `[tap][channel]`.
        taps: Vec<f32>,
        after: After,
    },
    Pool(Pool2d),
    /// Each of `pixels` pixels by itself, or a whole image.
    Dense {
        weights: F32Weights,
        pixels: usize,
        after: After,
    },
}

/// What is done with the sums of a layer.
#[derive(Debug)]
struct After {
    bias: Vec<f32>,
    relu: bool,
}

/// The memory that a thread works in.
#[derive(Debug, Default)]
struct Room {
    /// Input and output of a layer.
    maps: [Vec<f32>; 2],
    patches: Vec<f32>,
    group: Vec<f32>,
}

impl FloatNetwork {
    /// A network of the shapes of `model`, for at most `threads` threads.
    ///
    /// # Errors
    /// A kind of layer that this network does not have, and a graph, which has none.
    pub fn new(model: &Model<'_>, threads: usize) -> Result<Self, Error> {
        if model.layers().next().is_none() {
            return Err(Error::Unsupported {
                what: "a float network of a graph",
            });
        }
        let layers = model.layers().map(|layer| FloatLayer::new(&layer));
        let mut images: Vec<_> = layers.collect::<Result<_, _>>()?;
        let first = images.iter().rposition(|layer| !layer.takes_rows());
        let rows = images.split_off(first.map_or(0, |last| last + 1));
        Ok(Self {
            images,
            rows,
            input_len: model.input_shape().iter().product(),
            output_len: model.output_shape().iter().product(),
            rooms: (0..threads.max(1)).map(|_| Mutex::default()).collect(),
        })
    }

    /// Runs the samples `x` on the threads of the current rayon pool.
    pub fn run(&self, library: F32Gemm, x: &[f32], y: &mut [f32]) {
        let inputs = x.par_chunks(BLOCK * self.input_len);
        let outputs = y.par_chunks_mut(BLOCK * self.output_len);
        inputs.zip(outputs).for_each(|(x, y)| {
            let thread = rayon::current_thread_index().unwrap_or(0);
            let room = self.rooms.get(thread).and_then(|room| room.try_lock().ok());
            match room {
                Some(mut room) => self.run_block(library, x, y, &mut room),
                // Inside a product of its own that waits for other threads.
                None => self.run_block(library, x, y, &mut Room::default()),
            }
        });
    }

    fn run_block(&self, library: F32Gemm, x: &[f32], y: &mut [f32], room: &mut Room) {
        let samples = x.len() / self.input_len;
        let mut rows = Vec::with_capacity(samples * self.input_len);
        for image in x.chunks(self.input_len) {
            let Room {
                maps: [from, to],
                patches,
                group,
            } = &mut *room;
            from.clear();
            from.extend_from_slice(image);
            for layer in &self.images {
                layer.run(library, 1, from, to, patches, group);
                std::mem::swap(from, to);
            }
            rows.extend_from_slice(from);
        }
        let Room {
            maps: [_, to],
            patches,
            group,
        } = room;
        for layer in &self.rows {
            layer.run(library, samples, &rows, to, patches, group);
            std::mem::swap(&mut rows, to);
        }
        y.copy_from_slice(&rows);
    }
}

impl FloatLayer {
    fn new(layer: &Layer<'_>) -> Result<Self, Error> {
        let unsupported = Error::Unsupported {
            what: "a layer of a kind that the float network does not have",
        };
        if let LayerKind::MaxPool2d(pool) = layer.kind {
            return Ok(FloatLayer::Pool(pool));
        }
        let Some(weights) = layer.weights else {
            return Err(unsupported);
        };
        let (n, k) = (weights.rows(), weights.cols());
        let mut floats = vec![0.0; n * k];
        unpack(weights, &mut floats, k)?;
        let after = match layer.epilogue {
            Some(Epilogue::Affine { bias, .. }) => After {
                bias: bias.to_vec(),
                relu: false,
            },
            _ => After {
                bias: (0..n).map(|i| (i % 7) as f32 - 3.0).collect(),
                relu: matches!(layer.epilogue, Some(Epilogue::Threshold(_))),
            },
        };
        let [height, width, channels] = layer.input_shape;
        match layer.kind {
            LayerKind::Dense => Ok(FloatLayer::Dense {
                weights: F32Weights::new(n, k, floats),
                pixels: height * width,
                after,
            }),
            LayerKind::Conv2d(conv)
                if conv.windows().output_size() == [1, 1] && k == height * width * channels =>
            {
                let weights = F32Weights::new(n, k, floats);
                let pixels = 1;
                Ok(FloatLayer::Dense {
                    weights,
                    pixels,
                    after,
                })
            }
            LayerKind::Conv2d(conv) if conv.groups() == channels && n == channels => {
                let taps = (0..k).flat_map(|tap| (0..n).map(move |c| (c, tap)));
                let taps = taps.map(|(c, tap)| floats[c * k + tap]).collect();
                Ok(FloatLayer::Depthwise { conv, taps, after })
            }
            LayerKind::Conv2d(conv) => {
                let each = n / conv.groups();
                let groups = floats.chunks(each * k);
                let groups = groups.map(|rows| F32Weights::new(each, k, rows.to_vec()));
                Ok(FloatLayer::Convolution {
                    conv,
                    groups: groups.collect(),
                    after,
                })
            }
            _ => Err(unsupported),
        }
    }

    /// Whether a sample is a row to it, not an image.
    fn takes_rows(&self) -> bool {
        matches!(self, FloatLayer::Dense { pixels: 1, .. })
    }

    fn run(
        &self,
        library: F32Gemm,
        samples: usize,
        x: &[f32],
        y: &mut Vec<f32>,
        patches: &mut Vec<f32>,
        group: &mut Vec<f32>,
    ) {
        match self {
            FloatLayer::Dense {
                weights,
                pixels,
                after,
            } => {
                let m = samples * pixels;
                y.resize(m * weights.n(), 0.0);
                weights.multiply(library, m, x, y);
                after.apply(y);
            }
            FloatLayer::Convolution {
                conv,
                groups,
                after,
            } => {
                let m = pixels(conv.windows());
                y.resize(m * conv.outputs(), 0.0);
                patches.resize(m * conv.patch_len(), 0.0);
                for (g, weights) in groups.iter().enumerate() {
                    im2col(conv, g, x, patches);
                    if groups.len() == 1 {
                        weights.multiply(library, m, patches, y);
                        break;
                    }
                    let n = weights.n();
                    group.resize(m * n, 0.0);
                    weights.multiply(library, m, patches, group);
                    for (row, part) in y.chunks_mut(conv.outputs()).zip(group.chunks(n)) {
                        row[g * n..(g + 1) * n].copy_from_slice(part);
                    }
                }
                after.apply(y);
            }
            FloatLayer::Depthwise { conv, taps, after } => {
                y.resize(pixels(conv.windows()) * conv.outputs(), 0.0);
                y.fill(0.0);
                let channels = conv.channels();
                for_each_tap(conv.windows(), |window, pixel, tap| {
                    let out = &mut y[window * channels..(window + 1) * channels];
                    let from = &x[pixel * channels..(pixel + 1) * channels];
                    let weights = &taps[tap * channels..(tap + 1) * channels];
                    for ((out, from), weight) in out.iter_mut().zip(from).zip(weights) {
                        *out += from * weight;
                    }
                });
                after.apply(y);
            }
            FloatLayer::Pool(pool) => {
                y.resize(pixels(pool.windows()) * pool.channels(), 0.0);
                y.fill(f32::NEG_INFINITY);
                let channels = pool.channels();
                for_each_tap(pool.windows(), |window, pixel, _| {
                    let out = &mut y[window * channels..(window + 1) * channels];
                    let from = &x[pixel * channels..(pixel + 1) * channels];
                    for (out, from) in out.iter_mut().zip(from) {
                        *out = out.max(*from);
                    }
                });
            }
        }
    }
}

impl After {
    fn apply(&self, y: &mut [f32]) {
        for row in y.chunks_mut(self.bias.len()) {
            for (y, bias) in row.iter_mut().zip(&self.bias) {
                let sum = *y + bias;
                *y = if self.relu { sum.max(0.0) } else { sum };
            }
        }
    }
}

/// Pixels of an output.
fn pixels(windows: &Windows) -> usize {
    windows.output_size().iter().product()
}

/// Calls `work` with each window, each pixel of the image under it, and the number of its tap.
fn for_each_tap(windows: &Windows, mut work: impl FnMut(usize, usize, usize)) {
    let ([height, width], [rows, cols]) = (windows.input_size(), windows.output_size());
    let ([kernel_height, kernel_width], [down, right]) = (windows.kernel(), windows.stride());
    let ([far_down, far_right], [top, left]) = (windows.dilation(), windows.padding_before());
    for window in 0..rows * cols {
        let (row, col) = (window / cols * down, window % cols * right);
        for tap in 0..kernel_height * kernel_width {
            let y = (row + tap / kernel_width * far_down).checked_sub(top);
            let x = (col + tap % kernel_width * far_right).checked_sub(left);
            if let (Some(y), Some(x)) = (y.filter(|y| *y < height), x.filter(|x| *x < width)) {
                work(window, y * width + x, tap);
            }
        }
    }
}
