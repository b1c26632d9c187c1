//! The nodes between input and output, one after the other, as a chain.

use bnn_core::conv::Windows;
use bnn_core::internal::padded_sides;

use super::interpreter::{Known, PoolNode, Values, padding};
use super::network::Network;
use super::operand::Shape;
use super::scalars::Operand;
use super::schema::Node;
use super::value::Tensor;
use super::weights::{Dense, Filters};
use crate::ImportError;
use crate::budget::Budget;
use crate::chain::{Chain, Failed, Finished, Scalar, Windowed};

/// Makes a model of a network, whose shapes and constants are in `values`.
pub(super) fn lower(
    network: &Network<'_>,
    values: &Values,
    chain: Chain,
    budget: &mut Budget,
) -> Result<Finished, ImportError> {
    let mut lowering = Lowering {
        values,
        budget,
        chain,
        value: network.input.to_owned(),
        shape: network.shape.clone(),
        is_flat: false,
    };
    let mut last = None;
    for node in &network.graph.nodes {
        let varies = |name: &String| values.get(name).is_some_and(|known| known.varies);
        if node.outputs.first().is_some_and(varies) {
            lowering.node(node).map_err(|failed| placed(failed, node))?;
            last = Some(node);
        }
    }
    let Some(last) = last else {
        let found = "none that depends on the input";
        return Err(ImportError::format("ONNX graph", "nodes", found));
    };
    if lowering.value != network.output {
        let why = format!("expected the network to end in {}", network.output);
        return Err(last.refused(why));
    }
    let [height, width, _] = lowering.chain.image;
    if lowering.is_flat && [height, width] != [1, 1] {
        return Err(last.refused("an image is flattened at the end"));
    }
    let finished = lowering.chain.finish(&meta(network));
    finished.map_err(|failed| placed(failed, last))
}

/// The text by which the commands know a model of images.
pub(super) fn meta(network: &Network<'_>) -> String {
    let [height, width, channels] = network.image;
    let size = match [height, width] {
        [1, 1] => String::new(),
        _ => format!("width={width}\nheight={height}\nmax=255\n"),
    };
    let channels = match channels {
        _ if size.is_empty() => String::new(),
        1 => String::new(),
        channels => format!("channels={channels}\n"),
    };
    let format = network.graph.format;
    format!("{size}{channels}name=imported from {format}\n")
}

pub(super) fn placed(failed: Failed, node: &Node) -> ImportError {
    match failed {
        Failed::Here(why) => node.refused(why),
        Failed::Before(error) => error,
    }
}

struct Lowering<'v, 'b> {
    values: &'v Values,
    budget: &'b mut Budget,
    chain: Chain,
    /// The name of the value that the chain has come to.
    value: String,
    /// Its shape, the batch first.
    shape: Vec<usize>,
    /// Whether it is an image that was flattened, channels first.
    is_flat: bool,
}

impl<'v> Lowering<'v, '_> {
    /// Adds a node whose output depends on the input.
    fn node(&mut self, node: &Node) -> Result<(), Failed> {
        let varying = |name: &&String| self.known(name).is_some_and(|known| known.varies);
        let found: Vec<&String> = node.inputs.iter().filter(varying).collect();
        match found.as_slice() {
            [input] if **input == self.value => {}
            [input] => {
                return Err(format!(
                    "its input {input} is used by another node as well: a branch, where a model \
                     file holds a chain"
                )
                .into());
            }
            _ => {
                return Err(format!(
                    "{} of its inputs depend on the network's input: branches that meet, where a \
                     model file holds a chain",
                    found.len()
                )
                .into());
            }
        }
        let output = node.outputs.first().cloned().unwrap_or_default();
        let shape = self.known(&output).map(|known| known.tensor.shape.clone());
        let shape = shape.unwrap_or_default();
        match node.op.as_str() {
            "Identity" | "Dropout" | "Softmax" | "LogSoftmax" => {}
            "Cast" => self.operand().check_cast(node)?,
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => self.reshape(&shape)?,
            "MatMul" | "Gemm" => self.dense(node)?,
            "Conv" => self.conv(node)?,
            "MaxPool" => self.max_pool(node)?,
            "Pad" => {
                let pads = self.constant(node, 1).and_then(Tensor::as_ints);
                let value = self.constant(node, 2).and_then(Tensor::scalar);
                let (sides, value) = padding(node, pads, value)?;
                self.chain.pad(sides, value)?;
            }
            _ => {
                let scalar = self.operand().scalar(node)?;
                self.chain.check_not_padded()?;
                if shape != self.shape {
                    return Err(format!(
                        "its constant makes {shape:?} of the shape {:?}",
                        self.shape
                    )
                    .into());
                }
                // Nodes that share constants of the network have each their own here.
                let channels = self.chain.image[2];
                self.budget.floats(scalar.lists(), channels)?;
                self.chain.scalar(scalar);
            }
        }
        (self.value, self.shape) = (output, shape);
        Ok(())
    }

    fn known(&self, name: &str) -> Option<&'v Known> {
        self.values.get(name)
    }

    /// An input that does not depend on the network's.
    fn constant(&self, node: &Node, index: usize) -> Option<&'v Tensor> {
        let known = self.known(node.inputs.get(index)?)?;
        (!known.varies).then_some(&*known.tensor)
    }

    /// The value that the chain has come to.
    fn operand(&self) -> Operand<'_> {
        Operand {
            values: self.values,
            name: &self.value,
            shape: Shape {
                sizes: &self.shape,
                channels: self.chain.image[2],
            },
        }
    }

    fn reshape(&mut self, shape: &[usize]) -> Result<(), Failed> {
        self.chain.check_not_padded()?;
        let [height, width, channels] = self.chain.image;
        match *shape {
            [batch, elements]
                if batch == self.shape[0] && elements == height * width * channels =>
            {
                if channels == 1 && self.chain.is_untouched() {
                    self.chain.set_input([1, 1, elements]);
                } else if channels == 1 && self.chain.is_at_input() {
                    // What was done to all pixels alike is done to each.
                    self.chain.spread(elements, self.budget)?;
                } else {
                    self.is_flat = self.shape.len() != 2 || self.is_flat;
                }
                Ok(())
            }
            [batch, c, h, w] if batch == self.shape[0] => {
                let is_same = [h, w, c] == [height, width, channels];
                let is_input = self.shape.len() == 2
                    && self.chain.is_untouched()
                    && c * h * w == height * width * channels;
                if is_input && !is_same {
                    self.chain.set_input([h, w, c]);
                } else if !is_same {
                    return Err(self.odd_shape(shape));
                }
                self.is_flat = false;
                Ok(())
            }
            _ => Err(self.odd_shape(shape)),
        }
    }

    fn odd_shape(&self, shape: &[usize]) -> Failed {
        format!(
            "makes {shape:?} of the shape {:?}: neither flattens an image nor leaves it",
            self.shape
        )
        .into()
    }

    fn dense(&mut self, node: &Node) -> Result<(), Failed> {
        let dense = Dense::new(node, &self.operand(), self.chain.image)?;
        let n = dense.outputs;
        self.chain.dense(named(node), &dense.weights)?;
        self.is_flat = false;
        if dense.alpha != 1.0 {
            self.chain.scalar(Scalar::Multiply(vec![dense.alpha; n]));
        }
        if let Some(bias) = dense.bias {
            self.chain.scalar(Scalar::Add(bias));
        }
        Ok(())
    }

    fn conv(&mut self, node: &Node) -> Result<(), Failed> {
        let filters = Filters::new(node, &self.operand())?;
        let windowed = windowed(&filters.windows, filters.groups);
        self.chain.conv(named(node), &windowed, &filters.weights)?;
        if let Some(bias) = filters.bias {
            self.chain.scalar(Scalar::Add(bias));
        }
        Ok(())
    }

    fn max_pool(&mut self, node: &Node) -> Result<(), Failed> {
        self.chain.check_not_padded()?;
        let PoolNode { windows } = PoolNode::new(node, &self.shape)?;
        if windows.dilation() != [1, 1] {
            return Err(format!("dilations of {:?}", windows.dilation()).into());
        }
        Ok(self.chain.max_pool(&windowed(&windows, 1))?)
    }
}

fn named(node: &Node) -> (String, String) {
    (node.label().to_owned(), node.op.clone())
}

fn windowed(windows: &Windows, groups: usize) -> Windowed {
    Windowed {
        kernel: windows.kernel(),
        stride: windows.stride(),
        dilation: windows.dilation(),
        pads: padded_sides(windows),
        groups,
    }
}
