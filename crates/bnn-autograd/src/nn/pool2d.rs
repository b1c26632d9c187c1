//! Pools as layers; they have no parameters.

use super::Module;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, Padding};
use crate::real::Real;
use crate::tape::Var;

/// The mean of each channel over its image: `[batch, height, width, channels]` to
/// `[batch, channels]`. See [`ops::global_avg_pool`].
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalAvgPool;

macro_rules! pool {
    ($(#[$doc:meta])* $pool:ident, $op:ident, $lower:item) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $pool {
            /// `[height, width]` of the windows.
            pub kernel: [usize; 2],
            /// Pixels from window to window, `[vertical, horizontal]`.
            pub stride: [usize; 2],
            /// The padding around the image.
            pub padding: Padding,
        }

        impl $pool {
            /// Windows of `kernel` (`[height, width]`) pixels side by side, inside the image.
            #[must_use]
            pub fn new(kernel: [usize; 2]) -> Self {
                Self {
                    kernel,
                    stride: kernel,
                    padding: Padding::Valid,
                }
            }
        }

        impl<T: Real> Module<T> for $pool {
            fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
                ops::$op(x, self.kernel, self.stride, self.padding)
            }

            $lower
        }
    };
}

pool!(
    /// The largest element under each window of images `[batch, height, width, channels]`. See
    /// [`ops::max_pool2d`].
    ///
    /// ```
    /// use bnn_autograd::nn::MaxPool2d;
    /// use bnn_autograd::ops::Padding;
    ///
    /// let same = MaxPool2d { stride: [1, 1], padding: Padding::Same, ..MaxPool2d::new([3, 3]) };
    /// # let _ = same;
    /// ```
    MaxPool2d,
    max_pool2d,
    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        lower_max_pool(self, to)
    }
);
pool!(
    /// The mean under each window of images `[batch, height, width, channels]`. See
    /// [`ops::avg_pool2d`].
    AvgPool2d,
    avg_pool2d,
    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.avg_pool2d(self.kernel, self.stride, self.padding)
    }
);

/// Says what a max pool computes, also one that is joined with the layer before it.
pub(super) fn lower_max_pool(pool: &MaxPool2d, to: &mut Lowering) -> Result<(), ExportError> {
    to.max_pool2d(pool.kernel, pool.stride, pool.padding)
}

impl From<&MaxPool2d> for ops::MaxPool {
    fn from(pool: &MaxPool2d) -> Self {
        Self {
            kernel: pool.kernel,
            stride: pool.stride,
            padding: pool.padding,
        }
    }
}

impl<T: Real> Module<T> for GlobalAvgPool {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        ops::global_avg_pool(x)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.global_avg_pool()
    }
}
