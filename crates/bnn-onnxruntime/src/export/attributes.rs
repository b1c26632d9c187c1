//! Windows as attributes of nodes.

use std::ffi::CStr;

use bnn_core::conv::{Conv2d, PadValue, Windows};
use bnn_core::internal::padded_sides;

use super::file::Attribute;
use super::file::Attribute::{Int, Ints};
use crate::schema::attribute;

/// The attributes of a node with windows.
pub(super) struct Attributes {
    channels: i64,
    pub(super) kernel: [i64; 2],
    pub(super) strides: [i64; 2],
    dilations: [i64; 2],
    pub(super) pads: [i64; 4],
    group: i64,
    pad_value: i64,
}

impl Attributes {
    pub(super) fn of(channels: usize, windows: &Windows) -> Self {
        let int = |pair: [usize; 2]| pair.map(|n| n as i64);
        Self {
            channels: channels as i64,
            kernel: int(windows.kernel()),
            strides: int(windows.stride()),
            dilations: int(windows.dilation()),
            pads: padded_sides(windows).map(|side| side as i64),
            group: 1,
            pad_value: 0,
        }
    }

    pub(super) fn with(self, conv: &Conv2d) -> Self {
        Self {
            group: conv.groups() as i64,
            pad_value: match conv.pad_value() {
                PadValue::Zero => 0,
                PadValue::PlusOne => 1,
                PadValue::MinusOne => -1,
            },
            ..self
        }
    }

    /// Names and values, `channels` first.
    pub(super) fn list(&self) -> Vec<(&'static CStr, Attribute<'_>)> {
        vec![
            (attribute::CHANNELS, Int(self.channels)),
            (attribute::KERNEL, Ints(&self.kernel)),
            (attribute::STRIDES, Ints(&self.strides)),
            (attribute::DILATIONS, Ints(&self.dilations)),
            (attribute::PADS, Ints(&self.pads)),
            (attribute::GROUP, Int(self.group)),
            (attribute::PAD_VALUE, Int(self.pad_value)),
        ]
    }
}
