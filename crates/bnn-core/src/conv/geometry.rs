//! The shape of a convolution, checked once.

use super::axis::{Axis, Padding, axes};
use super::depthwise;
use crate::error::Error;
use crate::planes::Planes;
use crate::shape::{matrix_words, mul, nonzero, positive, row_words, sum_fits};

/// What the pixels of the padding are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PadValue {
    /// True zero: padding adds nothing to a sum, exactly as in the convolution of the `+-1` tensors in
    /// floats. Costs a correction at the pixels whose window is clipped.
    #[default]
    Zero,
    /// `-1` in every channel: free.
    MinusOne,
    /// `+1` in every channel: free.
    PlusOne,
}

/// The options of a convolution; each pair is `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvOptions {
    /// Pixels from window to window.
    pub stride: [usize; 2],
    /// Pixels from tap to tap of a window.
    pub dilation: [usize; 2],
    /// TiledOutput into which input and output channels are divided: the outputs of a part see its inputs
    /// only. With as many groups as channels the convolution is depthwise.
    pub groups: usize,
    /// What surrounds the image.
    pub padding: Padding,
    /// What that is made of.
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

/// The shape of a 2-D convolution: images `[batch, height, width, channels]`, filters
/// `[outputs, kernel height, kernel width, channels / groups]`, outputs
/// `[batch, output height, output width, outputs]`.
///
/// Filters are the rows of a bit matrix `[outputs, patch_len]`: weight `(ky, kx, c)` of a filter is
/// element `(ky * kernel width + kx) * (channels / groups) + c` of its row. What is multiplied is the
/// cross-correlation that all frameworks call convolution: filters are not flipped. Output channel `o`
/// is of group `o / (outputs / groups)`, as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    pub(super) y: Axis,
    pub(super) x: Axis,
    channels: usize,
    outputs: usize,
    groups: usize,
    pad_value: PadValue,
}

impl Conv2d {
    /// A convolution of images `[height, width, channels]` with `outputs` filters of
    /// `[height, width]`.
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
        let [y, x] = axes([height, width], kernel, stride, dilation, padding)?;
        let pixels = mul("pixels of an image", height, width)?;
        matrix_words(pixels, channels)?;
        // Elements are up to 64 times as many as words, and are counted where they are numbers.
        mul("elements of an image", pixels, channels)?;
        let pixels = mul("pixels of an output", y.output, x.output)?;
        matrix_words(pixels, outputs)?;
        mul("elements of an output", pixels, outputs)?;
        let taps = mul("taps of a filter", y.kernel, x.kernel)?;
        let patch = mul("elements of a filter", taps, channels / groups)?;
        sum_fits(patch, 1)?;
        matrix_words(outputs, patch)?;
        Ok(Self {
            y,
            x,
            channels,
            outputs,
            groups,
            pad_value,
        })
    }

    /// The same for sizes that have been checked: `[vertical, horizontal]` axes, input and output channels.
    pub(crate) const fn trusted(
        [y, x]: [Axis; 2],
        channels: usize,
        outputs: usize,
        groups: usize,
        pad_value: PadValue,
    ) -> Self {
        Self {
            y,
            x,
            channels,
            outputs,
            groups,
            pad_value,
        }
    }

    /// `[height, width]` of the images.
    #[must_use]
    pub fn input_size(&self) -> [usize; 2] {
        [self.y.input, self.x.input]
    }

    /// `[height, width]` of the outputs.
    #[must_use]
    pub fn output_size(&self) -> [usize; 2] {
        [self.y.output, self.x.output]
    }

    /// `[height, width]` of a filter, in taps.
    #[must_use]
    pub fn kernel(&self) -> [usize; 2] {
        [self.y.kernel, self.x.kernel]
    }

    /// Pixels of padding `[above, left of]` the image.
    #[must_use]
    pub fn padding_before(&self) -> [usize; 2] {
        [self.y.before, self.x.before]
    }

    /// Pixels of padding `[below, right of]` the image, as many of them as windows reach into.
    #[must_use]
    pub fn padding_after(&self) -> [usize; 2] {
        [self.y.after(), self.x.after()]
    }

    /// `[vertical, horizontal]` stride.
    #[must_use]
    pub fn stride(&self) -> [usize; 2] {
        [self.y.stride, self.x.stride]
    }

    /// `[vertical, horizontal]` dilation.
    #[must_use]
    pub fn dilation(&self) -> [usize; 2] {
        [self.y.dilation, self.x.dilation]
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

    /// What the padding is made of.
    #[must_use]
    pub fn pad_value(&self) -> PadValue {
        self.pad_value
    }

    /// Elements of a filter: `kernel height * kernel width * channels / groups`, the `k` of the product
    /// that a convolution is.
    #[must_use]
    pub fn patch_len(&self) -> usize {
        self.taps() * self.group_channels()
    }

    /// Words of scratch memory that a run with [`Filters::canonical`](super::Filters::canonical)
    /// filters needs; `depth` is that of unsigned inputs, `None` for bits and floats.
    ///
    /// # Errors
    /// A depth outside 1 to 8, or a size that overflows.
    pub fn scratch_words(&self, depth: Option<usize>) -> Result<usize, Error> {
        if self.is_depthwise() {
            let sums = depthwise::sums_len(self).div_ceil(2);
            return depthwise::words(self)?
                .checked_add(sums)
                .ok_or(Error::Overflow {
                    what: "words of scratch memory",
                });
        }
        self.patch_words(depth)
    }

    /// Words of the patch under a window, of one group of channels: of bits, or of integers of `depth` bits.
    pub(crate) fn patch_words(&self, depth: Option<usize>) -> Result<usize, Error> {
        match depth {
            None => Ok(row_words(self.patch_len())),
            Some(depth) => Planes::words(1, self.patch_len(), depth),
        }
    }

    /// The convolution of an image of just the rows under the windows of output row `oy` to just that row.
    /// Padding above and below is less than the kernel's extent, so that there is a row.
    pub(crate) fn line(&self, oy: usize) -> Self {
        let (_, y) = self.y.stop(oy);
        Self { y, ..*self }
    }

    /// Whether padding is less than a window, and outputs are no larger than images: what a model file wants
    /// of its layers, so that there are rows to run by, and no small file asks for much memory or time.
    #[cfg(feature = "alloc")]
    pub(crate) fn is_moderate(&self) -> bool {
        self.y.is_moderate() && self.x.is_moderate()
    }

    /// The windows from row to row.
    pub(crate) fn vertical(&self) -> &Axis {
        &self.y
    }

    /// The windows along a row.
    pub(crate) fn horizontal(&self) -> &Axis {
        &self.x
    }

    /// Pixels of an image.
    pub(crate) fn pixels(&self) -> usize {
        self.y.input * self.x.input
    }

    /// Pixels of an output.
    pub(crate) fn output_pixels(&self) -> usize {
        self.y.output * self.x.output
    }

    pub(crate) fn taps(&self) -> usize {
        self.y.kernel * self.x.kernel
    }

    /// Input channels of a group.
    pub(crate) fn group_channels(&self) -> usize {
        self.channels / positive(self.groups)
    }

    /// Output channels of a group.
    pub(crate) fn group_outputs(&self) -> usize {
        self.outputs / positive(self.groups)
    }

    pub(super) fn is_depthwise(&self) -> bool {
        self.groups == self.channels && self.channels > 1
    }

    /// Whether a window is one pixel and every pixel has its window, in order: then images are the left
    /// side of a product as they are.
    pub(super) fn is_pointwise(&self) -> bool {
        let each = |axis: &Axis| {
            axis.kernel == 1 && axis.stride == 1 && axis.before == 0 && axis.output == axis.input
        };
        self.groups == 1 && each(&self.y) && each(&self.x)
    }

    /// Whether some window reaches out of the image.
    pub(super) fn is_clipped(&self) -> bool {
        self.y.is_clipped() || self.x.is_clipped()
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
