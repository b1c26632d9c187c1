//! A product of signs whose ending is not known yet: the layers behind it decide.

use bnn_core::BitMatrix;
use bnn_core::model::{Ending, ModelError, ModelWriter};

use super::{ExportError, Threshold};
use crate::error::Error;

/// A product, and what has been done to its sums since.
pub(super) struct Product {
    /// `[outputs, inputs]`.
    pub(super) weights: BitMatrix,
    /// The largest magnitude of a sum.
    pub(super) most: i32,
    /// Batch normalisation: factors and summands.
    pub(super) affine: Option<(Vec<f32>, Vec<f32>)>,
    /// What followed.
    pub(super) then: Then,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// Clipped to [-1, 1], which no sign sees.
    Clipped,
    Sign,
}

impl Product {
    /// Appends it to a file, ending in what it has become.
    pub(super) fn write(&self, writer: &mut ModelWriter) -> Result<(), ModelError> {
        let ending = match &self.affine {
            None => Ending::Sums,
            Some((scale, bias)) => Ending::Affine { scale, bias },
        };
        writer.dense(self.weights.view(), ending)
    }

    /// Appends it to a file, ending in signs.
    pub(super) fn write_signs(&self, writer: &mut ModelWriter) -> Result<(), ExportError> {
        let folds: Vec<Threshold> = match &self.affine {
            None => vec![Threshold::fold(1.0, 0.0, self.most); self.weights.rows()],
            Some((scale, bias)) => {
                let pairs = scale.iter().zip(bias);
                let fold = |(&scale, &bias)| Threshold::fold(scale, bias, self.most);
                pairs.map(fold).collect()
            }
        };
        let negate: Vec<bool> = folds.iter().map(|fold| fold.negate).collect();
        let thresholds: Vec<i32> = folds.iter().map(|fold| fold.at_least).collect();
        let weights = negate_rows(&self.weights, &negate).map_err(Error::from)?;
        let ending = Ending::Threshold(thresholds.as_slice().into());
        Ok(writer.dense(weights.view(), ending)?)
    }
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
