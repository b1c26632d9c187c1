//! The operations of layers.

use core::fmt;

use crate::conv::{Conv2d, Pool2d};

/// The operation of a layer.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum LayerKind {
    /// A fully connected layer.
    Dense,
    /// A convolution. With a kernel as large as the image it is a fully connected layer on the
    /// flattened image, whose inputs are in the order rows, columns, channels.
    Conv2d(Conv2d),
    /// The largest element of each window, from bits to bits.
    MaxPool2d(Pool2d),
}

impl fmt::Display for LayerKind {
    /// `dense`, `conv2d` or `max_pool2d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LayerKind::Dense => "dense",
            LayerKind::Conv2d(_) => "conv2d",
            LayerKind::MaxPool2d(_) => "max_pool2d",
        })
    }
}

impl LayerKind {
    /// The height and width of the windows of a pool.
    pub(super) fn pool_window(&self) -> Option<[usize; 2]> {
        match self {
            LayerKind::MaxPool2d(pool) => Some(pool.windows().kernel()),
            _ => None,
        }
    }
}
