//! The gradients of a binary linear layer. `dy` is `[m, n]`: with respect to the outputs for the
//! scale, and with respect to the sums ([`scaled`](super::scaled)) for inputs and weights.

use bnn_core::{BitMatrixView, PackedWeights};

use super::SavedInput;
use crate::bits::apply_mask;
use crate::buffer::{Buffer, take_buffer};
use crate::error::Error;
use crate::linalg::{mat, matmul_signs, sign_product};
use crate::ops::column_sums_of;

/// `dx = (dy · sign(w))` where the mask of `saved` is set, else 0; weights `[n, k]`, `dx` `[m, k]`.
///
/// # Errors
/// [`Error::Count`] if a slice has another length than the shapes say.
pub fn input(
    weights: BitMatrixView<'_>,
    saved: &SavedInput<'_>,
    dy: &[f32],
    dx: &mut [f32],
) -> Result<(), Error> {
    let (m, k) = (saved.signs().rows(), saved.signs().cols());
    let n = weights.rows();
    Error::check_count("columns of the weights", k, weights.cols())?;
    Error::check_count("gradient of the outputs", m.saturating_mul(n), dy.len())?;
    Error::check_count("gradient of the inputs", m.saturating_mul(k), dx.len())?;
    let product = Buffer::new(matmul_signs(mat(dy, m, n), weights));
    dx.copy_from_slice(&product);
    apply_mask(dx, saved.mask());
    Ok(())
}

/// `dw = dy^T · sign(x)`, `[n, k]`: the gradient with respect to `sign(w)`, which passes straight.
///
/// # Errors
/// [`Error::Count`] if a slice has another length than the shapes say.
pub fn weights(saved: &SavedInput<'_>, dy: &[f32], dw: &mut [f32]) -> Result<(), Error> {
    let (m, k) = (saved.signs().rows(), saved.signs().cols());
    let n = super::rows_of("gradient of the weights", dw, k)?;
    Error::check_count("gradient of the outputs", m.saturating_mul(n), dy.len())?;
    let product = Buffer::new(matmul_signs(mat(dy, m, n).t(), saved.signs()));
    dw.copy_from_slice(&product);
    Ok(())
}

/// `dscale[j] = sum over i of dy[i, j] * sum[i, j]`, the sums computed again from the saved signs.
///
/// # Errors
/// [`Error::Count`] if a slice has another length than the shapes say.
pub fn scale(
    weights: &PackedWeights,
    saved: &SavedInput<'_>,
    dy: &[f32],
    dscale: &mut [f32],
) -> Result<(), Error> {
    let (m, n) = (saved.signs().rows(), weights.rows());
    Error::check_count(
        "columns of the weights",
        saved.signs().cols(),
        weights.cols(),
    )?;
    Error::check_count("gradient of the outputs", m.saturating_mul(n), dy.len())?;
    Error::check_count("gradient of the scale", n, dscale.len())?;
    let mut sums = Buffer::new(take_buffer(m * n));
    sign_product(saved.signs(), weights, sums.as_mut_slice())?;
    let products = column_sums_of(dy, &sums, n, |dy, sum| f64::from(dy) * f64::from(sum));
    dscale.copy_from_slice(products.data());
    Ok(())
}
