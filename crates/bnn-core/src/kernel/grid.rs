//! Images and windows of a convolution of stride 1 on one grid: the pixels of the padded image, row after row. A
//! window has the number of the pixel at which it begins, and the pixel under a tap lies a fixed number of pixels
//! further on, whatever the window. So a tap of 32 neighbouring windows is 32 neighbouring pixels.

/// Sizes of a convolution of stride 1 with one group; pairs are `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Pixels of an image.
    pub(crate) input: [usize; 2],
    /// Windows of an image.
    pub(crate) output: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Pixels of padding above and to the left.
    pub(crate) before: [usize; 2],
    pub(crate) channels: usize,
    pub(crate) outputs: usize,
    /// The sign of the padding; `None` where it is 0.
    pub(crate) padding: Option<bool>,
}

#[cfg_attr(
    not(bnn_amx),
    allow(dead_code, reason = "only the tiles of AMX walk over a grid")
)]
impl Grid {
    /// Pixels of a row.
    pub(crate) fn width(&self) -> usize {
        self.output[1] + (self.kernel[1] - 1) * self.dilation[1]
    }

    /// All pixels.
    pub(crate) fn pixels(&self) -> usize {
        (self.output[0] + (self.kernel[0] - 1) * self.dilation[0]) * self.width()
    }

    /// Pixels from the first to the last at which a window begins.
    pub(crate) fn windows(&self) -> usize {
        self.output[0] * self.width()
    }

    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Pixels from the first tap to another.
    pub(crate) fn shift(&self, tap: usize) -> usize {
        let (y, x) = (tap / self.kernel[1], tap % self.kernel[1]);
        y * self.dilation[0] * self.width() + x * self.dilation[1]
    }

    /// Pixels from the first tap to the last.
    pub(crate) fn reach(&self) -> usize {
        self.shift(self.taps() - 1)
    }

    /// The first pixel of the image.
    pub(crate) fn first(&self) -> usize {
        self.before[0] * self.width() + self.before[1]
    }

    /// The pixel of the image at a pixel of the grid; `None` in the padding.
    pub(crate) fn pixel(&self, at: usize) -> Option<usize> {
        let at = [at / self.width(), at % self.width()];
        let inside = |axis: usize| {
            let at: usize = at[axis];
            at.checked_sub(self.before[axis])
                .filter(|at| *at < self.input[axis])
        };
        Some(inside(0)? * self.input[1] + inside(1)?)
    }

    /// The number in the output of the window that begins at a pixel, if one does.
    pub(crate) fn window(&self, at: usize) -> Option<usize> {
        let [y, x] = [at / self.width(), at % self.width()];
        (y < self.output[0] && x < self.output[1]).then_some(y * self.output[1] + x)
    }

    /// Elements of a filter.
    pub(crate) fn patch(&self) -> usize {
        self.taps() * self.channels
    }

    /// Elements of an image.
    pub(crate) fn image_len(&self) -> usize {
        self.input[0] * self.input[1] * self.channels
    }

    /// Elements of an image's output.
    pub(crate) fn output_len(&self) -> usize {
        self.output[0] * self.output[1] * self.outputs
    }
}
