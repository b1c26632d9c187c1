//! Networks as ONNX files.

use super::protobuf::{Message, node, tensor, value};
use crate::Numbers;
use arbitrary::{Arbitrary, Unstructured};
use bnn_import::{Comparison, ImportError, Imported};

/// A chain of convolutions and dense layers.
#[derive(Arbitrary, Debug)]
pub(super) struct Net {
    #[arbitrary(with = |u: &mut Unstructured<'_>| Ok([u.int_in_range(1..=3)?, u.int_in_range(1..=7)?, u.int_in_range(1..=7)?]))]
    image: [usize; 3],
    is_input_binary: bool,
    convolutions: Vec<Conv>,
    hidden: Vec<Hidden>,
    #[arbitrary(with = size)]
    outputs: usize,
}

#[derive(Arbitrary, Debug)]
struct Conv {
    #[arbitrary(with = size)]
    outputs: usize,
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=3))]
    side: usize,
    is_padded: bool,
    is_pooled: bool,
    activation: Activation,
}

#[derive(Arbitrary, Debug)]
struct Hidden {
    #[arbitrary(with = size)]
    outputs: usize,
    activation: Activation,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Activation {
    Where,
    Bipolar,
    Sign,
    Less,
}

fn size(u: &mut Unstructured<'_>) -> arbitrary::Result<usize> {
    u.int_in_range(1..=9)
}

/// The nodes and constants of a graph.
struct Graph<'n, 'b> {
    message: Message,
    /// The value that it has come to: number and shape.
    last: usize,
    shape: Vec<usize>,
    numbers: &'n mut Numbers<'b>,
}

impl Net {
    /// Whether the network came over. What may be in the way: neurons that all say the same, and
    /// signs of 0.
    ///
    /// # Panics
    /// For a model with other scores, where nothing explains it.
    pub(super) fn may_be(&self, imported: &Result<Imported, ImportError>) -> bool {
        let convolutions = self.convolutions.iter().map(|layer| layer.activation);
        let hidden = self.hidden.iter().map(|layer| layer.activation);
        let has_signs = convolutions.chain(hidden).any(|a| a == Activation::Sign);
        match imported {
            Ok(imported) => {
                let Comparison::Samples { samples, .. } = imported.comparison else {
                    panic!("a network of floats is compared with floats");
                };
                assert_eq!(samples, 16);
                true
            }
            Err(error @ ImportError::Different { .. }) => {
                assert!(has_signs, "{error}");
                false
            }
            Err(_) => false,
        }
    }

    pub(super) fn file(&self, numbers: &mut Numbers<'_>) -> Vec<u8> {
        let shape = [&[1], self.image.as_slice()].concat();
        let mut graph = Graph {
            message: Message::default().message(11, &value("v0", &shape)),
            last: 0,
            shape,
            numbers,
        };
        if self.is_input_binary {
            graph.constant("half", &[], &[0.5]);
            graph.node("Sub", &["half"], &[]);
            graph.activation(Activation::Where);
        }
        for layer in self.convolutions.iter().take(3) {
            graph.conv(layer);
        }
        graph.node("Flatten", &[], &[]);
        graph.shape = vec![1, graph.shape.iter().product()];
        for layer in self.hidden.iter().take(3) {
            graph.dense(layer.outputs);
            graph.norm();
            graph.activation(layer.activation);
        }
        graph.dense(self.outputs);
        let output = format!("v{}", graph.last);
        let message = graph.message.message(12, &value(&output, &graph.shape));
        Message::default().int(1, 9).message(7, &message).0
    }
}

impl Graph<'_, '_> {
    /// A node that takes the last value and constants.
    fn node(&mut self, op: &str, constants: &[&str], lists: &[(&str, &[i64])]) {
        let input = format!("v{}", self.last);
        self.last += 1;
        let inputs = [&[input.as_str()], constants].concat();
        let node = node(op, &inputs, &format!("v{}", self.last), lists);
        self.message = std::mem::take(&mut self.message).message(1, &node);
    }

    fn constant(&mut self, name: &str, shape: &[usize], floats: &[f32]) {
        let tensor = tensor(name, shape, floats);
        self.message = std::mem::take(&mut self.message).message(5, &tensor);
    }

    /// A small number, often a whole one.
    fn number(&mut self) -> f32 {
        (f32::from(self.numbers.byte()) - 127.5) / 16.0
    }

    /// Binary weights times a factor for each output.
    fn weights(&mut self, outputs: usize, inputs: usize) -> Vec<f32> {
        let mut weights = Vec::new();
        for _ in 0..outputs {
            let factor = self.number().abs();
            for _ in 0..inputs {
                let plus = self.numbers.byte() & 1 == 1;
                weights.push(if plus { factor } else { -factor });
            }
        }
        weights
    }

    fn conv(&mut self, layer: &Conv) {
        let &[_, channels, height, width] = self.shape.as_slice() else {
            return;
        };
        let side = layer.side.min(height).min(width);
        let is_padded = layer.is_padded && side == 3;
        let filters = self.weights(layer.outputs, channels * side * side);
        let name = format!("w{}", self.last);
        self.constant(&name, &[layer.outputs, channels, side, side], &filters);
        let pads = [i64::from(is_padded); 4];
        self.node("Conv", &[&name], &[("pads", &pads)]);
        let less = if is_padded { 0 } else { side - 1 };
        let [mut height, mut width] = [height - less, width - less];
        self.shape = vec![1, layer.outputs, height, width];
        let is_pooled = layer.is_pooled && height > 1 && width > 1;
        if is_pooled {
            let two: &[i64] = &[2, 2];
            self.node("MaxPool", &[], &[("kernel_shape", two), ("strides", two)]);
            (height, width) = (height / 2, width / 2);
            self.shape = vec![1, layer.outputs, height, width];
        }
        self.norm();
        self.activation(layer.activation);
    }

    fn dense(&mut self, outputs: usize) {
        let inputs = self.shape[1];
        let weights = self.weights(inputs, outputs);
        // A factor for each output, and not for each input.
        let factor = self.number().abs();
        let weights: Vec<f32> = weights.iter().map(|w| factor.copysign(*w)).collect();
        let name = format!("w{}", self.last);
        self.constant(&name, &[inputs, outputs], &weights);
        self.node("MatMul", &[&name], &[]);
        self.shape = vec![1, outputs];
    }

    /// A batch norm by its arithmetic.
    fn norm(&mut self) {
        let channels = self.shape[1];
        let shape = match self.shape.len() {
            2 => vec![channels],
            _ => vec![channels, 1, 1],
        };
        for (op, name) in [("Sub", "mean"), ("Mul", "scale"), ("Add", "shift")] {
            let numbers: Vec<f32> = (0..channels).map(|_| self.number()).collect();
            let name = format!("{name}{}", self.last);
            self.constant(&name, &shape, &numbers);
            self.node(op, &[&name], &[]);
        }
    }

    fn activation(&mut self, activation: Activation) {
        let at = self.last;
        for (name, number) in [("zero", 0.0), ("plus", 1.0), ("minus", -1.0)] {
            self.constant(&format!("{name}{at}"), &[], &[number]);
        }
        let [zero, plus, minus] = ["zero", "plus", "minus"].map(|name| format!("{name}{at}"));
        match activation {
            Activation::Where => {
                self.node("GreaterOrEqual", &[&zero], &[]);
                self.node("Where", &[&plus, &minus], &[]);
            }
            Activation::Bipolar => self.node("BipolarQuant", &[&plus], &[]),
            Activation::Sign => self.node("Sign", &[], &[]),
            // -1 where it is not less than 0, and 0 elsewhere: other values, and falling.
            Activation::Less => {
                self.node("Less", &[&zero], &[]);
                self.node("Where", &[&zero, &minus], &[]);
            }
        }
    }
}
