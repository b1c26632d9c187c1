//! The weights of products, in the order of a model's elements: channels last.

use bnn_core::conv::Windows;

use super::interpreter::ConvNode;
use super::operand::Shape;
use super::scalars::{Operand, why};
use super::schema::Node;
use super::value::Tensor;

/// A `MatMul` or `Gemm` with constant weights on the right.
#[derive(Debug)]
pub(super) struct Dense {
    pub(super) outputs: usize,
    /// `[outputs, inputs]`.
    pub(super) weights: Vec<f32>,
    /// The factor of the products.
    pub(super) alpha: f32,
    /// The summands of the results.
    pub(super) bias: Option<Vec<f32>>,
}

impl Dense {
    /// The dense product of an image that was flattened with its channels first, or of features.
    pub(super) fn new(
        node: &Node,
        operand: &Operand<'_>,
        [height, width, channels]: [usize; 3],
    ) -> Result<Self, String> {
        let is_left = node.inputs.first().is_some_and(|name| name == operand.name);
        let (Some(weights), true) = (operand.constant(node, 1), is_left) else {
            return Err("expected constant weights on the right side".into());
        };
        let sizes = operand.shape.sizes;
        let (Some(numbers), &[r, c], &[batch, k]) = (weights.as_floats(), &*weights.shape, sizes)
        else {
            return Err(format!(
                "expected a matrix of weights and samples [batch, k], found {:?} and {sizes:?}",
                weights.shape
            ));
        };
        let is_gemm = node.op == "Gemm";
        let is_rows = is_gemm && node.int("transB", 0) != 0;
        let outputs = if is_rows { r } else { c };
        let at = |o: usize, i: usize| match is_rows {
            true => numbers[o * k + i],
            false => numbers[i * outputs + o],
        };
        let pixels = height * width;
        let ordered = (0..outputs)
            .flat_map(|o| (0..k).map(move |j| at(o, j % channels * pixels + j / channels)));
        let weights = ordered.collect();
        let mut bias = None;
        if is_gemm && node.inputs.get(2).is_some_and(|name| !name.is_empty()) {
            let constant = operand.constant(node, 2);
            let constant = constant.ok_or_else(|| String::from("expected a constant bias"))?;
            let shape = Shape {
                sizes: &[batch, outputs],
                channels: outputs,
            };
            let beta = node.float("beta", 1.0);
            let numbers = shape.per_channel(constant)?;
            bias = Some(numbers.iter().map(|x| beta * x).collect());
        }
        let alpha = match is_gemm {
            true => node.float("alpha", 1.0),
            false => 1.0,
        };
        Ok(Self {
            outputs,
            weights,
            alpha,
            bias,
        })
    }
}

/// A `Conv` with constant filters.
#[derive(Debug)]
pub(super) struct Filters {
    pub(super) windows: Windows,
    pub(super) groups: usize,
    /// `[outputs, kernel height, kernel width, channels / groups]`.
    pub(super) weights: Vec<f32>,
    /// Added to the sums.
    pub(super) bias: Option<Vec<f32>>,
}

impl Filters {
    pub(super) fn new(node: &Node, operand: &Operand<'_>) -> Result<Self, String> {
        let is_left = node.inputs.first().is_some_and(|name| name == operand.name);
        let (Some(filters), true) = (operand.constant(node, 1), is_left) else {
            return Err("expected constant filters".into());
        };
        let conv = ConvNode::new(node, operand.shape.sizes, &filters.shape).map_err(why)?;
        let ConvNode { windows, groups } = conv;
        let (Some(numbers), &[n, depth, kh, kw]) = (filters.as_floats(), &*filters.shape) else {
            return Err("expected filters of floats".into());
        };
        let ordered = (0..n).flat_map(|o| {
            (0..kh * kw).flat_map(move |tap| {
                (0..depth).map(move |c| numbers[(o * depth + c) * kh * kw + tap])
            })
        });
        let weights = ordered.collect();
        let mut bias = None;
        if node.inputs.get(2).is_some_and(|name| !name.is_empty()) {
            let numbers = operand.constant(node, 2).and_then(Tensor::as_floats);
            let numbers = numbers.filter(|numbers| numbers.len() == n);
            let numbers = numbers.ok_or_else(|| format!("expected {n} constant biases"))?;
            bias = Some(numbers.to_vec());
        }
        Ok(Self {
            windows,
            groups,
            weights,
            bias,
        })
    }
}
