//! From a trained network to a model file that runs on bits, with the very same results.
//!
//! Batch normalisation and sign become one integer comparison ([`Threshold::fold`]); the last
//! batch normalisation stays as the affine map that evaluation computes anyway.

mod fold;

pub use fold::Threshold;

use bnn_core::BitMatrix;
use bnn_core::model::{Ending, InputType, ModelError, ModelWriter};

use crate::error::Error;
use crate::models::Mlp;

/// Why a network cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A batch normalisation holds a number that is not finite: training has diverged.
    #[error(
        "layer {layer}, output {output}: batch norm is {scale} * x + {bias}, expected finite numbers"
    )]
    NotFinite {
        /// Which layer, counted from 0.
        layer: usize,
        /// Which of its outputs.
        output: usize,
        /// The factor.
        scale: f32,
        /// The summand.
        bias: f32,
    },
    /// The network is inconsistent.
    #[error(transparent)]
    Network(#[from] Error),
    /// The file could not be put together.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// The bytes of a model file that computes what `mlp` does in evaluation: its hidden bits and its
/// scores are equal, bit for bit, to those of the tape. `meta` is text kept in the file.
///
/// # Errors
/// [`ExportError`].
pub fn export_mlp(mlp: &Mlp, meta: &str) -> Result<Vec<u8>, ExportError> {
    let config = mlp.config();
    let depth = config.depth;
    let mut writer = ModelWriter::new(InputType::Unsigned { depth }).meta(meta);
    let last = config.hidden.len();
    for (layer, (weight, norm)) in mlp.layers().enumerate() {
        let (n, k) = weight.value().rows_cols();
        let affine = norm.affine()?;
        let (scale, bias) = (affine.scale.as_slice(), affine.bias.as_slice());
        let odd = |(s, b): (&f32, &f32)| !s.is_finite() || !b.is_finite();
        if let Some(output) = scale.iter().zip(bias).position(odd) {
            let (scale, bias) = (scale[output], bias[output]);
            return Err(ExportError::NotFinite {
                layer,
                output,
                scale,
                bias,
            });
        }
        let weights = BitMatrix::pack(weight.value().data(), n, k).map_err(Error::from)?;
        if layer == last {
            writer.dense(weights.view(), Ending::Affine { scale, bias })?;
            continue;
        }
        let steps = if layer == 0 { (1 << depth) - 1 } else { 1 };
        let most = i32::try_from(k * steps).map_err(|_| bnn_core::Error::Overflow {
            what: "the largest sum of a layer",
        });
        let most = most.map_err(Error::from)?;
        let folds = scale.iter().zip(bias);
        let folds: Vec<_> = folds.map(|(&s, &b)| Threshold::fold(s, b, most)).collect();
        let negate: Vec<bool> = folds.iter().map(|fold| fold.negate).collect();
        let thresholds: Vec<i32> = folds.iter().map(|fold| fold.at_least).collect();
        let weights = negate_rows(&weights, &negate).map_err(Error::from)?;
        writer.dense(
            weights.view(),
            Ending::Threshold(thresholds.as_slice().into()),
        )?;
    }
    Ok(writer.finish()?)
}

/// The matrix with the signs of the marked rows turned.
fn negate_rows(bits: &BitMatrix, negate: &[bool]) -> Result<BitMatrix, bnn_core::Error> {
    let mut turned = bits.clone();
    for (row, _) in negate.iter().enumerate().filter(|(_, negate)| **negate) {
        for col in 0..bits.cols() {
            let plus = bits.view().get(row, col) == Some(true);
            turned.view_mut().set(row, col, !plus);
        }
    }
    Ok(turned)
}

#[cfg(test)]
mod export_laws;
