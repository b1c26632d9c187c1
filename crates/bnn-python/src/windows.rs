//! Padding and pools as Python says them: `(top, bottom, left, right)`.

use bnn_core::conv::{Padding, Pool2d};
use bnn_core::internal;

use crate::error::Refusal;

pub(crate) fn padding([top, bottom, left, right]: [usize; 4]) -> Padding {
    internal::padding([top, left, bottom, right])
}

/// The pool of images `[height, width, channels]`.
pub(crate) fn pool(
    image: [usize; 3],
    kernel: [usize; 2],
    stride: [usize; 2],
    sides: [usize; 4],
) -> Result<Pool2d, Refusal> {
    Ok(Pool2d::new(image, kernel, stride, padding(sides))?)
}
