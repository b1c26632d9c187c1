//! Convolutions over images `[batch, height, width, channels]` (NHWC).

mod binary;
mod byte_images;
mod depthwise;
mod fast;
mod fixed;
pub mod gradients;
mod ordered;
mod passes;
mod pooled;
mod real;
mod shape;
mod unit;
mod windows;

pub use binary::{BinaryConv2dForward, binary_conv2d};
pub use bnn_core::conv::{ConvOptions, PadValue, Padding};
pub use real::{conv2d, sign_weight_conv2d};

pub(crate) use fixed::fixed_conv2d;
pub(crate) use pooled::{MaxPool, binary_conv2d_max_pool2d, sign_weight_conv2d_max_pool2d};
pub(crate) use real::ordered_conv2d;
pub(crate) use unit::{ResidualUnit, UnitVars, residual_unit};
pub(super) use windows::BatchWindows;
