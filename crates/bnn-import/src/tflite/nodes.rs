//! Nodes of the graph that is made: their names, attributes and constants.

use std::rc::Rc;

use crate::onnx::{Attribute, Graph, Node, Tensor};

/// A graph that is being made.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) graph: Graph,
    /// How many values have been named: constants, and what nodes make.
    pub(super) count: usize,
}

impl Nodes {
    /// A constant; its name.
    pub(super) fn constant(&mut self, tensor: Tensor) -> String {
        let name = self.name("constant");
        self.graph.constants.insert(name.clone(), Rc::new(tensor));
        name
    }

    /// A single number as a constant.
    pub(super) fn number(&mut self, number: f32) -> String {
        self.constant(Tensor::floats(&[], vec![number]))
    }

    fn name(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}.{}", self.count)
    }

    /// A node of an operator whose output is called `label`; the name of what it makes.
    pub(super) fn node(
        &mut self,
        (label, op): (&str, &str),
        inputs: &[&str],
        attributes: Vec<(&str, Attribute)>,
    ) -> String {
        let output = self.name(op);
        self.graph.nodes.push(Node {
            name: label.to_owned(),
            op: op.to_owned(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: vec![output.clone()],
            attributes: attributes
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        });
        output
    }
}

pub(super) fn int(value: i64) -> Attribute {
    Attribute {
        int: Some(value),
        ..Attribute::default()
    }
}

pub(super) fn text(value: &str) -> Attribute {
    Attribute {
        text: Some(value.to_owned()),
        ..Attribute::default()
    }
}

pub(super) fn pair(values: [i64; 2]) -> Attribute {
    Attribute {
        ints: values.to_vec(),
        ..Attribute::default()
    }
}
