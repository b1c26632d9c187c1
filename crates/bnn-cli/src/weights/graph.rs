//! The arrays of a graph's nodes.

use bnn_core::conv::Conv2d;
use bnn_core::internal::{graph_of, nodes};
use bnn_core::model::Model;
use bnn_core::model::graph::{
    Node, NodeEpilogue, NodeNumber, NodeWeights, Numbers, Operation, Slopes, Values,
};

use crate::error::CliError;
use crate::npz::{Npz, Number};

/// Adds the arrays of all nodes. Node `i`, as `bnn info` counts them, has, under names that begin
/// with `node{i}.`:
///
/// - `weights` of a product. Of one bit: `u64 [outputs, words]` with `weights_shape`, as a layer
///   has them. Of 8 bits, `i8`, and of `f32`: `[outputs, height, width, channels of a group]`;
/// - `thresholds`, where it gives out bits; else of a product or an affine step, if it has them,
///   `scale` and `bias`, or in fixed point `factor`, `bias` and `shift`;
/// - `slope`, and in fixed point `shift`, of a rectifier, with `before` and `after` if it has
///   shifts;
/// - `low` and `high` of a clamp;
/// - `exponent`, if its numbers `v` stand for `v * 2^-exponent`.
///
/// Parameters are `f32` for real numbers, `i32` for integers and fixed point; `shift`, `low`,
/// `high` and `exponent` have one element.
pub(super) fn add(model: &Model<'_>, npz: &mut Npz) -> Result<(), CliError> {
    if nodes(model).len() == 0 {
        return Ok(()); // a chain
    }
    let graph = graph_of(model).map_err(CliError::failed)?;
    for (i, node) in graph.nodes.iter().enumerate() {
        // Node 0 is the input.
        let mut arrays = Arrays {
            npz: &mut *npz,
            node: i + 1,
        };
        arrays.add_node(node)?;
    }
    Ok(())
}

/// The arrays of one node.
struct Arrays<'a> {
    npz: &'a mut Npz,
    node: usize,
}

impl Arrays<'_> {
    fn add_node(&mut self, node: &Node) -> Result<(), CliError> {
        match &node.operation {
            Operation::Product {
                conv,
                weights,
                epilogue,
            } => {
                self.weights(conv, weights)?;
                self.epilogue(epilogue)?;
            }
            Operation::Affine(epilogue) => self.epilogue(epilogue)?,
            Operation::Prelu(slopes) => self.slopes(slopes)?,
            Operation::Rprelu {
                before,
                slope,
                after,
            } => {
                self.numbers("before", before)?;
                self.slopes(slope)?;
                self.numbers("after", after)?;
            }
            Operation::Clamp { low, high } => {
                self.number("low", *low)?;
                self.number("high", *high)?;
            }
            Operation::Sign(thresholds) => self.numbers("thresholds", thresholds)?,
            // The others have no parameters.
            _ => {}
        }
        match node.values {
            Values::Fixed { exponent } | Values::Integer { exponent } => {
                self.vector("exponent", &[i32::from(exponent)])
            }
            _ => Ok(()),
        }
    }

    fn array<T: Number>(
        &mut self,
        name: &str,
        shape: &[usize],
        elements: &[T],
    ) -> Result<(), CliError> {
        let name = format!("node{}.{name}", self.node);
        self.npz.add(&name, shape, elements)
    }

    fn vector<T: Number>(&mut self, name: &str, elements: &[T]) -> Result<(), CliError> {
        self.array(name, &[elements.len()], elements)
    }

    fn weights(&mut self, conv: &Conv2d, weights: &NodeWeights) -> Result<(), CliError> {
        let [height, width] = conv.windows().kernel();
        let shape = [
            conv.outputs(),
            height,
            width,
            conv.channels() / conv.groups(),
        ];
        match weights {
            NodeWeights::Bits(rows) => {
                let rows = rows.view();
                let words = rows.words().len() / rows.rows();
                self.array("weights", &[rows.rows(), words], rows.words())?;
                self.vector("weights_shape", &shape.map(|size| size as i64))
            }
            NodeWeights::I8(weights) => self.array("weights", &shape, weights),
            NodeWeights::F32(weights) => self.array("weights", &shape, weights),
            // A type that a later core has added.
            _ => Err(self.unknown("weights")),
        }
    }

    fn epilogue(&mut self, epilogue: &NodeEpilogue) -> Result<(), CliError> {
        match epilogue {
            NodeEpilogue::Thresholds(thresholds) => self.vector("thresholds", thresholds),
            NodeEpilogue::Real { scale, bias } => {
                self.vector("scale", scale)?;
                self.vector("bias", bias)
            }
            NodeEpilogue::Bias(bias) => self.vector("bias", bias),
            NodeEpilogue::Fixed {
                factor,
                bias,
                shift,
            } => {
                self.vector("factor", factor)?;
                self.vector("bias", bias)?;
                self.vector("shift", &[i32::from(*shift)])
            }
            _ => Err(self.unknown("numbers after its sums")),
        }
    }

    fn numbers(&mut self, name: &str, numbers: &Numbers) -> Result<(), CliError> {
        match numbers {
            Numbers::Real(numbers) => self.vector(name, numbers),
            Numbers::Fixed(numbers) => self.vector(name, numbers),
        }
    }

    fn number(&mut self, name: &str, number: NodeNumber) -> Result<(), CliError> {
        match number {
            NodeNumber::Real(number) => self.vector(name, &[number]),
            NodeNumber::Fixed(number) => self.vector(name, &[number]),
        }
    }

    fn slopes(&mut self, slopes: &Slopes) -> Result<(), CliError> {
        match slopes {
            Slopes::Real(slope) => self.vector("slope", slope),
            Slopes::Fixed { slope, shift } => {
                self.vector("slope", slope)?;
                self.vector("shift", &[i32::from(*shift)])
            }
        }
    }

    fn unknown(&self, what: &str) -> CliError {
        let text = format!(
            "node {} has {what} that this version does not write",
            self.node
        );
        CliError::Input(text)
    }
}
