//! Convolutions over images `[batch, height, width, channels]` (NHWC).

mod binary;
mod depthwise;
mod fast;
pub mod gradients;
mod passes;
mod real;
mod shape;
mod windows;

pub use binary::{BinaryConv2dForward, binary_conv2d};
pub use bnn_core::conv::{ConvOptions, PadValue, Padding};
pub use real::{conv2d, sign_weight_conv2d};

pub(super) use windows::BatchWindows;
