//! The end of a chain: scores, or bits.

use bnn_core::model::Epilogue;

use super::levels::Pair;
use super::product::Product;
use super::scalar::Scalar;
use super::{Chain, Failed};
use crate::ImportError;

/// A chain that has become a model file.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) file: Vec<u8>,
    /// `[height, width, channels]` of the model's input.
    pub(crate) input: [usize; 3],
    /// `[height, width, channels]` of its output.
    pub(crate) output: [usize; 3],
    /// The values that bits stand for, if it gives out bits.
    pub(crate) values: Option<[f32; 2]>,
    pub(crate) notes: Vec<String>,
}

impl Chain {
    /// Ends the chain, with a meta text.
    pub(crate) fn finish(mut self, meta: &str) -> Result<Finished, Failed> {
        self.check_not_padded()?;
        let Some(product) = self.pending.take() else {
            return Err(String::from("a network without a product of binary weights").into());
        };
        let mut values = None;
        if let Some((scale, bias)) = self.affine(&product) {
            let is_plain = scale.iter().all(|&x| x == 1.0) && bias.iter().all(|&x| x == 0.0);
            let epilogue = match is_plain {
                true => Epilogue::Sums,
                false => Epilogue::Affine {
                    scale: &scale,
                    bias: &bias,
                },
            };
            self.write(&product, &[], epilogue)?;
        } else {
            let settled = self.settle(product)?;
            if settled.flipped.contains(&true) {
                return Err(
                    String::from("a pool of falling channels at the end of the network").into(),
                );
            }
            let Pair { low, high } = settled.pair;
            if (low, high) != (-1.0, 1.0) {
                self.notes.push(format!(
                    "bits of the output stand for {low} (-1) and {high} (+1)"
                ));
            }
            values = Some([low, high]);
        }
        let writer = self.writer.take();
        let missing = || String::from("a network without a layer");
        let writer = writer.ok_or_else(missing)?;
        Ok(Finished {
            file: writer.meta(meta).finish().map_err(ImportError::from)?,
            input: self.input_image,
            output: self.image,
            values,
            notes: self.notes,
        })
    }

    /// Scales and biases of the sums, if all that follows them is linear.
    fn affine(&self, product: &Product) -> Option<(Vec<f32>, Vec<f32>)> {
        if !self.pools.is_empty() {
            return None;
        }
        let of = |o: usize| {
            let magnitude = f64::from(product.weights.magnitudes[o]);
            let first = (magnitude * product.unit, magnitude * product.offsets[o]);
            self.before_pool
                .iter()
                .try_fold(first, |(scale, bias), scalar: &Scalar| {
                    let (a, b) = scalar.linear(o)?;
                    Some((scale * a, bias * a + b))
                })
        };
        let lines: Option<Vec<(f64, f64)>> = (0..product.outputs()).map(of).collect();
        Some(
            lines?
                .into_iter()
                .map(|(a, b)| (a as f32, b as f32))
                .unzip(),
        )
    }
}
