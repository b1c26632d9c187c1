//! Windows and channels, as attributes say them.

use std::ffi::CStr;

use bnn_core::conv::{Conv2d, ConvOptions, PadValue, Pool2d};
use bnn_core::internal::padding;

use super::NodeInfo;
use crate::schema::attribute;
use crate::tensor::{Refusal, refused};

/// The window of a convolution or a pool, and its channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) channels: usize,
    pub(super) kernel: [usize; 2],
    options: ConvOptions,
}

impl Window {
    /// The window of a node; of a linear layer, one of one pixel.
    pub(super) fn of(node: &impl NodeInfo, is_linear: bool) -> Result<Self, Refusal> {
        let channels = channels(node)?;
        if is_linear {
            return Ok(Self {
                channels,
                kernel: [1, 1],
                options: ConvOptions::default(),
            });
        }
        let Some(kernel) = sizes(node, attribute::KERNEL)? else {
            return refused("the attribute kernel_shape: expected two sizes, found none");
        };
        let pads = sizes(node, attribute::PADS)?.unwrap_or_default();
        Ok(Self {
            channels,
            kernel,
            options: ConvOptions {
                stride: sizes(node, attribute::STRIDES)?.unwrap_or([1, 1]),
                dilation: sizes(node, attribute::DILATIONS)?.unwrap_or([1, 1]),
                groups: size("group", node.int(attribute::GROUP).unwrap_or(1))?,
                padding: padding(pads),
                pad_value: match node.int(attribute::PAD_VALUE).unwrap_or(0) {
                    0 => PadValue::Zero,
                    1 => PadValue::PlusOne,
                    -1 => PadValue::MinusOne,
                    other => {
                        return refused(format!(
                            "the attribute pad_value: expected -1, 0 or 1, found {other}"
                        ));
                    }
                },
            },
        })
    }

    /// The convolution of images of a size.
    pub(super) fn conv(
        &self,
        [height, width]: [usize; 2],
        outputs: usize,
    ) -> Result<Conv2d, Refusal> {
        let image = [height, width, self.channels];
        Ok(Conv2d::new(image, outputs, self.kernel, self.options)?)
    }

    /// The pool of images of a size.
    pub(super) fn pool(
        &self,
        [height, width]: [usize; 2],
        channels: usize,
    ) -> Result<Pool2d, Refusal> {
        let ConvOptions {
            stride, padding, ..
        } = self.options;
        let image = [height, width, channels];
        Ok(Pool2d::new(image, self.kernel, stride, padding)?)
    }

    /// Elements of a filter.
    pub(super) fn patch_len(&self) -> Result<usize, Refusal> {
        let [height, width] = self.kernel;
        let groups = self.options.groups;
        let channels = self.channels.checked_div(groups).unwrap_or(0);
        let taps = height.checked_mul(width);
        match taps.and_then(|taps| taps.checked_mul(channels)) {
            Some(len) if len > 0 => Ok(len),
            _ => refused(format!(
                "expected filters with elements, found kernels {:?} of {} channels in {groups} \
                 groups",
                self.kernel, self.channels
            )),
        }
    }

    /// Products of an element of the images with filters, at most.
    pub(super) fn products(&self, outputs: usize) -> usize {
        let [height, width] = self.kernel;
        let taps = height.saturating_mul(width);
        taps.saturating_mul(outputs) / self.groups().max(1)
    }

    /// Groups of channels.
    pub(super) fn groups(&self) -> usize {
        self.options.groups
    }
}

/// The attribute `channels`: elements of a pixel or a row.
pub(super) fn channels(node: &impl NodeInfo) -> Result<usize, Refusal> {
    match node.int(attribute::CHANNELS) {
        Some(channels) => size("channels", channels),
        None => refused("the attribute channels: expected a number, found none"),
    }
}

fn size(name: &str, found: i64) -> Result<usize, Refusal> {
    usize::try_from(found).map_err(|_| {
        Refusal(format!(
            "the attribute {name}: expected a size, found {found}"
        ))
    })
}

fn sizes<const N: usize>(node: &impl NodeInfo, name: &CStr) -> Result<Option<[usize; N]>, Refusal> {
    let Some(found) = node.ints(name) else {
        return Ok(None);
    };
    let name = name.to_string_lossy();
    let Ok(found) = <[i64; N]>::try_from(&found[..]) else {
        return refused(format!(
            "the attribute {name}: expected {N} numbers, found {}",
            found.len()
        ));
    };
    let mut sizes = [0; N];
    for (place, found) in sizes.iter_mut().zip(found) {
        *place = size(&name, found)?;
    }
    Ok(Some(sizes))
}
