//! Convolutions that are computed in ways of their own.

use crate::conv::Conv2d;
use crate::window::Axis;

impl Conv2d {
    pub(super) fn is_depthwise(&self) -> bool {
        self.groups() == self.channels() && self.channels() > 1
    }

    /// Whether every pixel is one window, in order: then images are the left side of a product as
    /// they are.
    pub(super) fn is_pointwise(&self) -> bool {
        let each = |axis: &Axis| {
            axis.kernel == 1 && axis.stride == 1 && axis.before == 0 && axis.output == axis.input
        };
        self.groups() == 1 && each(&self.windows().y) && each(&self.windows().x)
    }
}
