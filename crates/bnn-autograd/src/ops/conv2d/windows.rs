//! The windows of a convolution or a pool over a batch of images, NHWC: which pixel lies under which
//! tap. Patches are gathered from here (im2col) and gradients handed back (col2im).

use std::ops::Range;

use bnn_core::conv::Conv2d;

/// Where the windows of an image lie; pairs are `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct Windows {
    input: [usize; 2],
    output: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    before: [usize; 2],
}

/// Taps side by side of one window, all on the image or all in the padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) struct Run {
    /// The window, counted from the first that was asked for.
    pub(in crate::ops) window: usize,
    /// The first tap, and how many.
    pub(in crate::ops) tap: usize,
    pub(in crate::ops) taps: usize,
    /// The image, and the pixel in it under the first tap; the pixels under the others follow.
    /// `None` in the padding.
    pub(in crate::ops) pixel: Option<(usize, usize)>,
}

impl Windows {
    pub(in crate::ops) fn new(conv: &Conv2d) -> Self {
        Self {
            input: conv.input_size(),
            output: conv.output_size(),
            kernel: conv.kernel(),
            stride: conv.stride(),
            dilation: conv.dilation(),
            before: conv.padding_before(),
        }
    }

    /// Pixels of an image.
    pub(in crate::ops) fn pixels(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Windows of an image.
    pub(in crate::ops) fn per_image(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Taps of a window.
    pub(in crate::ops) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Taps of a window, counted through the batch, that lie on the image.
    pub(in crate::ops) fn taps_inside(&self, window: usize) -> usize {
        let at = window % self.per_image();
        let stop = [at / self.output[1], at % self.output[1]];
        let inside = |axis: usize| {
            let taps = 0..self.kernel[axis];
            taps.filter(|&tap| self.under(axis, stop[axis], tap).is_some())
                .count()
        };
        inside(0) * inside(1)
    }

    /// Visits each tap of some windows, counted through the batch, in order: the window, counted from
    /// the first, the tap, and the image and the pixel under it, `None` in the padding.
    pub(super) fn visit_taps(
        &self,
        windows: Range<usize>,
        mut visit: impl FnMut(usize, usize, Option<(usize, usize)>),
    ) {
        self.visit(windows, false, |run| {
            for tap in run.tap..run.tap + run.taps {
                // Without merging only taps in the padding come several at a time.
                visit(run.window, tap, run.pixel);
            }
        });
    }

    /// Visits the taps of some windows, counted through the batch: window after window, in order.
    /// With `merge`, pixels that lie side by side under taps side by side are visited as one run.
    pub(in crate::ops) fn visit(
        &self,
        windows: Range<usize>,
        merge: bool,
        mut visit: impl FnMut(Run),
    ) {
        let [kernel_height, kernel_width] = self.kernel;
        let merge = merge && self.dilation[1] == 1;
        for (window, (image, stop)) in self.stops(windows).enumerate() {
            let whole = merge
                && self.under(1, stop[1], 0).is_some()
                && self.under(1, stop[1], kernel_width - 1).is_some();
            for ky in 0..kernel_height {
                let row = self.under(0, stop[0], ky);
                let mut run = |kx: usize, taps: usize, column: Option<usize>| {
                    let pixel = row.zip(column);
                    visit(Run {
                        window,
                        tap: ky * kernel_width + kx,
                        taps,
                        pixel: pixel.map(|(y, x)| (image, y * self.input[1] + x)),
                    });
                };
                if whole || row.is_none() {
                    run(0, kernel_width, self.under(1, stop[1], 0));
                } else {
                    (0..kernel_width).for_each(|kx| run(kx, 1, self.under(1, stop[1], kx)));
                }
            }
        }
    }

    /// Some windows, counted through the batch, in order: the image, and the row and column of the
    /// output.
    pub(in crate::ops) fn stops(
        &self,
        windows: Range<usize>,
    ) -> impl Iterator<Item = (usize, [usize; 2])> + use<> {
        // Counted on: divisions would take longer than the work on a window of few pixels.
        let ([height, width], at) = (self.output, windows.start % self.per_image());
        let mut image = windows.start / self.per_image();
        let mut next = [at / width, at % width];
        windows.map(move |_| {
            let stop = next;
            let now = image;
            next[1] += 1;
            if next[1] == width {
                next = [next[0] + 1, 0];
            }
            if next[0] == height {
                next[0] = 0;
                image += 1;
            }
            (now, stop)
        })
    }

    /// The pixel under the first tap of the window at a stop, if all of its taps lie on the image.
    pub(in crate::ops) fn whole(&self, stop: [usize; 2]) -> Option<usize> {
        let first = |axis: usize| {
            self.under(axis, stop[axis], self.kernel[axis] - 1)?;
            self.under(axis, stop[axis], 0)
        };
        Some(first(0)? * self.input[1] + first(1)?)
    }

    /// How many pixels behind the one under its first tap a window has that under another tap.
    pub(in crate::ops) fn pixels_to(&self, tap: usize) -> usize {
        let (y, x) = (tap / self.kernel[1], tap % self.kernel[1]);
        y * self.dilation[0] * self.input[1] + x * self.dilation[1]
    }

    /// Whether every pixel lies under exactly one tap of one window.
    pub(in crate::ops) fn tile(&self) -> bool {
        (0..2).all(|axis| {
            self.kernel[axis] == self.stride[axis]
                && self.dilation[axis] == 1
                && self.before[axis] == 0
                && self.output[axis] * self.stride[axis] == self.input[axis]
        })
    }

    /// The row (axis 0) or column (axis 1) under a tap of the window at a stop.
    fn under(&self, axis: usize, stop: usize, tap: usize) -> Option<usize> {
        let at = stop * self.stride[axis] + tap * self.dilation[axis];
        let at = at.checked_sub(self.before[axis])?;
        (at < self.input[axis]).then_some(at)
    }
}
