//! Windows of a whole image: how many pixels there are, and which windows reach out of it.

use core::ops::Range;

use super::{Axis, Windows};
use crate::shape::positive;

impl Axis {
    /// The stops at which tap `tap` lies inside the image.
    pub(crate) fn stops(&self, tap: usize) -> Range<usize> {
        // Stop o is inside if before <= o * stride + offset < before + input.
        let offset = tap * self.dilation;
        let first = self
            .before
            .saturating_sub(offset)
            .div_ceil(positive(self.stride));
        let end = (self.before + self.input).saturating_sub(offset);
        let end = end.div_ceil(positive(self.stride)).min(self.output);
        first.min(end)..end
    }

    /// The stops at which the whole window lies inside the image.
    pub(crate) fn whole(&self) -> Range<usize> {
        // The padded image was found not to overflow, as in `inside`.
        let fits = (self.before + self.input).checked_sub(self.extent());
        let end = fits.map_or(0, |last| last / positive(self.stride) + 1);
        let end = end.min(self.output);
        self.before.div_ceil(positive(self.stride)).min(end)..end
    }

    /// Whether every window spans a pixel of the image, and there are no more windows than pixels.
    pub(crate) fn is_moderate(&self) -> bool {
        let extent = self.extent();
        self.before < extent && self.after() < extent && self.output <= self.input
    }

    /// Whether some window reaches out of the image.
    pub(crate) fn is_clipped(&self) -> bool {
        self.whole().len() < self.output
    }
}

impl Windows {
    /// Pixels of an image.
    pub(crate) fn pixels(&self) -> usize {
        self.y.input * self.x.input
    }

    /// Pixels of an output.
    pub(crate) fn output_pixels(&self) -> usize {
        self.y.output * self.x.output
    }

    /// Whether some window reaches out of the image.
    pub(crate) fn is_clipped(&self) -> bool {
        self.y.is_clipped() || self.x.is_clipped()
    }

    /// Whether padding is less than a window, and outputs are no larger than images: what a model
    /// file requires of its layers, so that there are rows to run by, and no small file asks for
    /// much memory or time.
    pub(crate) fn is_moderate(&self) -> bool {
        self.y.is_moderate() && self.x.is_moderate()
    }
}
