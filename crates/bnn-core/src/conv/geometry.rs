//! The shape of a convolution.

use crate::error::Error;
use crate::shape::{matrix_words, mul, nonzero, positive, sum_fits};
use crate::window::{Padding, Windows};

/// The value of padding pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PadValue {
    /// True zero: padding adds nothing to a sum, as in a float convolution of the `+-1` tensors.
    /// Sums of windows that reach into the padding need a correction.
    #[default]
    Zero,
    /// `-1` in every channel; needs no correction.
    MinusOne,
    /// `+1` in every channel; needs no correction.
    PlusOne,
}

/// The options of a convolution; each pair is `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvOptions {
    /// Pixels from window to window.
    pub stride: [usize; 2],
    /// Pixels from tap to tap of a window.
    pub dilation: [usize; 2],
    /// Groups of input and output channels: the outputs of a group depend on its inputs only. With
    /// as many groups as channels the convolution is depthwise.
    pub groups: usize,
    /// The padding around the image.
    pub padding: Padding,
    /// The value of the padding.
    pub pad_value: PadValue,
}

impl Default for ConvOptions {
    /// Strides, dilations and groups of 1, and no padding.
    fn default() -> Self {
        Self {
            stride: [1, 1],
            dilation: [1, 1],
            groups: 1,
            padding: Padding::Valid,
            pad_value: PadValue::Zero,
        }
    }
}

/// The shape of a 2-D convolution: images `[batch, height, width, channels]`, filters `[outputs,
/// kernel height, kernel width, channels / groups]`, outputs `[batch, output height, output width,
/// outputs]`.
///
/// Filters are the rows of a bit matrix `[outputs, patch_len]`: weight `(ky, kx, c)` of a filter is
/// element `(ky * kernel width + kx) * (channels / groups) + c` of its row. Filters are not
/// flipped: as in all frameworks, "convolution" means cross-correlation. Output channel `o` belongs
/// to group `o / (outputs / groups)`, as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    windows: Windows,
    channels: usize,
    outputs: usize,
    groups: usize,
    pad_value: PadValue,
}

impl Conv2d {
    /// A convolution of images `[height, width, channels]` with `outputs` filters of `[height,
    /// width]`.
    ///
    /// # Errors
    /// A zero size; groups that do not divide channels and outputs; a (dilated) kernel larger than
    /// the padded image; a size that overflows, or sums that leave `i32`.
    pub fn new(
        image: [usize; 3],
        outputs: usize,
        kernel: [usize; 2],
        options: ConvOptions,
    ) -> Result<Self, Error> {
        let [height, width, channels] = image;
        let ConvOptions {
            stride,
            dilation,
            groups,
            padding,
            pad_value,
        } = options;
        nonzero("image channels", channels)?;
        nonzero("output channels", outputs)?;
        nonzero("groups", groups)?;
        multiple("image channels, by groups", channels, groups)?;
        multiple("output channels, by groups", outputs, groups)?;
        let windows = Windows::new([height, width], kernel, stride, dilation, padding)?;
        let pixels = mul("pixels of an image", height, width)?;
        matrix_words(pixels, channels)?;
        // Elements are up to 64 times as many as words, and are counted where they are numbers.
        mul("elements of an image", pixels, channels)?;
        let pixels = mul("pixels of an output", windows.y.output, windows.x.output)?;
        matrix_words(pixels, outputs)?;
        mul("elements of an output", pixels, outputs)?;
        let taps = mul("taps of a filter", windows.y.kernel, windows.x.kernel)?;
        let patch = mul("elements of a filter", taps, channels / groups)?;
        sum_fits(patch, 1)?;
        matrix_words(outputs, patch)?;
        Ok(Self {
            windows,
            channels,
            outputs,
            groups,
            pad_value,
        })
    }

    /// A convolution of sizes that have been checked.
    pub(crate) const fn trusted(
        windows: Windows,
        channels: usize,
        outputs: usize,
        groups: usize,
        pad_value: PadValue,
    ) -> Self {
        Self {
            windows,
            channels,
            outputs,
            groups,
            pad_value,
        }
    }

    /// The windows of the convolution, with the sizes of images and outputs.
    #[must_use]
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Channels of the images.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Channels of the outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Groups of channels.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// The value of the padding.
    #[must_use]
    pub fn pad_value(&self) -> PadValue {
        self.pad_value
    }

    /// Elements of a filter: `kernel height * kernel width * channels / groups`, the `k` of the
    /// product that a convolution is.
    #[must_use]
    pub fn patch_len(&self) -> usize {
        self.windows.taps() * self.group_channels()
    }

    /// Input channels of a group.
    pub(crate) fn group_channels(&self) -> usize {
        self.channels / positive(self.groups)
    }

    /// Output channels of a group.
    pub(crate) fn group_outputs(&self) -> usize {
        self.outputs / positive(self.groups)
    }
}

fn multiple(what: &'static str, found: usize, divisor: usize) -> Result<(), Error> {
    if !found.is_multiple_of(divisor) {
        return Err(Error::Indivisible {
            what,
            divisor,
            found,
        });
    }
    Ok(())
}
