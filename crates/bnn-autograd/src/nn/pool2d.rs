//! Pools as layers; they have no parameters.

use super::Module;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, Padding};
use crate::real::Real;
use crate::tape::Var;

/// The windows of a pool.
#[derive(Clone, Copy, Debug)]
struct PoolOptions {
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
}

impl PoolOptions {
    fn adjacent(kernel: [usize; 2]) -> Self {
        Self {
            kernel,
            stride: kernel,
            padding: Padding::Valid,
        }
    }
}

/// The largest element under each window of images `[batch, height, width, channels]`. See
/// [`ops::max_pool2d`].
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d(PoolOptions);

/// The mean under each window of images `[batch, height, width, channels]`. See
/// [`ops::avg_pool2d`].
#[derive(Clone, Copy, Debug)]
pub struct AvgPool2d(PoolOptions);

/// The mean of each channel over its image: `[batch, height, width, channels]` to
/// `[batch, channels]`. See [`ops::global_avg_pool`].
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalAvgPool;

macro_rules! pool {
    ($pool:ident, $op:ident $(, $lower:item)?) => {
        impl $pool {
            /// Windows of `kernel` (`[height, width]`) pixels side by side, inside the image.
            #[must_use]
            pub fn new(kernel: [usize; 2]) -> Self {
                Self(PoolOptions::adjacent(kernel))
            }

            /// Places the windows `stride` (`[vertical, horizontal]`) pixels apart.
            #[must_use]
            pub fn with_stride(mut self, stride: [usize; 2]) -> Self {
                self.0.stride = stride;
                self
            }

            /// Adds padding around the image.
            #[must_use]
            pub fn with_padding(mut self, padding: Padding) -> Self {
                self.0.padding = padding;
                self
            }
        }

        impl<T: Real> Module<T> for $pool {
            fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
                ops::$op(x, self.0.kernel, self.0.stride, self.0.padding)
            }

            $($lower)?
        }
    };
}

pool!(
    MaxPool2d,
    max_pool2d,
    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.max_pool2d(self.0.kernel, self.0.stride, self.0.padding)
    }
);
pool!(AvgPool2d, avg_pool2d);

impl<T: Real> Module<T> for GlobalAvgPool {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        ops::global_avg_pool(x)
    }
}
