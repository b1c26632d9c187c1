//! The three products of a depthwise convolution, whose groups have one input channel each. Matrix
//! products would be too narrow; here the innermost loop runs over the output channels, which are
//! contiguous.

use rayon::prelude::*;

use super::passes::{Filters, PIECES, PaddedImages, Passes, Pixels, row};
use crate::bits::expand_run;
use crate::parallel::{TASK_ELEMENTS, for_pairs};
use crate::real::Real;

impl Passes<'_> {
    pub(super) fn is_depthwise(&self) -> bool {
        // For images of one channel a matrix product is faster.
        self.conv.groups() == self.conv.channels() && self.conv.channels() > 1
    }

    /// [`Passes::output`] of a depthwise convolution.
    pub(super) fn depthwise_output<T: Real>(
        &self,
        images: PaddedImages<'_, T>,
        filters: Filters<'_, T>,
    ) -> Vec<T> {
        let (outputs, filters) = (self.conv.outputs(), self.by_taps(filters));
        let task = self.task_windows();
        let mut y = vec![T::zero(); self.all_windows() * outputs];
        let tasks = y.par_chunks_mut(task * outputs).enumerate();
        tasks.for_each(|(i, y)| {
            let mut pixel = vec![images.padding; self.conv.channels()];
            let windows = i * task..i * task + y.len() / outputs;
            self.windows.visit_taps(windows, |window, tap, at| {
                self.read_pixel(images, at, &mut pixel);
                let y = &mut y[window * outputs..(window + 1) * outputs];
                let filters = &filters[tap * outputs..(tap + 1) * outputs];
                self.add_products(&pixel, y, filters);
            });
        });
        y
    }

    /// [`Passes::image_gradient`] of a depthwise convolution.
    pub(super) fn depthwise_image_gradient<T: Real>(
        &self,
        dy: &[T],
        filters: Filters<'_, T>,
    ) -> Vec<T> {
        let (outputs, channels) = (self.conv.outputs(), self.conv.channels());
        let (filters, per_image) = (self.by_taps(filters), self.windows.per_image());
        let mut dx = vec![T::zero(); self.batch * self.windows.pixels() * channels];
        dx.par_chunks_mut(self.windows.pixels() * channels)
            .zip(dy.par_chunks(per_image * outputs))
            .for_each(|(dx, dy)| {
                self.windows.visit_taps(0..per_image, |window, tap, at| {
                    let Some((_, pixel)) = at else { return };
                    let dx = &mut dx[pixel * channels..(pixel + 1) * channels];
                    let dy = &dy[window * outputs..(window + 1) * outputs];
                    let filters = &filters[tap * outputs..(tap + 1) * outputs];
                    let multiple = outputs / channels;
                    let parts = dy.chunks(multiple).zip(filters.chunks(multiple));
                    for (dx, (dy, w)) in dx.iter_mut().zip(parts) {
                        dy.iter().zip(w).for_each(|(&dy, &w)| *dx += dy * w);
                    }
                });
            });
        dx
    }

    /// [`Passes::filter_gradient`] of a depthwise convolution.
    pub(super) fn depthwise_filter_gradient<T: Real>(
        &self,
        dy: &[T],
        images: PaddedImages<'_, T>,
    ) -> Vec<T> {
        let (outputs, taps, all) = (self.conv.outputs(), self.windows.taps(), self.all_windows());
        let piece = all.div_ceil(PIECES).max(self.task_windows().min(all));
        let pieces: Vec<Vec<T>> = (0..all.div_ceil(piece))
            .into_par_iter()
            .map(|i| {
                let mut pixel = vec![images.padding; self.conv.channels()];
                let mut sums = vec![T::zero(); taps * outputs];
                let windows = i * piece..all.min((i + 1) * piece);
                let dy = &dy[windows.start * outputs..];
                self.windows.visit_taps(windows, |window, tap, at| {
                    self.read_pixel(images, at, &mut pixel);
                    let sums = &mut sums[tap * outputs..(tap + 1) * outputs];
                    let dy = &dy[window * outputs..(window + 1) * outputs];
                    self.add_products(&pixel, sums, dy);
                });
                sums
            })
            .collect();
        let mut pieces = pieces.into_iter();
        let mut sums = pieces.next().unwrap_or_default();
        pieces.for_each(|piece| for_pairs(&mut sums, &piece, |sum, &x| *sum += x));
        transposed(&sums, taps, outputs)
    }

    /// Adds `x * b` to `a` for every channel `x` of a pixel; `a` and `b` have one element per
    /// output channel.
    fn add_products<T: Real>(&self, pixel: &[T], a: &mut [T], b: &[T]) {
        let multiple = self.conv.outputs() / self.conv.channels();
        if multiple == 1 {
            let parts = a.iter_mut().zip(b).zip(pixel);
            return parts.for_each(|((a, &b), &x)| *a += x * b);
        }
        let parts = a.chunks_mut(multiple).zip(b.chunks(multiple)).zip(pixel);
        for ((a, b), &x) in parts {
            a.iter_mut().zip(b).for_each(|(a, &b)| *a += x * b);
        }
    }

    /// Windows of a task.
    fn task_windows(&self) -> usize {
        (TASK_ELEMENTS / (self.conv.outputs() * self.windows.taps())).max(1)
    }

    /// The filters tap by tap, `[taps, outputs]`.
    fn by_taps<T: Real>(&self, filters: Filters<'_, T>) -> Vec<T> {
        let (outputs, taps) = (self.conv.outputs(), self.windows.taps());
        match filters {
            Filters::Real(w) => transposed(w, outputs, taps),
            Filters::Signs(w) => {
                let mut signs = vec![T::zero(); outputs * taps];
                for (output, signs) in signs.chunks_mut(taps).enumerate() {
                    expand_run(w.row(output), 0, signs);
                }
                transposed(&signs, outputs, taps)
            }
        }
    }

    /// The channels of a pixel, or of the padding.
    fn read_pixel<T: Real>(
        &self,
        images: PaddedImages<'_, T>,
        at: Option<(usize, usize)>,
        out: &mut [T],
    ) {
        let channels = self.conv.channels();
        match (at, images.pixels) {
            (None, _) => out.fill(images.padding),
            (Some((image, pixel)), Pixels::Real(x)) => {
                let at = (image * self.windows.pixels() + pixel) * channels;
                out.copy_from_slice(&x[at..at + channels]);
            }
            (Some((image, pixel)), Pixels::Signs(bits)) => {
                expand_run(row(bits, image), pixel * channels, out);
            }
        }
    }
}

/// The transpose of a row-major matrix.
fn transposed<T: Copy>(x: &[T], rows: usize, cols: usize) -> Vec<T> {
    let cells = (0..cols).flat_map(|c| (0..rows).map(move |r| r * cols + c));
    cells.map(|at| x[at]).collect()
}
