//! Iteration over windows in the order of their outputs, and over the taps of one window.

use core::ops::Range;

use super::{Axis, Windows};
use crate::shape::positive;

/// Consecutive windows of one row of outputs.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The first pixel of their image, counted over the batch.
    image: usize,
    /// Their stop on the vertical axis.
    pub(crate) oy: usize,
    /// The rows of taps that lie inside the image.
    pub(crate) rows: Range<usize>,
    /// Their stops on the horizontal axis.
    pub(crate) stops: Range<usize>,
}

/// The windows of the output pixels `range`, counted over the batch.
pub(crate) fn lines(windows: &Windows, range: Range<usize>) -> impl Iterator<Item = Line> + use<> {
    let (y, width) = (windows.y, positive(windows.x.output));
    let height = positive(y.output);
    let pixels = windows.pixels();
    let mut at = range.start;
    let mut oy = at / width % height;
    let mut image = at / width / height * pixels;
    core::iter::from_fn(move || {
        let ox = at % width;
        let count = (width - ox).min(range.end - at);
        let line = Line {
            image,
            oy,
            rows: y.inside(oy),
            stops: ox..ox + count,
        };
        at += count;
        oy += 1;
        if oy == height {
            (oy, image) = (0, image + pixels);
        }
        (count > 0).then_some(line)
    })
}

/// The window of one output pixel.
#[derive(Clone, Debug)]
pub(crate) struct Window<'l> {
    line: &'l Line,
    ox: usize,
    /// The columns of taps that lie inside the image.
    cols: Range<usize>,
}

/// A visitor of the taps of a window, in the order of a filter's elements.
pub(crate) trait Taps {
    /// The next `count` taps lie on the pixels from `pixel` on, counted over the batch.
    fn inside(&mut self, pixel: usize, count: usize);

    /// The next `count` taps lie outside the image.
    fn outside(&mut self, count: usize);

    /// All taps have been visited.
    fn finish(self);
}

impl Line {
    /// The stops whose windows do not reach out of the image to the left or right.
    pub(crate) fn whole(&self, x: &Axis) -> Range<usize> {
        self.within(x.whole())
    }

    /// The stops at which tap `kx` lies inside the image.
    pub(crate) fn inside(&self, x: &Axis, kx: usize) -> Range<usize> {
        self.within(x.stops(kx))
    }

    fn within(&self, stops: Range<usize>) -> Range<usize> {
        let start = stops.start.max(self.stops.start).min(self.stops.end);
        start..stops.end.min(self.stops.end).max(start)
    }

    /// The positions of these stops among those of the line.
    pub(crate) fn place(&self, stops: Range<usize>) -> Range<usize> {
        stops.start - self.stops.start..stops.end - self.stops.start
    }

    pub(crate) fn window(&self, x: &Axis, ox: usize) -> Window<'_> {
        Window {
            line: self,
            ox,
            cols: x.inside(ox),
        }
    }

    /// The pixel under tap `(ky, kx)` of the window at stop `ox`.
    pub(crate) fn pixel(&self, windows: &Windows, ky: usize, ox: usize, kx: usize) -> usize {
        self.image + windows.y.pixel(self.oy, ky) * windows.x.input + windows.x.pixel(ox, kx)
    }
}

impl Window<'_> {
    /// How many taps lie inside the image.
    pub(crate) fn taps_inside(&self) -> usize {
        self.line.rows.len() * self.cols.len()
    }

    /// Visits all taps of the window.
    #[inline]
    pub(crate) fn walk(&self, windows: &Windows, mut taps: impl Taps) {
        let (rows, cols) = (self.line.rows.clone(), self.cols.clone());
        let (height, width) = (windows.y.kernel, windows.x.kernel);
        outside(&mut taps, rows.start * width);
        for ky in rows.clone() {
            outside(&mut taps, cols.start);
            if windows.x.dilation == 1 && !cols.is_empty() {
                let first = self.line.pixel(windows, ky, self.ox, cols.start);
                taps.inside(first, cols.len());
            } else {
                for kx in cols.clone() {
                    taps.inside(self.line.pixel(windows, ky, self.ox, kx), 1);
                }
            }
            outside(&mut taps, width - cols.end);
        }
        outside(&mut taps, (height - rows.end) * width);
        taps.finish();
    }
}

#[inline]
fn outside(taps: &mut impl Taps, count: usize) {
    if count > 0 {
        taps.outside(count);
    }
}
