//! The work of sliding a window over an image.

use bnn_core::internal::{Axis, axes};
use bnn_core::model::{InputType, Layer, LayerKind};

/// A window's way over an image.
pub(crate) struct Sliding {
    /// Rows of windows.
    pub(crate) lines: u64,
    /// Windows that reach out of the image.
    pub(crate) border: u64,
    /// Taps of all windows that lie inside the image, and all of them.
    pub(crate) inside: u64,
    pub(crate) taps: u64,
    /// Taps that are gathered for a window: all of them, or those that were not under the one
    /// before.
    pub(crate) gathered: u64,
    /// Words of 32 bits of a tap, or bytes.
    pub(crate) tap: u64,
    pub(crate) groups: u64,
    /// Whether it is a pool, which has no products.
    pub(crate) pool: bool,
}

impl Sliding {
    /// `None`: a dense layer.
    pub(crate) fn of(layer: &Layer<'_>) -> Option<Self> {
        let (windows, groups, pool) = match &layer.kind {
            LayerKind::Conv2d(conv) => (*conv.windows(), conv.groups(), false),
            LayerKind::MaxPool2d(pool) => (*pool.windows(), 1, true),
            _ => return None,
        };
        let [y, x] = axes(&windows);
        let axis = |axis: &Axis| {
            let kernel = axis.kernel;
            let taps = (0..axis.output).map(|stop| axis.inside(stop).len());
            let all: Vec<usize> = taps.collect();
            let whole = all.iter().filter(|&&taps| taps == kernel).count();
            (all.iter().sum::<usize>() as u64, whole as u64)
        };
        let ((rows, whole_rows), (columns, whole_columns)) = (axis(&y), axis(&x));
        let [height, width] = windows.output_size().map(|n| n as u64);
        let [kernel_height, kernel_width] = windows.kernel().map(|n| n as u64);
        let [.., channels] = layer.input_shape;
        let channels = channels / groups.max(1);
        let stride = windows.stride()[1] as u64;
        let slides = channels.is_multiple_of(32) && windows.dilation()[1] == 1 && width > 1;
        let new = if slides {
            kernel_width.min(stride)
        } else {
            kernel_width
        };
        Some(Self {
            lines: height,
            border: height * width - whole_rows * whole_columns,
            inside: rows * columns,
            taps: height * width * kernel_height * kernel_width,
            gathered: kernel_height * new,
            tap: match layer.input {
                InputType::Bits => channels.div_ceil(32) as u64,
                _ => channels as u64,
            },
            groups: groups as u64,
            pool,
        })
    }
}
