//! Windows that slide over images: how many there are, and which pixel lies under which tap.
//! Convolutions, pools, their gradients and model files use this one definition.

mod axis;
#[cfg(feature = "alloc")]
mod clipped;
#[cfg(feature = "alloc")]
mod line;
mod padding;

pub use axis::Axis;
use axis::{HEIGHT, WIDTH};
#[cfg(feature = "alloc")]
pub(crate) use line::{Line, Taps, Window, lines};
pub use padding::Padding;

use crate::error::Error;

/// The windows of a convolution or a pool over its images; pairs are `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    pub(crate) y: Axis,
    pub(crate) x: Axis,
}

/// `[vertical, horizontal]` axis of windows.
#[must_use]
pub fn axes(windows: &Windows) -> [Axis; 2] {
    [windows.y, windows.x]
}

/// Windows over images of `[height, width]`, for what is neither a convolution nor a pool of bits.
///
/// # Errors
/// A zero size; a (dilated) window larger than the padded image; a size that overflows.
pub fn windows(
    input: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    padding: Padding,
) -> Result<Windows, Error> {
    Windows::new(input, kernel, stride, dilation, padding)
}

/// Padding of `[top, left, bottom, right]` pixels.
#[must_use]
pub const fn padding([top, left, bottom, right]: [usize; 4]) -> Padding {
    Padding::Explicit {
        top,
        bottom,
        left,
        right,
    }
}

/// Pixels of padding `[top, left, bottom, right]` that windows reach into.
#[must_use]
pub fn padded_sides(windows: &Windows) -> [usize; 4] {
    let ([top, left], [bottom, right]) = (windows.padding_before(), windows.padding_after());
    [top, left, bottom, right]
}

impl Windows {
    /// Windows over images of `[height, width]`.
    ///
    /// # Errors
    /// A zero size; a (dilated) window larger than the padded image; a size that overflows.
    pub(crate) fn new(
        input: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: Padding,
    ) -> Result<Self, Error> {
        let axis = |i: usize, names| {
            let padding = padding.explicit()[i];
            Axis::new(input[i], kernel[i], stride[i], dilation[i], padding, names)
        };
        Ok(Self {
            y: axis(0, &HEIGHT)?,
            x: axis(1, &WIDTH)?,
        })
    }

    /// `[height, width]` of the images.
    #[must_use]
    pub const fn input_size(&self) -> [usize; 2] {
        [self.y.input, self.x.input]
    }

    /// `[height, width]` of the outputs: how many windows there are.
    #[must_use]
    pub const fn output_size(&self) -> [usize; 2] {
        [self.y.output, self.x.output]
    }

    /// `[height, width]` of a window, in taps.
    #[must_use]
    pub const fn kernel(&self) -> [usize; 2] {
        [self.y.kernel, self.x.kernel]
    }

    /// Pixels from window to window.
    #[must_use]
    pub const fn stride(&self) -> [usize; 2] {
        [self.y.stride, self.x.stride]
    }

    /// Pixels from tap to tap.
    #[must_use]
    pub const fn dilation(&self) -> [usize; 2] {
        [self.y.dilation, self.x.dilation]
    }

    /// Pixels of padding `[above, left of]` the image.
    #[must_use]
    pub const fn padding_before(&self) -> [usize; 2] {
        [self.y.before, self.x.before]
    }

    /// Pixels of padding `[below, right of]` the image, as many of them as windows reach into.
    #[must_use]
    pub fn padding_after(&self) -> [usize; 2] {
        [self.y.after(), self.x.after()]
    }

    /// The windows of output row `oy` over just the rows of the image under them. Padding above and
    /// below is less than the kernel's extent, so that there is a row.
    pub(crate) fn line(&self, oy: usize) -> Self {
        let (_, y) = self.y.stop(oy);
        Self { y, ..*self }
    }

    /// Taps of a window.
    pub(crate) fn taps(&self) -> usize {
        self.y.kernel * self.x.kernel
    }
}
