//! The window of a spatial layer, as the file has it, made one that runs.

use super::format::{Record, Window, pad};
use crate::conv::{Conv2d, ConvOptions, PadValue, Padding, Pool2d};
use crate::error::Error;

pub(super) fn conv_of(record: &Record) -> Result<Conv2d, Error> {
    let window = &record.window;
    let options = ConvOptions {
        stride: window.stride.map(usize::from),
        dilation: window.dilation.map(usize::from),
        groups: window.groups.into(),
        padding: padding_of(window),
        pad_value: match record.pad {
            pad::ZERO => PadValue::Zero,
            pad::MINUS_ONE => PadValue::MinusOne,
            pad::PLUS_ONE => PadValue::PlusOne,
            _ => {
                return Err(Error::Unsupported {
                    what: "a padding value that this version does not know, expected 0, -1 or +1",
                });
            }
        },
    };
    let kernel = window.kernel.map(usize::from);
    Conv2d::new(image_of(record), record.outputs as usize, kernel, options)
}

pub(super) fn pool_of(record: &Record) -> Result<Pool2d, Error> {
    let window = &record.window;
    Pool2d::new(
        image_of(record),
        window.kernel.map(usize::from),
        window.stride.map(usize::from),
        padding_of(window),
    )
}

fn image_of(record: &Record) -> [usize; 3] {
    let [height, width] = record.window.image.map(usize::from);
    [height, width, record.inputs as usize]
}

fn padding_of(window: &Window) -> Padding {
    let [top, bottom, left, right] = window.padding.map(usize::from);
    Padding::Explicit {
        top,
        bottom,
        left,
        right,
    }
}
