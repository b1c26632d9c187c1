//! The three products of a convolution: output, gradient of the images, gradient of the filters.
//! Patches are gathered into a panel of a few windows that stays in the cache, so an im2col matrix
//! of the batch never exists; patches of signs are gathered as bits.
//!
//! Results are the same bits for any number of threads: the pieces depend only on the shape, and
//! one thread adds up each piece in order.

use std::borrow::Cow;
use std::ops::Range;

use bnn_core::conv::Conv2d;
use bnn_core::{BitMatrix, BitMatrixView, row_words};
use rayon::prelude::*;

use super::windows::{BatchWindows, Run};
use crate::bits::{copy_run, expand_run, join_runs, rows_of, set_run};
use crate::buffer::{Buffer, take_buffer};
use crate::error::Error;
use crate::linalg::{
    mat, matmul, matmul_signs, matmul_signs_transposed, matmul_signs_transposed_to,
};
use crate::parallel::{for_pairs, wide};
use crate::real::Real;

/// Elements of a panel of numbers: 1 MiB of `f32`, which stays in the L2 cache.
const PANEL: usize = 1 << 18;

/// The least number of windows in a panel, so that packing the other operand is cheap in
/// comparison.
const LEAST_WINDOWS: usize = 64;

/// The largest number of windows in a panel.
const MOST_WINDOWS: usize = 1024;

/// Runs of fewer elements are copied one by one.
const SHORT_RUN: usize = 16;

/// The largest number of pieces of the gradient of the filters, and so of threads that share it.
pub(super) const PIECES: usize = 16;

/// A batch of images `[batch, height, width, channels]`, and the value of the padding around them.
#[derive(Clone, Copy, Debug)]
pub(super) struct PaddedImages<'a, T> {
    pub(super) pixels: Pixels<'a, T>,
    pub(super) padding: T,
}

impl<'a, T: Real> PaddedImages<'a, T> {
    /// Tangents of images: the padding, a constant, has none.
    pub(super) fn tangents(x: &'a [T]) -> Self {
        Self {
            pixels: Pixels::Real(x),
            padding: T::zero(),
        }
    }
}

/// The pixels of a batch of images.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pixels<'a, T> {
    Real(&'a [T]),
    /// Signs, a row of bits per image.
    Signs(BitMatrixView<'a>),
}

impl<'a, T: Real> Pixels<'a, T> {
    /// The pixels of some images of a batch `[batch, image]`.
    pub(super) fn some(self, images: Range<usize>, image: usize) -> Result<Self, Error> {
        Ok(match self {
            Self::Real(x) => Self::Real(&x[images.start * image..images.end * image]),
            Self::Signs(bits) => Self::Signs(rows_of(bits, images)?),
        })
    }
}

/// Filters `[outputs, patch]`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Filters<'a, T> {
    Real(&'a [T]),
    Signs(BitMatrixView<'a>),
}

/// A convolution of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passes<'c> {
    pub(super) conv: &'c Conv2d,
    pub(super) windows: BatchWindows,
    pub(super) batch: usize,
}

impl<'c> Passes<'c> {
    pub(super) fn new(conv: &'c Conv2d, batch: usize) -> Self {
        Self {
            conv,
            windows: BatchWindows::new(conv),
            batch,
        }
    }

    /// The output, `[batch, output height, output width, outputs]`.
    pub(super) fn output<T: Real>(
        &self,
        images: PaddedImages<'_, T>,
        filters: Filters<'_, T>,
    ) -> Result<Vec<T>, Error> {
        if self.is_depthwise() {
            return Ok(self.depthwise_output(images, filters));
        }
        let mut y = take_buffer(self.all_windows() * self.conv.outputs());
        self.output_to(images, filters, &mut y)?;
        Ok(y)
    }

    /// [`Passes::output`] to every element of `y`; not of a depthwise convolution.
    pub(super) fn output_to<T: Real>(
        &self,
        images: PaddedImages<'_, T>,
        filters: Filters<'_, T>,
        y: &mut [T],
    ) -> Result<(), Error> {
        let (outputs, patch) = (self.conv.outputs(), self.conv.patch_len());
        let band = self.band();
        let bands = y.par_chunks_mut(band * outputs).enumerate();
        bands.try_for_each_init(Vec::new, |panel, (i, y)| {
            let count = y.len() / outputs;
            panel.resize(count * patch, T::zero());
            for group in 0..self.conv.groups() {
                self.gather(images, group, i * band..i * band + count, panel);
                let columns = self.outputs_of(group);
                let panel = mat(panel, count, patch);
                let filters = self.filters_of(filters, group)?;
                if let (Filters::Signs(w), true) = (filters, columns.len() == outputs) {
                    matmul_signs_transposed_to(panel, w, y);
                    continue;
                }
                let product = Buffer::new(match filters {
                    Filters::Real(w) => matmul(panel, mat(w, columns.len(), patch).t()),
                    Filters::Signs(w) => matmul_signs_transposed(panel, w),
                });
                let rows = y.chunks_mut(outputs).zip(product.chunks(columns.len()));
                rows.for_each(|(y, row)| y[columns.clone()].copy_from_slice(row));
            }
            Ok(())
        })
    }

    /// The gradient of the images: `dy · filters`, each element added to the pixel under its tap. A
    /// task computes whole images.
    pub(super) fn image_gradient<T: Real>(
        &self,
        dy: &[T],
        filters: Filters<'_, T>,
    ) -> Result<Vec<T>, Error> {
        if self.is_depthwise() {
            return Ok(self.depthwise_image_gradient(dy, filters));
        }
        if let Filters::Signs(w) = filters
            && let Some(dx) = self.fast_image_gradient(dy, w)?
        {
            return Ok(dx);
        }
        let (outputs, patch) = (self.conv.outputs(), self.conv.patch_len());
        let (per_image, band) = (self.windows.per_image(), self.band());
        let image = self.windows.pixels() * self.conv.channels();
        let images = (band / per_image).max(1);
        let mut dx = take_buffer(self.batch * image);
        dx.par_chunks_mut(images * image)
            .zip(dy.par_chunks(images * per_image * outputs))
            .try_for_each(|(dx, dy)| {
                dx.fill(T::zero());
                for (i, dy) in dy.chunks(band * outputs).enumerate() {
                    let count = dy.len() / outputs;
                    for group in 0..self.conv.groups() {
                        let columns = self.outputs_of(group);
                        let dy = columns_of(dy, outputs, columns.clone());
                        let dy = mat(&dy, count, columns.len());
                        let panel = Buffer::new(match self.filters_of(filters, group)? {
                            Filters::Real(w) => matmul(dy, mat(w, columns.len(), patch)),
                            Filters::Signs(w) => matmul_signs(dy, w),
                        });
                        self.scatter(&panel, group, i * band..i * band + count, dx);
                    }
                }
                Ok(())
            })
            .map(|()| dx)
    }

    /// The gradient of the filters, `[outputs, patch]`: `dy^T · patches`.
    pub(super) fn filter_gradient<T: Real>(
        &self,
        dy: &[T],
        images: PaddedImages<'_, T>,
    ) -> Result<Vec<T>, Error> {
        if self.is_depthwise() {
            return Ok(self.depthwise_filter_gradient(dy, images));
        }
        let (outputs, patch) = (self.conv.outputs(), self.conv.patch_len());
        let (all, band) = (self.all_windows(), self.band());
        let piece = all.div_ceil(band).div_ceil(PIECES) * band;
        let pieces = (0..all.div_ceil(piece))
            .into_par_iter()
            .map(|i| {
                let mut piece_sums = Buffer::new(take_buffer(outputs * patch));
                let sums = piece_sums.as_mut_slice();
                sums.fill(T::zero());
                let windows = i * piece..all.min((i + 1) * piece);
                match images.pixels {
                    Pixels::Real(_) => {
                        for start in windows.clone().step_by(band) {
                            let windows = start..windows.end.min(start + band);
                            self.add_filter_gradient(dy, images, windows, sums)?;
                        }
                    }
                    // A panel of bits may be larger.
                    Pixels::Signs(_) => self.add_filter_gradient(dy, images, windows, sums)?,
                }
                Ok(piece_sums)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(added_up(pieces))
    }

    /// Adds the part of a panel of windows to the gradient of the filters.
    pub(super) fn add_filter_gradient<T: Real>(
        &self,
        dy: &[T],
        images: PaddedImages<'_, T>,
        windows: Range<usize>,
        sums: &mut [T],
    ) -> Result<(), Error> {
        let (outputs, patch) = (self.conv.outputs(), self.conv.patch_len());
        let dy = &dy[windows.start * outputs..windows.end * outputs];
        let rows = outputs / self.conv.groups();
        for (group, sums) in sums.chunks_mut(rows * patch).enumerate() {
            let dy = columns_of(dy, outputs, self.outputs_of(group));
            let dy_matrix = mat(&dy, windows.len(), rows);
            let product = Buffer::new(match images.pixels {
                Pixels::Real(_) => {
                    let mut panel = Buffer::new(take_buffer(windows.len() * patch));
                    self.gather(images, group, windows.clone(), panel.as_mut_slice());
                    matmul(dy_matrix.t(), mat(&panel, windows.len(), patch))
                }
                Pixels::Signs(bits) => {
                    let panel = self.gather_bits(bits, images.padding, group, windows.clone())?;
                    let mut product = matmul_signs(dy_matrix.t(), panel.view());
                    if images.padding == T::zero() {
                        self.take_padding_out(&dy, group, windows.clone(), &mut product);
                    }
                    product
                }
            });
            wide(|| {
                for (sum, &x) in sums.iter_mut().zip(&*product) {
                    *sum += x;
                }
            });
        }
        Ok(())
    }

    /// Windows of the batch.
    pub(super) fn all_windows(&self) -> usize {
        self.batch * self.windows.per_image()
    }

    /// Windows of a panel.
    fn band(&self) -> usize {
        (PANEL / self.conv.patch_len()).clamp(LEAST_WINDOWS, MOST_WINDOWS)
    }

    /// Channels of a group.
    fn group_channels(&self) -> usize {
        self.conv.channels() / self.conv.groups()
    }

    /// The output channels of a group.
    fn outputs_of(&self, group: usize) -> Range<usize> {
        let count = self.conv.outputs() / self.conv.groups();
        group * count..(group + 1) * count
    }

    /// The filters of a group.
    fn filters_of<'f, T>(
        &self,
        filters: Filters<'f, T>,
        group: usize,
    ) -> Result<Filters<'f, T>, Error> {
        let (rows, patch) = (self.outputs_of(group), self.conv.patch_len());
        Ok(match filters {
            Filters::Real(w) => Filters::Real(&w[rows.start * patch..rows.end * patch]),
            Filters::Signs(w) => {
                let per_row = row_words(patch);
                let words = &w.words()[rows.start * per_row..rows.end * per_row];
                Filters::Signs(BitMatrixView::new(words, rows.len(), patch)?)
            }
        })
    }

    /// Writes the patches of some windows, a row each (im2col).
    pub(super) fn gather<T: Real>(
        &self,
        images: PaddedImages<'_, T>,
        group: usize,
        windows: Range<usize>,
        panel: &mut [T],
    ) {
        let patch = self.conv.patch_len();
        if let (Pixels::Real(x), true) = (images.pixels, self.has_short_runs()) {
            return self.gather_elements(x, images.padding, group, windows, panel);
        }
        self.visit(group, windows, |window, elements, from| {
            let to = &mut panel[window * patch..][elements];
            match (from, images.pixels) {
                (None, _) => to.fill(images.padding),
                (Some((image, at)), Pixels::Real(x)) => {
                    let at = image * self.windows.pixels() * self.conv.channels() + at;
                    to.copy_from_slice(&x[at..at + to.len()]);
                }
                (Some((image, at)), Pixels::Signs(bits)) => expand_run(row(bits, image), at, to),
            }
        });
    }

    /// Whether so few elements of a patch are contiguous that copying them one by one is faster.
    fn has_short_runs(&self) -> bool {
        self.conv.windows().kernel()[1] * self.group_channels() < SHORT_RUN
    }

    /// Writes the patches of some windows element by element.
    fn gather_elements<T: Real>(
        &self,
        x: &[T],
        padding: T,
        group: usize,
        windows: Range<usize>,
        panel: &mut [T],
    ) {
        let (channels, depth) = (self.conv.channels(), self.group_channels());
        let image_len = self.windows.pixels() * channels;
        let offsets: Vec<usize> = (0..self.windows.taps())
            .flat_map(|tap| {
                let first = self.windows.pixels_to(tap) * channels + group * depth;
                first..first + depth
            })
            .collect();
        let stops = self.windows.stops(windows.clone());
        let patches = panel.chunks_mut(self.conv.patch_len());
        for ((window, (image, stop)), patch) in windows.zip(stops).zip(patches) {
            let image = &x[image * image_len..(image + 1) * image_len];
            if let Some(pixel) = self.windows.whole(stop) {
                let from = &image[pixel * channels..];
                let elements = patch.iter_mut().zip(&offsets);
                elements.for_each(|(to, &offset)| *to = from[offset]);
                continue;
            }
            patch.fill(padding);
            self.windows.visit_taps(window..window + 1, |_, tap, at| {
                if let Some((_, pixel)) = at {
                    let from = &image[pixel * channels + group * depth..][..depth];
                    patch[tap * depth..][..depth].copy_from_slice(from);
                }
            });
        }
    }

    /// The patches of some windows as rows of bits; padding of a positive value is +1, other
    /// padding -1.
    fn gather_bits<T: Real>(
        &self,
        bits: BitMatrixView<'_>,
        padding: T,
        group: usize,
        windows: Range<usize>,
    ) -> Result<BitMatrix, Error> {
        let (count, patch) = (windows.len(), self.conv.patch_len());
        let per_row = row_words(patch);
        let mut words = vec![0; count * per_row];
        let (channels, [kernel_rows, kernel_cols]) =
            (self.conv.channels(), self.conv.windows().kernel());
        // If windows lie on the image, the elements under a row of taps are one run.
        let runs = self.group_channels() == channels
            && self.windows.pixels_to(kernel_cols - 1) == kernel_cols - 1;
        let starts = (0..kernel_rows).map(|y| self.windows.pixels_to(y * kernel_cols) * channels);
        let starts: Vec<usize> = starts.collect();
        let stops = windows.clone().zip(self.windows.stops(windows));
        for ((window, (image, stop)), to) in stops.zip(words.chunks_mut(per_row)) {
            if let (Some(pixel), true) = (self.windows.whole(stop), runs) {
                let starts = starts.iter().map(|start| pixel * channels + start);
                join_runs(row(bits, image), starts, kernel_cols * channels, to);
                continue;
            }
            self.visit(group, window..window + 1, |_, elements, from| match from {
                Some((image, at)) => copy_run(row(bits, image), at, to, elements),
                None if padding > T::zero() => set_run(to, elements),
                None => {}
            });
        }
        Ok(BitMatrix::from_words(words, count, patch)?)
    }

    /// Corrects the product for zero padding, which was gathered as -1: adds what that subtracted.
    fn take_padding_out<T: Real>(
        &self,
        dy: &[T],
        group: usize,
        windows: Range<usize>,
        product: &mut [T],
    ) {
        let (taps, depth) = (self.windows.taps(), self.group_channels());
        let rows = self.outputs_of(group).len();
        let mut sums = vec![T::zero(); taps * rows];
        let stops = windows.clone().zip(self.windows.stops(windows));
        for ((window, (_, stop)), dy) in stops.zip(dy.chunks(rows)) {
            if self.windows.whole(stop).is_some() {
                continue;
            }
            self.windows.visit(window..window + 1, true, |run| {
                if run.pixel.is_none() {
                    for sums in sums[run.tap * rows..][..run.taps * rows].chunks_mut(rows) {
                        sums.iter_mut().zip(dy).for_each(|(sum, &dy)| *sum += dy);
                    }
                }
            });
        }
        wide(|| {
            for (output, product) in product.chunks_mut(taps * depth).enumerate() {
                for (tap, product) in product.chunks_mut(depth).enumerate() {
                    let sum = sums[tap * rows + output];
                    product.iter_mut().for_each(|x| *x += sum);
                }
            }
        });
    }

    /// Adds the patches of some windows to the images under them, from `dx` on (col2im).
    fn scatter<T: Real>(&self, panel: &[T], group: usize, windows: Range<usize>, dx: &mut [T]) {
        let patch = self.conv.patch_len();
        self.visit(group, windows, |window, elements, to| {
            if let Some((image, at)) = to {
                let at = image * self.windows.pixels() * self.conv.channels() + at;
                let from = &panel[window * patch..][elements];
                let pixels = dx[at..at + from.len()].iter_mut().zip(from);
                pixels.for_each(|(dx, &x)| *dx += x);
            }
        });
    }

    /// Visits the runs of some windows: the window, counted from the first, the elements of its
    /// patch, and the image with the first image element under them.
    fn visit(
        &self,
        group: usize,
        windows: Range<usize>,
        mut visit: impl FnMut(usize, Range<usize>, Option<(usize, usize)>),
    ) {
        let (channels, depth) = (self.conv.channels(), self.group_channels());
        // The elements of neighbouring pixels are contiguous only if a group has all channels.
        self.windows.visit(windows, depth == channels, |run| {
            let Run {
                window,
                tap,
                taps,
                pixel,
            } = run;
            let pixel = pixel.map(|(image, pixel)| (image, pixel * channels + group * depth));
            visit(window, tap * depth..(tap + taps) * depth, pixel);
        });
    }
}

/// The sum of pieces, added in order.
pub(super) fn added_up<T: Real>(pieces: Vec<Buffer<T>>) -> Vec<T> {
    let mut pieces = pieces.into_iter();
    let mut sums = pieces.next().map(Buffer::into_vec).unwrap_or_default();
    pieces.for_each(|piece| for_pairs(&mut sums, &piece, |sum, &x| *sum += x));
    sums
}

/// The words of an image.
pub(super) fn row(bits: BitMatrixView<'_>, image: usize) -> &[u64] {
    let per_image = row_words(bits.cols());
    &bits.words()[image * per_image..(image + 1) * per_image]
}

/// Some columns of a row-major matrix without gaps.
fn columns_of<T: Real>(x: &[T], cols: usize, columns: Range<usize>) -> Cow<'_, [T]> {
    if columns.len() == cols {
        return Cow::Borrowed(x);
    }
    let rows = x.chunks(cols);
    Cow::Owned(
        rows.flat_map(|row| &row[columns.clone()])
            .copied()
            .collect(),
    )
}
