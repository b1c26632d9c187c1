//! The windows of a convolution or a pool over a batch of images, NHWC: the pixel under each tap.
//! Used to gather patches (im2col) and to scatter gradients (col2im).

use std::ops::Range;

use bnn_core::conv::Conv2d;
use bnn_core::internal::{Axis, axes};

/// The windows of an image.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct BatchWindows {
    y: Axis,
    x: Axis,
}

/// Adjacent taps of one window, all on the image or all in the padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) struct Run {
    /// The window, counted from the first one of the visit.
    pub(in crate::ops) window: usize,
    /// The first tap, and how many.
    pub(in crate::ops) tap: usize,
    pub(in crate::ops) taps: usize,
    /// The image, and the pixel in it under the first tap; the pixels under the others follow.
    /// `None` in the padding.
    pub(in crate::ops) pixel: Option<(usize, usize)>,
}

impl BatchWindows {
    pub(in crate::ops) fn new(conv: &Conv2d) -> Self {
        let [y, x] = axes(conv.windows());
        Self { y, x }
    }

    /// Pixels of an image.
    pub(in crate::ops) fn pixels(&self) -> usize {
        self.y.input * self.x.input
    }

    /// Windows of an image.
    pub(in crate::ops) fn per_image(&self) -> usize {
        self.y.output * self.x.output
    }

    /// Taps of a window.
    pub(in crate::ops) fn taps(&self) -> usize {
        self.y.kernel * self.x.kernel
    }

    /// Taps of a window, counted through the batch, that lie on the image.
    pub(in crate::ops) fn taps_inside(&self, window: usize) -> usize {
        let at = window % self.per_image();
        let (oy, ox) = (at / self.x.output, at % self.x.output);
        self.y.inside(oy).len() * self.x.inside(ox).len()
    }

    /// Visits each tap of some windows, counted through the batch, in order: the window, counted
    /// from the first, the tap, and the image and the pixel under it, `None` in the padding.
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
        let Self { y, x } = self;
        let merge = merge && x.dilation == 1;
        for (window, (image, [oy, ox])) in self.stops(windows).enumerate() {
            let (rows, cols) = (y.inside(oy), x.inside(ox));
            let column = |kx: usize| cols.contains(&kx).then(|| x.pixel(ox, kx));
            let whole = merge && cols.len() == x.kernel;
            for ky in 0..y.kernel {
                let row = rows.contains(&ky).then(|| y.pixel(oy, ky));
                let mut run = |kx: usize, taps: usize| {
                    let pixel = row.zip(column(kx));
                    visit(Run {
                        window,
                        tap: ky * x.kernel + kx,
                        taps,
                        pixel: pixel.map(|(row, column)| (image, row * x.input + column)),
                    });
                };
                if whole || row.is_none() {
                    run(0, x.kernel);
                } else {
                    (0..x.kernel).for_each(|kx| run(kx, 1));
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
        let ([height, width], at) = (
            [self.y.output, self.x.output],
            windows.start % self.per_image(),
        );
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
        let first = |axis: &Axis, stop: usize| {
            (axis.inside(stop).len() == axis.kernel).then(|| axis.pixel(stop, 0))
        };
        let [oy, ox] = stop;
        Some(first(&self.y, oy)? * self.x.input + first(&self.x, ox)?)
    }

    /// The number of pixels from the one under the first tap of a window to the one under another
    /// tap.
    pub(in crate::ops) fn pixels_to(&self, tap: usize) -> usize {
        let (ky, kx) = (tap / self.x.kernel, tap % self.x.kernel);
        ky * self.y.dilation * self.x.input + kx * self.x.dilation
    }

    /// Whether every pixel lies under exactly one tap of one window.
    pub(in crate::ops) fn tile(&self) -> bool {
        [self.y, self.x].iter().all(|axis| {
            axis.kernel == axis.stride
                && axis.dilation == 1
                && axis.before == 0
                && axis.output * axis.stride == axis.input
        })
    }
}
