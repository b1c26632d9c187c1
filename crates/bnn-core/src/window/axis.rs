//! Windows along one axis of an image: how many there are, and which of their taps lie inside the
//! image. Heights and widths are treated alike.

use core::ops::Range;

use crate::error::Error;
use crate::shape::{mul, nonzero, positive};

/// Windows along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Pixels of the image.
    pub input: usize,
    /// Taps of the window.
    pub kernel: usize,
    /// Pixels from window to window.
    pub stride: usize,
    /// Pixels from tap to tap.
    pub dilation: usize,
    /// Padding before the image.
    pub before: usize,
    /// Stops of the window, at least 1.
    pub output: usize,
}

/// The names of an axis in errors.
pub(super) struct Names {
    input: &'static str,
    kernel: &'static str,
    stride: &'static str,
    dilation: &'static str,
    padded: &'static str,
    extent: &'static str,
}

pub(super) const HEIGHT: Names = Names {
    input: "image height",
    kernel: "kernel height",
    stride: "vertical stride",
    dilation: "vertical dilation",
    padded: "height of the padded image",
    extent: "height of the dilated kernel in the padded image",
};

pub(super) const WIDTH: Names = Names {
    input: "image width",
    kernel: "kernel width",
    stride: "horizontal stride",
    dilation: "horizontal dilation",
    padded: "width of the padded image",
    extent: "width of the dilated kernel in the padded image",
};

impl Axis {
    /// The axis of an image of `input` pixels. `padding` is `[before, after]` the image; without
    /// one the output is `ceil(input / stride)` large.
    pub(super) fn new(
        input: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        padding: Option<[usize; 2]>,
        names: &Names,
    ) -> Result<Self, Error> {
        let axis = Self {
            input: nonzero(names.input, input)?,
            kernel: nonzero(names.kernel, kernel)?,
            stride: nonzero(names.stride, stride)?,
            dilation: nonzero(names.dilation, dilation)?,
            before: 0,
            output: 1,
        };
        match padding {
            Some([before, after]) => axis.padded(before, after, names),
            None => axis.same(names),
        }
    }

    /// The axis of an image of `input` pixels and `[before, after]` of padding. If no window fits,
    /// its output is 1.
    pub(crate) const fn unchecked(
        input: usize,
        [before, after]: [usize; 2],
        kernel: usize,
        stride: usize,
        dilation: usize,
    ) -> Self {
        let mut axis = Self {
            input,
            kernel,
            stride,
            dilation,
            before,
            output: 1,
        };
        let room = (before + input + after).saturating_sub(axis.extent());
        axis.output += match stride {
            1 => room, // most often, and small cores divide slowly
            _ => room / positive(stride),
        };
        axis
    }

    /// Pixels from the first tap to the last, both included; the sizes must not overflow.
    pub(crate) const fn extent(&self) -> usize {
        self.kernel.saturating_sub(1) * self.dilation + 1
    }

    /// [`Axis::extent`] for any sizes.
    fn checked_extent(&self, names: &Names) -> Result<usize, Error> {
        let steps = mul(names.extent, self.kernel - 1, self.dilation)?;
        steps
            .checked_add(1)
            .ok_or(Error::Overflow { what: names.extent })
    }

    fn padded(self, before: usize, after: usize, names: &Names) -> Result<Self, Error> {
        let padded = before
            .checked_add(after)
            .and_then(|pad| pad.checked_add(self.input));
        let max = padded.ok_or(Error::Overflow { what: names.padded })?;
        let found = self.checked_extent(names)?;
        if found > max {
            return Err(Error::OutOfRange {
                what: names.extent,
                max,
                found,
            });
        }
        Ok(Self {
            before,
            output: (max - found) / positive(self.stride) + 1,
            ..self
        })
    }

    fn same(self, names: &Names) -> Result<Self, Error> {
        let output = self.input.div_ceil(positive(self.stride));
        // No overflow: the last window starts inside the image.
        let reach = ((output - 1) * self.stride).checked_add(self.checked_extent(names)?);
        let reach = reach.ok_or(Error::Overflow { what: names.padded })?;
        let padding = reach.saturating_sub(self.input);
        self.padded(padding / 2, padding - padding / 2, names)
    }

    /// The taps of the window at stop `o` that lie inside the image.
    #[must_use]
    pub fn inside(&self, o: usize) -> Range<usize> {
        let start = o * self.stride;
        let end = self.before + self.input;
        // The window does not leave the padded image, which was found not to overflow.
        if start >= self.before && start + (self.kernel - 1) * self.dilation < end {
            return 0..self.kernel;
        }
        let taps = |pixels: usize| match self.dilation {
            1 => pixels, // as above
            dilation => pixels.div_ceil(positive(dilation)),
        };
        let first = taps(self.before.saturating_sub(start));
        let past = taps(end.saturating_sub(start)).min(self.kernel);
        first.min(past)..past
    }

    /// The pixel under tap `tap` of the window at stop `o`; the tap must lie inside the image.
    #[must_use]
    pub fn pixel(&self, o: usize, tap: usize) -> usize {
        o * self.stride + tap * self.dilation - self.before
    }

    /// The padding after the image that windows reach into.
    pub(crate) const fn after(&self) -> usize {
        let reach = (self.output - 1) * self.stride + self.extent();
        reach.saturating_sub(self.before + self.input)
    }

    /// The first pixel that the window at stop `o`, or at a later one, lies on.
    pub(crate) const fn first(&self, o: usize) -> usize {
        (o * self.stride).saturating_sub(self.before)
    }

    /// The pixels that the window at stop `o` spans, and the axis of an image of only these pixels,
    /// over which the same window has its only stop.
    pub(crate) fn stop(&self, o: usize) -> (Range<usize>, Self) {
        let start = o * self.stride;
        let end = start + self.extent();
        let end = end.saturating_sub(self.before).min(self.input);
        let pixels = self.first(o).min(end)..end;
        let axis = Self {
            input: pixels.len(),
            before: self.before.saturating_sub(start),
            output: 1,
            ..*self
        };
        (pixels, axis)
    }

    /// Whether windows reach into padding on this axis.
    pub(crate) const fn is_padded(&self) -> bool {
        self.before > 0 || self.after() > 0
    }
}

#[cfg(test)]
mod laws;
