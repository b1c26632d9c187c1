//! For the other crates of this workspace only; it may change at any time.

pub mod gradients;

use bnn_core::BitMatrixView;

use crate::buffer::Buffer;
use crate::error::Error;
use crate::linalg::{mat, matmul_signs};

/// `y = x · signs`, `[m, n]`, for `x` `[m, k]` and signs `[k, n]`.
///
/// # Errors
/// [`Error::Count`] if `x` or `y` is not made of whole rows, or of as many.
pub fn product_with_signs(x: &[f32], signs: BitMatrixView<'_>, y: &mut [f32]) -> Result<(), Error> {
    let (k, n) = (signs.rows(), signs.cols());
    let m = x.len() / k;
    Error::check_count("elements of the left side", m.saturating_mul(k), x.len())?;
    Error::check_count("elements of the product", m.saturating_mul(n), y.len())?;
    let product = Buffer::new(matmul_signs(mat(x, m, k), signs));
    y.copy_from_slice(&product);
    Ok(())
}
