//! Pools over images `[batch, height, width, channels]` (NHWC).

mod avg;
mod max;

pub use avg::{avg_pool2d, global_avg_pool};
pub(super) use max::Winners;
pub use max::max_pool2d;

use std::ops::Range;

use bnn_core::conv::{Conv2d, ConvOptions, Padding, Pool2d};
use rayon::prelude::*;

use super::conv2d::BatchWindows;
use crate::error::Error;
use crate::parallel::TASK_ELEMENTS;

/// The sizes of a pool of a batch.
#[derive(Clone, Debug)]
pub(super) struct PoolShape {
    pub(super) input: [usize; 4],
    pub(super) output: [usize; 4],
    pub(super) windows: BatchWindows,
    /// The taps of a window that lies completely on the image, relative to its first element.
    taps: Vec<TapStart>,
}

/// A tap on an image, and the first image element under it; the elements of the other channels
/// follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct TapStart {
    pub(super) tap: usize,
    pub(super) start: usize,
}

/// A window of a batch.
#[derive(Debug)]
pub(super) struct Window<'t> {
    /// Its elements in the output, counted from the first window of the visit.
    pub(super) elements: Range<usize>,
    pub(super) image: usize,
    /// The element that the starts of its taps are relative to.
    first: usize,
    /// The taps on the image.
    taps: &'t [TapStart],
}

/// Runs `$body` for windows of the pool `$pool`, counted through the batch, in order. It is a macro
/// because a closure would not be compiled with the vector instructions of the loop around it.
macro_rules! for_windows {
    ($pool:expr, $windows:expr, |$window:ident| $body:expr) => {{
        let (pool, windows): (&$crate::ops::pool2d::PoolShape, std::ops::Range<usize>) =
            ($pool, $windows);
        let channels = pool.channels();
        let mut clipped = Vec::with_capacity(pool.windows.taps());
        let stops = windows.clone().zip(pool.windows.stops(windows));
        for (i, (window, (image, stop))) in stops.enumerate() {
            let first = pool.windows.whole(stop);
            if first.is_none() {
                pool.clipped(window, &mut clipped);
            }
            let $window = $crate::ops::pool2d::Window {
                elements: i * channels..(i + 1) * channels,
                image,
                first: first.map_or(0, |pixel| pixel * channels),
                taps: if first.is_some() {
                    &pool.taps
                } else {
                    &clipped
                },
            };
            $body
        }
    }};
}
use for_windows;

impl Window<'_> {
    /// The taps on the image.
    #[inline]
    pub(super) fn taps(&self) -> impl Iterator<Item = TapStart> {
        self.taps.iter().map(|&TapStart { tap, start }| TapStart {
            tap,
            start: self.first + start,
        })
    }
}

impl PoolShape {
    /// The pool of images of shape `x`, `[batch, height, width, channels]`.
    pub(super) fn new(
        x: &[usize],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: Padding,
    ) -> Result<Self, Error> {
        let input = images(x)?;
        let [batch, height, width, channels] = input;
        // `Pool2d` checks the arguments; a convolution of one channel has the geometry of the
        // windows.
        Pool2d::new([height, width, channels], kernel, stride, padding)?;
        let options = ConvOptions {
            stride,
            padding,
            ..ConvOptions::default()
        };
        let conv = Conv2d::new([height, width, 1], 1, kernel, options)?;
        let [out_height, out_width] = conv.windows().output_size();
        let windows = BatchWindows::new(&conv);
        let taps = (0..windows.taps()).map(|tap| TapStart {
            tap,
            start: windows.pixels_to(tap) * channels,
        });
        Ok(Self {
            input,
            output: [batch, out_height, out_width, channels],
            windows,
            taps: taps.collect(),
        })
    }

    fn channels(&self) -> usize {
        self.input[3]
    }

    /// Elements of an image.
    pub(super) fn image_len(&self) -> usize {
        self.windows.pixels() * self.channels()
    }

    /// Elements of the output of an image.
    pub(super) fn output_len(&self) -> usize {
        self.windows.per_image() * self.channels()
    }

    /// Windows of a task.
    fn task_windows(&self) -> usize {
        (TASK_ELEMENTS / (self.channels() * self.windows.taps())).max(1)
    }

    /// The windows of task `i`, whose part of the output has `len` elements.
    fn windows_of(&self, i: usize, len: usize) -> Range<usize> {
        let first = i * self.task_windows();
        first..first + len / self.channels()
    }

    /// Runs `body` on pieces of `y`, which has a row of channels per window, with their windows.
    fn by_windows<E: Send>(&self, y: &mut [E], body: impl Fn(Range<usize>, &mut [E]) + Sync) {
        let pieces = y.par_chunks_mut(self.task_windows() * self.channels());
        pieces
            .enumerate()
            .for_each(|(i, y)| body(self.windows_of(i, y.len()), y));
    }

    /// Runs `body` on every image of `x` with its windows.
    fn by_images<E: Send>(&self, x: &mut [E], body: impl Fn(Range<usize>, &mut [E]) + Sync) {
        let per_image = self.windows.per_image();
        let images = x.par_chunks_mut(self.windows.pixels() * self.channels());
        images.enumerate().for_each(|(i, x)| {
            body(i * per_image..(i + 1) * per_image, x);
        });
    }

    /// Visits windows, counted through the batch, in order.
    pub(super) fn visit(&self, windows: Range<usize>, mut visit: impl FnMut(Window<'_>)) {
        for_windows!(self, windows, |window| visit(window));
    }

    /// The taps on the image of a window that lies on it in part.
    fn clipped(&self, window: usize, taps: &mut Vec<TapStart>) {
        taps.clear();
        self.windows.visit(window..window + 1, false, |run| {
            let start = run.pixel.map(|(_, pixel)| pixel * self.channels());
            taps.extend(start.map(|start| TapStart {
                tap: run.tap,
                start,
            }));
        });
    }

    /// The elements of an image in a batch.
    fn image<'x, T>(&self, x: &'x [T], image: usize) -> &'x [T] {
        let len = self.image_len();
        &x[image * len..(image + 1) * len]
    }
}

fn images(x: &[usize]) -> Result<[usize; 4], Error> {
    x.try_into().map_err(|_| Error::Shape {
        what: "images of a pool",
        expected: "[batch, height, width, channels]".to_owned(),
        found: x.to_vec(),
    })
}
