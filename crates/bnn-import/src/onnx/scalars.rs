//! Nodes that are functions of single numbers, with constants for each channel.

use super::interpreter::{Known, Values, batch_norm_of, quantizer_of};
use super::operand::Shape;
use super::schema::Node;
use super::value::{Data, Tensor};
use crate::chain::{Relation, Scalar};

/// A value that a node takes, beside constants.
#[derive(Clone, Copy)]
pub(super) struct Operand<'a> {
    pub(super) values: &'a Values,
    pub(super) name: &'a str,
    pub(super) shape: Shape<'a>,
}

impl<'a> Operand<'a> {
    /// An input that does not depend on the network's.
    pub(super) fn constant(&self, node: &Node, index: usize) -> Option<&'a Tensor> {
        let known: &Known = self.values.get(node.inputs.get(index)?)?;
        (!known.varies).then_some(&*known.tensor)
    }

    /// Numbers for each channel from an input that must be constant.
    pub(super) fn numbers(&self, node: &Node, index: usize) -> Result<Vec<f32>, String> {
        let constant = self.constant(node, index);
        let constant = constant.ok_or_else(|| format!("input {index}: expected a constant"))?;
        self.shape.per_channel(constant)
    }

    /// Truths as numbers are as they are; other casts must not round.
    pub(super) fn check_cast(&self, node: &Node) -> Result<(), String> {
        let before = self.values.get(self.name).map(|known| &known.tensor.data);
        match (before, node.int("to", 0)) {
            (Some(Data::Bool(_)), _) | (Some(Data::F32(_)), 1 | 11) => Ok(()),
            (_, to) => Err(format!("casts numbers to the type {to}")),
        }
    }

    /// What the node does to a number of each channel.
    pub(super) fn scalar(&self, node: &Node) -> Result<Scalar, String> {
        let channels = self.shape.channels;
        let is_left = node.inputs.first().is_some_and(|name| name == self.name);
        // The constant, on the other side.
        let numbers = || self.numbers(node, usize::from(is_left));
        Ok(match node.op.as_str() {
            "Add" => Scalar::Add(numbers()?),
            "Sub" if is_left => Scalar::Subtract(numbers()?),
            "Sub" => Scalar::SubtractFrom(numbers()?),
            "Mul" => Scalar::Multiply(numbers()?),
            "Div" if is_left => Scalar::Divide(numbers()?),
            "Neg" => Scalar::Multiply(vec![-1.0; channels]),
            "Relu" => Scalar::Clip {
                least: 0.0,
                most: f32::INFINITY,
            },
            "Clip" => {
                let bound = |index: usize, name: &str, default: f32| match self
                    .constant(node, index)
                    .and_then(Tensor::scalar)
                {
                    Some(bound) => bound,
                    None => node.float(name, default),
                };
                Scalar::Clip {
                    least: bound(1, "min", f32::NEG_INFINITY),
                    most: bound(2, "max", f32::INFINITY),
                }
            }
            "Sign" => {
                let node = node.label().to_owned();
                Scalar::Sign { node }
            }
            "BipolarQuant" => Scalar::Bipolar(self.numbers(node, 1)?),
            "Quant" => {
                let scalar = |index| self.constant(node, index).and_then(Tensor::scalar);
                Scalar::Quantize(quantizer_of(node, scalar).map_err(why)?)
            }
            "BatchNormalization" => {
                if self.shape.sizes.get(1) != Some(&channels) {
                    return Err("the pixels of a flattened image differ".into());
                }
                let numbers = |index: usize| {
                    let floats = self.constant(node, index).and_then(Tensor::as_floats);
                    floats.ok_or_else(|| node.refused(format!("input {index}: expected constants")))
                };
                let norm = batch_norm_of(node, channels, numbers);
                Scalar::BatchNorm(norm.map_err(why)?)
            }
            "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => {
                let comparison = match (node.op.as_str(), is_left) {
                    ("Greater", true) | ("Less", false) => Relation::Greater,
                    ("GreaterOrEqual", true) | ("LessOrEqual", false) => Relation::GreaterOrEqual,
                    ("Less", true) | ("Greater", false) => Relation::Less,
                    _ => Relation::LessOrEqual,
                };
                Scalar::Compare(comparison, numbers()?)
            }
            "Where" if is_left => Scalar::Select {
                yes: self.numbers(node, 1)?,
                no: self.numbers(node, 2)?,
            },
            _ => {
                return Err(
                    "no product, pool or monotone function of single numbers with constants".into(),
                );
            }
        })
    }
}

/// Why a node was refused, without its name.
pub(super) fn why(error: crate::ImportError) -> String {
    match error {
        crate::ImportError::Node { why, .. } => why,
        other => other.to_string(),
    }
}
