//! What is checked of convolutions and pools.

use super::fault::Fault;
use super::format::{Record, Window, kind, pad};
use super::layer::{InputType, Layer};
use super::reader::Model;
use crate::conv::{Conv2d, ConvOptions, PadValue, Padding, Pool2d};

/// Reads a convolution or a pool and checks it, apart from the bits behind its rows of weights.
pub(super) fn layer<'a>(
    model: &Model<'a>,
    record: &Record,
    input: InputType,
) -> Result<Layer<'a>, Fault> {
    let window = &record.window;
    if record.kind == kind::MAX_POOL2D {
        let plain = record.input_depth == 0 && record.ending == 0 && record.pad == 0;
        let as_many = record.inputs == record.outputs;
        if !plain || !as_many || window.dilation != [1, 1] || window.groups != 1 {
            return Err(Fault::Pool);
        }
        let pool = pool_of(record).ok_or(Fault::Window)?;
        return match pool.is_moderate() {
            true => Ok(Layer::MaxPool2d(pool)),
            false => Err(Fault::Moderate),
        };
    }
    let pad_value = match record.pad {
        pad::ZERO => PadValue::Zero,
        pad::MINUS_ONE if record.input_depth == 0 => PadValue::MinusOne,
        pad::PLUS_ONE if record.input_depth == 0 => PadValue::PlusOne,
        _ => return Err(Fault::PadValue),
    };
    let conv = conv_of(record, pad_value).ok_or(Fault::Window)?;
    if !conv.is_moderate() {
        return Err(Fault::Moderate);
    }
    Ok(Layer::Conv2d {
        input,
        filters: model.weights_of(record, conv.patch_len(), input)?,
        conv,
        ending: model.ending(record)?,
    })
}

fn conv_of(record: &Record, pad_value: PadValue) -> Option<Conv2d> {
    let window = &record.window;
    let options = ConvOptions {
        stride: window.stride.map(usize::from),
        dilation: window.dilation.map(usize::from),
        groups: window.groups.into(),
        padding: padding_of(window),
        pad_value,
    };
    let kernel = window.kernel.map(usize::from);
    Conv2d::new(image_of(record), record.outputs as usize, kernel, options).ok()
}

fn pool_of(record: &Record) -> Option<Pool2d> {
    let window = &record.window;
    let (kernel, stride) = (
        window.kernel.map(usize::from),
        window.stride.map(usize::from),
    );
    Pool2d::new(image_of(record), kernel, stride, padding_of(window)).ok()
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
