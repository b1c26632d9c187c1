//! Windows in the order of their outputs, and the taps of one window.

use core::ops::Range;

use super::geometry::Conv2d;

/// The window of one output pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The first pixel of its image, counted over the batch.
    image: usize,
    /// Its stop on either axis.
    pub(super) oy: usize,
    pub(super) ox: usize,
}

/// The windows of the output pixels `range`, counted over the batch.
pub(super) fn windows(conv: &Conv2d, range: Range<usize>) -> impl Iterator<Item = Window> {
    let [height, width] = conv.output_size();
    let pixels = conv.pixels();
    let mut next = Window {
        image: range.start / (height * width) * pixels,
        oy: range.start / width % height,
        ox: range.start % width,
    };
    range.map(move |_| {
        let window = next;
        next.ox += 1;
        if next.ox == width {
            (next.ox, next.oy) = (0, next.oy + 1);
        }
        if next.oy == height {
            (next.oy, next.image) = (0, next.image + pixels);
        }
        window
    })
}

/// What is done with the taps of a window, in the order of a filter's elements.
pub(super) trait Taps {
    /// The next `count` taps lie on the pixels from `pixel` on, counted over the batch.
    fn inside(&mut self, pixel: usize, count: usize);

    /// The next `count` taps lie outside the image.
    fn outside(&mut self, count: usize);

    /// There are no more taps.
    fn finish(self);
}

impl Window {
    /// Hands all taps of the window to `taps`.
    #[inline]
    pub(super) fn walk(&self, conv: &Conv2d, mut taps: impl Taps) {
        let (y, x) = (&conv.y, &conv.x);
        let (rows, cols) = (y.inside(self.oy), x.inside(self.ox));
        outside(&mut taps, rows.start * x.kernel);
        for ky in rows.clone() {
            let line = self.image + y.pixel(self.oy, ky) * x.input;
            outside(&mut taps, cols.start);
            if x.dilation == 1 && !cols.is_empty() {
                taps.inside(line + x.pixel(self.ox, cols.start), cols.len());
            } else {
                for kx in cols.clone() {
                    taps.inside(line + x.pixel(self.ox, kx), 1);
                }
            }
            outside(&mut taps, x.kernel - cols.end);
        }
        outside(&mut taps, (y.kernel - rows.end) * x.kernel);
        taps.finish();
    }
}

#[inline]
fn outside(taps: &mut impl Taps, count: usize) {
    if count > 0 {
        taps.outside(count);
    }
}
