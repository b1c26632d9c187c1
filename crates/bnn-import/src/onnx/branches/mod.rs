//! Networks that are no chain, or whose numbers are real somewhere, as graphs (version 2 of the
//! format): every node of the network becomes one of the model's, in the order of the file.
//!
//! A value is held as the tensor that it is, or as the bits that it stands for, with its two
//! values: comparisons make bits, and functions of single numbers on bits change the two values
//! alone.

mod held;
mod levels;
mod products;
mod scalars;

use std::collections::{HashMap, HashSet};

use bnn_core::conv::{Conv2d, ConvOptions, Padding, Pool2d};
use bnn_core::internal::{padded_sides, padding};
use bnn_core::model::InputType;
use bnn_core::model::graph::{
    Graph, Node as GraphNode, NodeEpilogue, NodeWeights, Operation, Values as Elements,
};

use super::interpreter::{PoolNode, Values, padding as interpreter_padding};
use super::lower::{meta, placed};
use super::network::Network;
use super::operand::Shape;
use super::scalars::Operand;
use super::schema::Node;
use super::value::Tensor;
use crate::budget::Budget;
use crate::chain::{Failed, Finished, straight};
use crate::{ImportError, Inputs};

use held::{Held, What};

/// Nodes of a model's graph at most, beside its input.
const MOST_NODES: usize = 1023;

/// Makes a graph of a network, whose shapes and constants are in `values`.
pub(super) fn lower(
    network: &Network<'_>,
    values: &Values,
    inputs: &Inputs,
    budget: &mut Budget,
) -> Result<Finished, ImportError> {
    let mut branches = Branches {
        values,
        budget,
        held: HashMap::new(),
        nodes: Vec::new(),
        notes: Vec::new(),
    };
    let input = branches.input(inputs, network.image);
    let input = input.map_err(|failed| match failed {
        Failed::Here(why) => ImportError::format("input", "bytes that the network scales", why),
        Failed::Before(error) => error,
    })?;
    branches.held.insert(network.input.to_owned(), input);
    let needed = needed(network, values);
    for node in &network.graph.nodes {
        let output = node
            .outputs
            .first()
            .filter(|name| needed.contains(name.as_str()));
        if let Some(output) = output {
            let held = branches.node(node).map_err(|why| placed(why, node))?;
            branches.held.insert(output.clone(), held);
        }
    }
    let last = branches.held.get(network.output).cloned();
    let wrong =
        |found: &str| ImportError::format("output", "a value that depends on the input", found);
    let last = last.ok_or_else(|| wrong("a constant"))?;
    if last.tensor != branches.nodes.len() || last.tensor == 0 {
        return Err(wrong("one that a node before the last makes"));
    }
    if last.pads.is_some() {
        return Err(wrong("an image that is padded"));
    }
    if last.is_flat && last.image[..2] != [1, 1] {
        return Err(wrong("an image that is flattened"));
    }
    let pair = match last.what {
        What::Real => None,
        What::Bits { low, high } => Some([low, high]),
    };
    if let Some([low, high]) = pair.filter(|pair| *pair != [-1.0, 1.0]) {
        let note = format!("bits of the output stand for {low} (-1) and {high} (+1)");
        branches.notes.push(note);
    }
    let graph = Graph {
        input: match inputs {
            Inputs::Bits => InputType::Bits,
            Inputs::Bytes { .. } => InputType::Unsigned { depth: 8 },
        },
        input_shape: network.image,
        nodes: branches.nodes,
        meta: meta(network),
    };
    Ok(Finished {
        file: graph.write()?,
        input: network.image,
        output: last.image,
        values: pair,
        notes: branches.notes,
    })
}

/// The values that depend on the input and that the output depends on.
fn needed<'g>(network: &Network<'g>, values: &Values) -> HashSet<&'g str> {
    let varies = |name: &str| values.get(name).is_some_and(|known| known.varies);
    let mut needed = HashSet::from([network.output]);
    for node in network.graph.nodes.iter().rev() {
        let output = node.outputs.first().map(String::as_str);
        if output.is_some_and(|name| needed.contains(name) && varies(name)) {
            let inputs = node.inputs.iter().map(String::as_str);
            needed.extend(inputs.filter(|name| varies(name)));
        }
    }
    needed.retain(|name| varies(name));
    needed
}

struct Branches<'v, 'b> {
    values: &'v Values,
    budget: &'b mut Budget,
    /// What became of the network's values, by their names.
    held: HashMap<String, Held>,
    nodes: Vec<GraphNode>,
    notes: Vec<String>,
}

impl Branches<'_, '_> {
    /// The model's input, as the network takes it.
    fn input(&mut self, inputs: &Inputs, image: [usize; 3]) -> Result<Held, Failed> {
        inputs.check(image[2])?;
        let held = |tensor, what| Held {
            tensor,
            image,
            is_flat: false,
            what,
            pads: None,
        };
        if *inputs == Inputs::Bits {
            let (low, high) = (-1.0, 1.0);
            return Ok(held(0, What::Bits { low, high }));
        }
        let mut scale = self.budget.list(&[image[2]])?;
        let mut bias = self.budget.list(&[image[2]])?;
        for c in 0..image[2] {
            let line = straight(|x| inputs.value(c, x));
            let (a, b) = line.map_err(|byte| format!("a byte {byte} that is off the line"))?;
            scale.push(a as f32);
            bias.push(b as f32);
        }
        Ok(held(self.affine(0, scale, bias)?, What::Real))
    }

    /// Adds a node, whose lists are of the budget; returns its tensor.
    fn add(
        &mut self,
        operation: Operation,
        inputs: &[usize],
        values: Elements,
    ) -> Result<usize, ImportError> {
        if self.nodes.len() == MOST_NODES {
            return Err(ImportError::Limit {
                what: "nodes of a model's graph",
                most: MOST_NODES as u64,
            });
        }
        self.nodes.push(GraphNode {
            operation,
            inputs: inputs.to_vec(),
            values,
        });
        Ok(self.nodes.len())
    }

    fn real(&mut self, operation: Operation, inputs: &[usize]) -> Result<usize, ImportError> {
        self.add(operation, inputs, Elements::Real)
    }

    /// Adds what becomes of a node.
    fn node(&mut self, node: &Node) -> Result<Held, Failed> {
        let varying: Vec<(&String, Held)> = node
            .inputs
            .iter()
            .filter_map(|name| Some((name, self.held.get(name)?.clone())))
            .collect();
        let output = node.outputs.first().and_then(|name| self.values.get(name));
        let shape = output
            .map(|known| known.tensor.shape.clone())
            .unwrap_or_default();
        let [(name, held)] = varying.as_slice() else {
            return self.several(node, &varying);
        };
        let sizes = self
            .values
            .get(*name)
            .map(|known| known.tensor.shape.clone());
        let sizes = sizes.unwrap_or_default();
        let operand = Operand {
            values: self.values,
            name,
            shape: Shape {
                sizes: &sizes,
                channels: held.image[2],
            },
        };
        let takes_padded = ["Conv", "Identity", "Dropout", "Cast"].contains(&node.op.as_str());
        if held.pads.is_some() && !takes_padded {
            return self.padded_scalar(node, &operand, held);
        }
        match node.op.as_str() {
            "Identity" | "Dropout" | "Softmax" | "LogSoftmax" => Ok(held.clone()),
            "Cast" => {
                operand.check_cast(node)?;
                Ok(held.clone())
            }
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => Ok(held.reshaped(&sizes, &shape)?),
            "MatMul" | "Gemm" => self.dense(node, &operand, held),
            "Conv" => self.conv(node, &operand, held),
            "Pad" => {
                let pads = operand.constant(node, 1).and_then(Tensor::as_ints);
                let value = operand.constant(node, 2).and_then(Tensor::scalar);
                let pads = interpreter_padding(node, pads, value).map_err(super::scalars::why)?;
                Ok(Held {
                    pads: Some(pads),
                    ..held.clone()
                })
            }
            "MaxPool" | "AveragePool" => {
                let PoolNode { windows } =
                    PoolNode::new(node, &sizes).map_err(super::scalars::why)?;
                if windows.dilation() != [1, 1] {
                    return Err(format!("dilations of {:?}", windows.dilation()).into());
                }
                let sides = padded_sides(&windows);
                let (kernel, stride) = (windows.kernel(), windows.stride());
                let pool = Pool2d::new(held.image, kernel, stride, padding(sides));
                let pool = pool.map_err(|error| error.to_string())?;
                if node.op == "AveragePool" && sides != [0; 4] {
                    return Err("means of windows that are padded".into());
                }
                self.pool(&pool, held, node.op == "MaxPool")
            }
            "GlobalAveragePool" => self.global_pool(held),
            "ReduceMean" if held.image[..2] != [1, 1] => {
                let kept = [sizes.first().copied().unwrap_or(1), held.image[2]];
                match *shape {
                    [batch, channels] | [batch, channels, 1, 1] if [batch, channels] == kept => {
                        self.global_pool(held)
                    }
                    _ => Err("means over anything but all pixels".into()),
                }
            }
            "PRelu" => {
                let slopes = operand.numbers(node, 1)?;
                self.budget.bytes(size_of_val(&*slopes))?;
                self.rectify(held, slopes)
            }
            "LeakyRelu" => {
                let slope = node.float("alpha", 0.01);
                let slopes = self.budget.fill(&[held.image[2]], slope)?;
                self.rectify(held, slopes)
            }
            _ => {
                let scalar = operand.scalar(node)?;
                if shape != sizes {
                    return Err(
                        format!("its constant makes {shape:?} of the shape {sizes:?}").into(),
                    );
                }
                self.scalar(held, &scalar)
            }
        }
    }

    /// A function of single numbers of an image that is padded, whose padding becomes another.
    fn padded_scalar(
        &mut self,
        node: &Node,
        operand: &Operand<'_>,
        held: &Held,
    ) -> Result<Held, Failed> {
        let refused = || "an image that is padded, which a convolution alone takes".to_owned();
        let (sides, value) = held.pads.ok_or_else(refused)?;
        let scalar = operand.scalar(node).map_err(|_| refused())?;
        let value_of = |c| scalar.apply(c, value);
        let value = value_of(0);
        if (1..held.image[2]).any(|c| value_of(c) != value) {
            return Err("padding that differs from channel to channel".into());
        }
        let inner = Held {
            pads: None,
            ..held.clone()
        };
        Ok(Held {
            pads: Some((sides, value)),
            ..self.scalar(&inner, &scalar)?
        })
    }

    /// Sums and concatenations of values that depend on the input.
    fn several(&mut self, node: &Node, varying: &[(&String, Held)]) -> Result<Held, Failed> {
        let all: Vec<Held> = varying.iter().map(|(_, held)| held.clone()).collect();
        let is_all = node.inputs.len() == all.len();
        if all.iter().any(|held| held.pads.is_some()) {
            return Err("an image that is padded, which a convolution alone takes".into());
        }
        match (node.op.as_str(), all.as_slice()) {
            ("Add" | "Sub", [a, b]) if a.image == b.image && a.is_flat == b.is_flat => {
                let (a, mut b) = (self.as_real(a)?, self.as_real(b)?);
                if node.op == "Sub" {
                    let n = b.image[2];
                    b.tensor = self.line(b.tensor, n, -1.0, -0.0)?;
                }
                let tensor = self.real(Operation::Add, &[a.tensor, b.tensor])?;
                Ok(Held { tensor, ..a })
            }
            ("Concat", [first, rest @ ..]) if is_all && node.int("axis", 1) == 1 => {
                let mut joined = first.clone();
                for next in rest {
                    if joined.is_flat || next.is_flat || joined.image[..2] != next.image[..2] {
                        return Err("images of different sizes, or flattened ones".into());
                    }
                    let is_same = joined.what == next.what && joined.what != What::Real;
                    let (a, b, values) = match is_same {
                        true => (joined.clone(), next.clone(), Elements::Bits),
                        false => (self.as_real(&joined)?, self.as_real(next)?, Elements::Real),
                    };
                    let tensor = self.add(Operation::Concat, &[a.tensor, b.tensor], values)?;
                    let [height, width, channels] = a.image;
                    let image = [height, width, channels + b.image[2]];
                    joined = Held { tensor, image, ..a };
                }
                Ok(joined)
            }
            _ => Err(format!(
                "{} values that depend on the input, of which a model file knows sums and \
                 concatenations of channels",
                all.len()
            )
            .into()),
        }
    }

    fn pool(&mut self, pool: &Pool2d, held: &Held, is_max: bool) -> Result<Held, Failed> {
        let [height, width] = pool.windows().output_size();
        let image = [height, width, held.image[2]];
        if let (true, What::Bits { low, high }) = (is_max, held.what)
            && low < high
        {
            let tensor = self.add(Operation::MaxPool(*pool), &[held.tensor], Elements::Bits)?;
            return Ok(Held {
                tensor,
                image,
                ..held.clone()
            });
        }
        let held = self.as_real(held)?;
        let tensor = match is_max {
            true => self.real(Operation::MaxPool(*pool), &[held.tensor])?,
            false => self.real(Operation::AveragePool(*pool), &[held.tensor])?,
        };
        Ok(Held {
            tensor,
            image,
            ..held
        })
    }

    fn global_pool(&mut self, held: &Held) -> Result<Held, Failed> {
        let [height, width, _] = held.image;
        let pool = Pool2d::new(held.image, [height, width], [1, 1], Padding::Valid);
        self.pool(&pool.map_err(|error| error.to_string())?, held, false)
    }

    /// Bits as the numbers that they stand for: a depthwise product with +1.
    fn as_real(&mut self, held: &Held) -> Result<Held, Failed> {
        let What::Bits { low, high } = held.what else {
            return Ok(held.clone());
        };
        let n = held.image[2];
        let options = ConvOptions {
            groups: n,
            ..ConvOptions::default()
        };
        let conv = Conv2d::new(held.image, n, [1, 1], options)?;
        self.budget.bytes(n * size_of::<u64>())?;
        let ones = self.budget.fill(&[n], 1_i8)?;
        let ones = bnn_core::BitMatrix::pack(&ones, n, 1)?;
        let (middle, half) = ((low + high) / 2.0, (high - low) / 2.0);
        let operation = Operation::Product {
            conv,
            weights: NodeWeights::Bits(ones),
            epilogue: NodeEpilogue::Real {
                scale: self.budget.fill(&[n], half)?,
                bias: self.budget.fill(&[n], middle)?,
            },
        };
        let tensor = self.real(operation, &[held.tensor])?;
        Ok(Held {
            tensor,
            what: What::Real,
            ..held.clone()
        })
    }
}
