//! Functions of single numbers in graphs.

use bnn_core::model::graph::{
    NodeEpilogue, NodeNumber, Numbers, Operation, Slopes, Values as Elements,
};

use super::Branches;
use super::held::{Held, What};
use crate::ImportError;
use crate::chain::{Failed, Relation, Scalar};

impl Branches<'_, '_> {
    pub(super) fn affine(
        &mut self,
        tensor: usize,
        scale: Vec<f32>,
        bias: Vec<f32>,
    ) -> Result<usize, ImportError> {
        let epilogue = NodeEpilogue::Real { scale, bias };
        self.real(Operation::Affine(epilogue), &[tensor])
    }

    /// The same scale and bias for each of `n` channels.
    pub(super) fn line(
        &mut self,
        tensor: usize,
        n: usize,
        scale: f32,
        bias: f32,
    ) -> Result<usize, ImportError> {
        let (scale, bias) = (
            self.budget.fill(&[n], scale)?,
            self.budget.fill(&[n], bias)?,
        );
        self.affine(tensor, scale, bias)
    }

    /// Numbers below 0 times slopes, a list of the budget.
    pub(super) fn rectify(&mut self, held: &Held, slope: Vec<f32>) -> Result<Held, Failed> {
        let held = self.as_real(held)?;
        let tensor = self.real(Operation::Prelu(Slopes::Real(slope)), &[held.tensor])?;
        Ok(Held { tensor, ..held })
    }

    /// A function of single numbers.
    pub(super) fn scalar(&mut self, held: &Held, scalar: &Scalar) -> Result<Held, Failed> {
        let n = held.image[2];
        if let What::Bits { low, high } = held.what {
            let pairs = (0..n).map(|c| (scalar.apply(c, low), scalar.apply(c, high)));
            let pairs: Vec<(f32, f32)> = pairs.collect();
            if pairs.iter().all(|pair| *pair == pairs[0]) && pairs[0].0 != pairs[0].1 {
                let (low, high) = pairs[0];
                return Ok(Held {
                    what: What::Bits { low, high },
                    ..held.clone()
                });
            }
            let real = self.as_real(held)?;
            return self.scalar(&real, scalar);
        }
        let tensor = held.tensor;
        let real = |tensor: Result<usize, ImportError>| {
            Ok(Held {
                tensor: tensor?,
                ..held.clone()
            })
        };
        let bits = |branches: &mut Self, thresholds: Vec<f32>, low: f32, high: f32| {
            let sign = Operation::Sign(Numbers::Real(thresholds));
            let tensor = branches.add(sign, &[tensor], Elements::Bits)?;
            Ok(Held {
                tensor,
                what: What::Bits { low, high },
                ..held.clone()
            })
        };
        match scalar {
            Scalar::Add(a) => {
                let (ones, bias) = (self.budget.fill(&[n], 1.0)?, self.budget.copy(a)?);
                real(self.affine(tensor, ones, bias))
            }
            Scalar::Subtract(a) => {
                let ones = self.budget.fill(&[n], 1.0)?;
                let bias = self.budget.collect(&[n], a.iter().map(|a| -a))?;
                real(self.affine(tensor, ones, bias))
            }
            Scalar::SubtractFrom(a) => {
                let (scale, bias) = (self.budget.fill(&[n], -1.0)?, self.budget.copy(a)?);
                real(self.affine(tensor, scale, bias))
            }
            Scalar::Multiply(a) => {
                let (scale, none) = (self.budget.copy(a)?, self.budget.fill(&[n], -0.0)?);
                real(self.affine(tensor, scale, none))
            }
            Scalar::Divide(a) => {
                let scale = self.budget.collect(&[n], a.iter().map(|a| a.recip()))?;
                let none = self.budget.fill(&[n], -0.0)?;
                real(self.affine(tensor, scale, none))
            }
            Scalar::BatchNorm(norm) => {
                let scale = (0..n).map(|c| norm.line(c).0);
                let scale = self.budget.collect(&[n], scale)?;
                let bias = (0..n).map(|c| norm.line(c).1);
                let bias = self.budget.collect(&[n], bias)?;
                real(self.affine(tensor, scale, bias))
            }
            Scalar::Clip { least, most } => {
                if (*least, *most) == (0.0, f32::INFINITY) {
                    return real(self.real(Operation::Relu, &[tensor]));
                }
                let finite = |x: f32| NodeNumber::Real(x.clamp(f32::MIN, f32::MAX));
                let (low, high) = (finite(*least), finite(*most));
                real(self.real(Operation::Clamp { low, high }, &[tensor]))
            }
            Scalar::Sign { node } => {
                self.notes.push(format!(
                    "{node}: where its Sign is 0 in ONNX, it is +1 in the model"
                ));
                let zeros = self.budget.fill(&[n], 0.0)?;
                bits(self, zeros, -1.0, 1.0)
            }
            Scalar::Bipolar(scale) => match scale.first() {
                Some(&first) if scale.iter().all(|scale| *scale == first) => {
                    let zeros = self.budget.fill(&[n], 0.0)?;
                    bits(self, zeros, -first, first)
                }
                _ => Err("expected one scale for all channels".into()),
            },
            Scalar::Compare(comparison, a) => {
                let is_above = matches!(comparison, Relation::Greater | Relation::LessOrEqual);
                let thresholds = a.iter().map(|a| if is_above { a.next_up() } else { *a });
                let thresholds = self.budget.collect(&[n], thresholds)?;
                match comparison {
                    Relation::GreaterOrEqual | Relation::Greater => {
                        bits(self, thresholds, 0.0, 1.0)
                    }
                    Relation::Less | Relation::LessOrEqual => bits(self, thresholds, 1.0, 0.0),
                }
            }
            Scalar::Select { .. } => Err("a condition of numbers".into()),
            Scalar::Quantize(quantizer) => self.levels(held, quantizer),
        }
    }
}
