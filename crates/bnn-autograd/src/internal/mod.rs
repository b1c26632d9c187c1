//! For the other crates of this workspace only; it may change at any time.

#[cfg(feature = "data")]
pub mod data;
pub mod export;
#[cfg(feature = "checkpoint")]
pub mod files;
pub mod gradients;
mod recipe;

use bnn_core::BitMatrixView;

#[cfg(all(feature = "data", feature = "checkpoint"))]
pub use crate::buffer::peak_of;
pub use crate::models::size::MOST_WEIGHTS;
pub use recipe::Recipe;

use crate::error::Error;
use crate::linalg::{mat, matmul_signs_to};
use crate::models::Mlp;
use crate::nn::{BatchNorm, Param};
use crate::ops::Affine;

/// `y = x · signs`, `[m, n]`, for `x` `[m, k]` and signs `[k, n]`.
///
/// # Errors
/// [`Error::Count`] if `x` or `y` is not made of whole rows, or of as many.
pub fn product_with_signs(x: &[f32], signs: BitMatrixView<'_>, y: &mut [f32]) -> Result<(), Error> {
    let (k, n) = (signs.rows(), signs.cols());
    let m = x.len() / k;
    Error::check_count("elements of the left side", m.saturating_mul(k), x.len())?;
    Error::check_count("elements of the product", m.saturating_mul(n), y.len())?;
    matmul_signs_to(mat(x, m, k), signs, y);
    Ok(())
}

/// The latent weights `[n, k]` of each layer of a network and what its batch normalisation computes
/// in evaluation, if it has one, from the input to the output.
///
/// # Errors
/// Those of [`fold_batch_norm`](crate::ops::fold_batch_norm).
pub fn mlp_layers(mlp: &Mlp) -> Result<Vec<(&Param, Option<Affine>)>, Error> {
    let layers = mlp.layers().map(|(weight, norm)| {
        let affine = norm.map(BatchNorm::affine).transpose()?;
        Ok((weight, affine))
    });
    layers.collect()
}
