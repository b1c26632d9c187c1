//! Options of a convolution.

use bnn_core::conv::{Conv2d, ConvOptions, PadValue, Padding};

use crate::error::Error;
use crate::status::bnn_status_t;

/// The value of pixels around an image. Numbers are fixed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the names of the header")]
pub enum bnn_pad_value_t {
    /// Zero, which adds nothing to a sum: the padding of other frameworks.
    BNN_PAD_ZERO = 0,
    /// -1 in every channel.
    BNN_PAD_MINUS_ONE = 1,
    /// +1 in every channel.
    BNN_PAD_PLUS_ONE = 2,
}

/// The shape of a convolution and the position of its windows. `bnn_conv2d_options_init` sets
/// everything that has a default; height, width, channels, outputs, kernel_height and kernel_width
/// have none (in graphs all of them but outputs may be 0, for those of the node).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_conv2d_options_t {
    /// Pixels of an image, from top to bottom.
    pub height: usize,
    /// Pixels of an image, from left to right.
    pub width: usize,
    /// Channels of an image, a multiple of `groups`.
    pub channels: usize,
    /// Channels of the output, a multiple of `groups`.
    pub outputs: usize,
    /// Taps of a filter, from top to bottom.
    pub kernel_height: usize,
    /// Taps of a filter, from left to right.
    pub kernel_width: usize,
    /// Pixels from window to window, downwards; by default 1.
    pub stride_y: usize,
    /// Pixels from window to window, to the right; by default 1.
    pub stride_x: usize,
    /// Pixels from tap to tap, downwards; by default 1.
    pub dilation_y: usize,
    /// Pixels from tap to tap, to the right; by default 1.
    pub dilation_x: usize,
    /// Groups into which channels and outputs are divided; the outputs of a group depend on the
    /// channels of that group only. By default 1. Output `o` is in group `o / (outputs / groups)`.
    pub groups: usize,
    /// Rows of padding above an image; by default 0.
    pub pad_top: usize,
    /// Rows of padding below an image; by default 0.
    pub pad_bottom: usize,
    /// Columns of padding to the left of an image; by default 0.
    pub pad_left: usize,
    /// Columns of padding to the right of an image; by default 0.
    pub pad_right: usize,
    /// A `bnn_pad_value_t`: the value of the padding; by default BNN_PAD_ZERO.
    pub pad_value: i32,
    /// The gradient of `x` passes where `|x| <= clip`, as in `bnn_linear_options_t`; by default 1.
    pub clip: f32,
}

plain!(bnn_conv2d_options_t {
    height,
    width,
    channels,
    outputs,
    kernel_height,
    kernel_width,
    stride_y,
    stride_x,
    dilation_y,
    dilation_x,
    groups,
    pad_top,
    pad_bottom,
    pad_left,
    pad_right,
    pad_value,
    clip
});

impl bnn_conv2d_options_t {
    /// The convolution that the options describe.
    pub(crate) fn conv(&self) -> Result<Conv2d, Error> {
        let image = [self.height, self.width, self.channels];
        let kernel = [self.kernel_height, self.kernel_width];
        Ok(Conv2d::new(image, self.outputs, kernel, self.windows()?)?)
    }

    /// How its windows lie.
    pub(crate) fn windows(&self) -> Result<ConvOptions, Error> {
        Ok(ConvOptions {
            stride: [self.stride_y, self.stride_x],
            dilation: [self.dilation_y, self.dilation_x],
            groups: self.groups,
            padding: Padding::Explicit {
                top: self.pad_top,
                bottom: self.pad_bottom,
                left: self.pad_left,
                right: self.pad_right,
            },
            pad_value: pad_value(self.pad_value)?,
        })
    }
}

fn pad_value(number: i32) -> Result<PadValue, Error> {
    use bnn_pad_value_t::*;
    let known = [
        (BNN_PAD_ZERO, PadValue::Zero),
        (BNN_PAD_MINUS_ONE, PadValue::MinusOne),
        (BNN_PAD_PLUS_ONE, PadValue::PlusOne),
    ];
    let found = known.iter().find(|(own, _)| *own as i32 == number);
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| Error::Refused {
            status: bnn_status_t::BNN_ERROR_RANGE,
            message: format!("pad_value is {number}, expected a bnn_pad_value_t"),
        })
}

export! {
    /// Sets every option that has a default to it, and the sizes that have none to 0.
    ///
    /// Errors: NULL, MISALIGNED.
    pub fn bnn_conv2d_options_init(options: *mut bnn_conv2d_options_t) -> bnn_status_t {
        options.place()?.put(bnn_conv2d_options_t {
            height: 0,
            width: 0,
            channels: 0,
            outputs: 0,
            kernel_height: 0,
            kernel_width: 0,
            stride_y: 1,
            stride_x: 1,
            dilation_y: 1,
            dilation_x: 1,
            groups: 1,
            pad_top: 0,
            pad_bottom: 0,
            pad_left: 0,
            pad_right: 0,
            pad_value: bnn_pad_value_t::BNN_PAD_ZERO as i32,
            clip: 1.0,
        });
        Ok(())
    }
}
