//! What is checked of convolutions and pools, and how they are read then.

use super::fault::{Fault, ok};
use super::format::{Record, Shape, WindowRecord, kind, pad};
use super::layer::{InputType, LayerKind};
use super::plan::Regions;
use super::reader::Model;
use crate::conv::{Conv2d, PadValue, Pool2d};
use crate::window::{Axis, Windows};

/// Checks the geometry of a convolution or a pool, as `Conv2d::new` and `Pool2d::new` do and
/// beyond, in little code; returns the elements of a filter.
pub(super) const fn check(record: &Record, input: InputType) -> Result<usize, Fault> {
    let window = &record.window;
    if record.kind == kind::MAX_POOL2D {
        let plain = record.input == 0 && record.epilogue == 0 && record.pad == 0;
        let as_many = record.inputs == record.outputs;
        if !(plain && as_many && matches!(window.dilation, [1, 1]) && window.groups == 1) {
            return Err(Fault::Pool);
        }
    } else {
        match record.pad {
            pad::ZERO => {}
            pad::MINUS_ONE | pad::PLUS_ONE if !matches!(input, InputType::Unsigned { .. }) => {}
            _ => return Err(Fault::PadValue),
        }
    }
    let Windows { y, x } = window.windows();
    let [_, bottom, _, right] = window.padding;
    ok!(check_axis(&y, bottom));
    ok!(check_axis(&x, right));
    let (channels, outputs) = (record.inputs as usize, record.outputs as usize);
    let groups = window.groups as usize;
    let fits = groups > 0
        && channels.is_multiple_of(groups)
        && outputs.is_multiple_of(groups)
        && fits_memory(&[y.input, x.input, channels])
        && fits_memory(&[y.output, x.output, outputs])
        && fits_memory(&[y.kernel, x.kernel, channels]);
    match fits {
        // Not zero, and no more than what has just been found to fit.
        true => Ok(y.kernel * x.kernel * (channels / groups)),
        false => Err(Fault::Window),
    }
}

pub(super) const fn check_axis(axis: &Axis, after: u8) -> Result<(), Fault> {
    let (extent, after) = (axis.extent(), after as usize);
    if axis.input == 0 || axis.kernel == 0 || axis.stride == 0 || axis.dilation == 0 {
        return Err(Fault::Window);
    }
    if extent > axis.before + axis.input + after {
        return Err(Fault::Window);
    }
    if axis.before >= extent || after >= extent || axis.output > axis.input {
        return Err(Fault::Moderate);
    }
    Ok(())
}

/// Whether an image of this shape has at least one element, and fits memory at eight bytes for
/// each.
pub(super) const fn fits_memory(&[height, width, channels]: &[usize; 3]) -> bool {
    // Two sides have 32 bits together.
    match (height * width).checked_mul(channels) {
        None | Some(0) => false,
        Some(elements) => elements <= isize::MAX as usize / size_of::<u64>(),
    }
}

/// The convolution of a record that has been checked, or of a part of its image.
pub(super) fn conv_of(record: &Record, windows: Windows) -> Conv2d {
    let pad_value = match record.pad {
        pad::MINUS_ONE => PadValue::MinusOne,
        pad::PLUS_ONE => PadValue::PlusOne,
        _ => PadValue::Zero,
    };
    Conv2d::trusted(
        windows,
        record.inputs as usize,
        record.outputs as usize,
        record.window.groups.into(),
        pad_value,
    )
}

/// The pool of a record that has been checked, or of a part of its image.
pub(super) fn pool_of(record: &Record, windows: Windows) -> Pool2d {
    Pool2d::trusted(windows, record.inputs as usize)
}

/// The operation of a layer that has been checked, and the elements of a row of its weights.
pub(super) fn operation(record: &Record) -> (LayerKind, Option<usize>) {
    match record.kind {
        kind::MAX_POOL2D => {
            let pool = pool_of(record, record.window.windows());
            (LayerKind::MaxPool2d(pool), None)
        }
        kind::CONV2D => {
            let conv = conv_of(record, record.window.windows());
            (LayerKind::Conv2d(conv), Some(conv.patch_len()))
        }
        _ => (LayerKind::Dense, Some(record.inputs as usize)),
    }
}

/// Where the rows of the layers so far begin and end in scratch memory: all else lies before them.
pub(super) struct RowsPlace {
    begin: usize,
    end: usize,
}

impl RowsPlace {
    pub(super) const NONE: Self = Self {
        begin: usize::MAX,
        end: 0,
    };

    /// Checks the regions of the next layer, which has rows if it is `spatial`.
    pub(super) const fn add(&mut self, regions: &Regions, spatial: bool) -> Result<(), Fault> {
        let Regions {
            input,
            work,
            output,
        } = regions;
        if spatial {
            if self.end == 0 {
                self.begin = input.start;
            }
            if input.start < self.end {
                return Err(Fault::RowsOrder);
            }
            self.end = input.end;
        }
        if work.end > self.begin || output.end > self.begin {
            return Err(Fault::RowsPlace);
        }
        Ok(())
    }
}

impl Model<'_> {
    /// The vertical strides of a chain multiplied; `None`: a layer is padded above or below.
    pub(super) const fn chain_step(&self) -> Option<usize> {
        let (mut step, mut layers): (usize, _) = (1, self.records);
        while let [layer, after @ ..] = layers {
            let record = Record::decode(layer);
            if record.is_spatial() {
                let y = record.window.windows().y;
                if y.is_padded() {
                    return None;
                }
                step = step.saturating_mul(y.stride);
            }
            layers = after;
        }
        Some(step)
    }
}

impl Record {
    /// The shape of the output; the record must have been checked.
    pub(super) const fn output_shape(&self) -> Shape {
        Shape {
            sides: match self.is_spatial() {
                // No larger than the image.
                true => {
                    let [height, width] = self.window.windows().output_size();
                    [height as u16, width as u16]
                }
                false => [1, 1],
            },
            channels: self.outputs,
        }
    }
}

impl WindowRecord {
    /// The windows, of a record of any bytes; where none fits, their output has a size of 1.
    pub(super) const fn windows(&self) -> Windows {
        let Self {
            image: [height, width],
            kernel: [kh, kw],
            stride: [sh, sw],
            padding: [top, bottom, left, right],
            dilation: [dh, dw],
            ..
        } = *self;
        let y = [
            height,
            top as u16,
            bottom as u16,
            kh as u16,
            sh as u16,
            dh as u16,
        ];
        let x = [
            width,
            left as u16,
            right as u16,
            kw as u16,
            sw as u16,
            dw as u16,
        ];
        Windows {
            y: axis(y),
            x: axis(x),
        }
    }
}

#[inline(never)] // little code matters more
const fn axis([input, before, after, kernel, stride, dilation]: [u16; 6]) -> Axis {
    let padding = [before as usize, after as usize];
    Axis::unchecked(
        input as usize,
        padding,
        kernel as usize,
        stride as usize,
        dilation as usize,
    )
}
