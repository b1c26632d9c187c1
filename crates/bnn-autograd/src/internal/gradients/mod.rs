//! The backward passes of binary layers over slices, without a tape, for callers that keep saved
//! data in their own memory, as the C ABI does. The functions on the tape use the same products.
//!
//! A layer is `y = scale * (sign(x) · sign(w)^T) + bias`, or the same with a convolution. A forward
//! pass keeps [`SavedInput`], two bits per element of `x`; given `dy`, the gradient of a loss with
//! respect to `y`, the functions of [`linear`] and [`conv2d`] write the others. `sign` has the
//! straight-through gradient (Hubara et al. 2016, arXiv 1602.02830). Results are the same bits for
//! any number of threads.
//!
//! ```
//! use bnn_autograd::internal::gradients::{SavedInput, linear};
//! use bnn_core::BitMatrix;
//!
//! # fn main() -> Result<(), bnn_autograd::Error> {
//! let (m, n, k) = (1, 1, 3);
//! let w = BitMatrix::pack(&[1.0_f32, -1.0, 1.0], n, k)?;
//! let mut words = vec![0; SavedInput::words(m, k)?];
//! let saved = SavedInput::save(&[0.5, -0.2, 1.5], m, k, 1.0, &mut words)?;
//! let (mut dx, mut dw) = ([0.0; 3], [0.0; 3]);
//! linear::input(w.view(), &saved, &[2.0], &mut dx)?;
//! linear::weights(&saved, &[2.0], &mut dw)?;
//! assert_eq!(dx, [2.0, -2.0, 0.0]); // nothing passes where |x| > 1
//! assert_eq!(dw, [2.0, -2.0, 2.0]);
//! # Ok(())
//! # }
//! ```

pub mod linear;

pub use crate::ops::conv2d::gradients as conv2d;
pub use crate::saved_input::SavedInput;

use crate::error::Error;
use crate::ops::{column_sums, scale_rows};

/// `dy * scale` per column, the gradient with respect to the sums of a layer; `scale` has a factor
/// per column.
///
/// # Errors
/// [`Error::Count`] if `dy` is not made of whole rows.
pub fn scaled(dy: &[f32], scale: &[f32]) -> Result<Vec<f32>, Error> {
    rows_of("gradient of the outputs", dy, scale.len())?;
    let mut scaled = dy.to_vec();
    scale_rows(&mut scaled, scale);
    Ok(scaled)
}

/// The gradient of a bias: the sum of every column of `dy`, added in `f64`.
///
/// # Errors
/// [`Error::Count`] if `dy` is not made of whole rows of `dbias.len()` elements.
pub fn bias(dy: &[f32], dbias: &mut [f32]) -> Result<(), Error> {
    rows_of("gradient of the outputs", dy, dbias.len())?;
    let sums = column_sums(dy, dbias.len());
    let pairs = dbias.iter_mut().zip(sums);
    pairs.for_each(|(bias, sum)| *bias = sum as f32);
    Ok(())
}

/// The rows of `cols` elements, at least one, that `x` is made of.
fn rows_of(what: &'static str, x: &[f32], cols: usize) -> Result<usize, Error> {
    let rows = x.len().checked_div(cols).unwrap_or(0).max(1);
    Error::check_count(what, rows.saturating_mul(cols.max(1)), x.len())?;
    Ok(rows)
}
