//! Cropping as a layer.

use super::Module;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::tape::Var;

/// Images `[batch, height, width, channels]` without some of their rows and columns; see
/// [`ops::crop`].
///
/// ```
/// use bnn_autograd::nn::Crop;
///
/// // What a causal convolution over three steps without padding loses of a series.
/// let crop = Crop { top: 2, ..Crop::default() };
/// # let _ = crop;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crop {
    /// Rows that are cut off above.
    pub top: usize,
    /// Rows that are cut off below.
    pub bottom: usize,
    /// Columns that are cut off on the left.
    pub left: usize,
    /// Columns that are cut off on the right.
    pub right: usize,
}

impl Crop {
    fn cut_off(&self) -> [usize; 4] {
        [self.top, self.bottom, self.left, self.right]
    }
}

impl<T: Real> Module<T> for Crop {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        ops::crop(x, self.cut_off())
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.crop(self.cut_off())
    }
}
