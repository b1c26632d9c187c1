//! The nodes of a graph that is being put together.

use bnn_core::model::graph::{Node, Operation, Values};

/// The nodes so far.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) nodes: Vec<Node>,
    /// `[height, width, channels]` of the tensors, the input first; of the input once it is known.
    pub(super) shapes: Vec<[usize; 3]>,
    /// The tensor at hand.
    pub(super) at: usize,
    /// Whether the tensor at hand is the bare sum of a product, which a step may still become a
    /// part of.
    pub(super) bare: bool,
    /// Whether the tensor at hand is a sum or a mean of fixed-point numbers, which the network has
    /// yet to round as the file does.
    pub(super) unrounded: bool,
}

impl Nodes {
    /// The shape of the tensor at hand; `None` of an input whose shape no layer has told yet.
    pub(super) fn shape(&self) -> Option<[usize; 3]> {
        self.shapes.get(self.at).copied()
    }

    /// Whether a layer has told the shape of the input.
    pub(super) fn has_begun(&self) -> bool {
        !self.shapes.is_empty()
    }

    /// Appends a node, whose tensor is at hand then.
    pub(super) fn push(
        &mut self,
        operation: Operation,
        inputs: Vec<usize>,
        values: Values,
        shape: [usize; 3],
    ) {
        self.nodes.push(Node {
            operation,
            inputs,
            values,
        });
        self.shapes.push(shape);
        self.at = self.nodes.len();
        (self.bare, self.unrounded) = (false, false);
    }
}
