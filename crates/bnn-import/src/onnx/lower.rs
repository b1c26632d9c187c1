//! The nodes between input and output, one after the other, as a chain.

use super::interpreter::{
    ConvNode, Known, Levels, PoolNode, Values, Windows, batch_norm_of, padding,
};
use super::network::Network;
use super::operand::Shape;
use super::schema::Node;
use super::value::{Data, Tensor};
use crate::ImportError;
use crate::chain::{Chain, Comparison, Failed, Finished, Scalar, Windowed};

/// Makes a model of a network, whose shapes and constants are in `values`.
pub(super) fn lower(
    network: &Network<'_>,
    values: &Values,
    chain: Chain,
) -> Result<Finished, ImportError> {
    let mut lowering = Lowering {
        values,
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
    let finished = lowering.chain.finish("name=imported from ONNX\n");
    finished.map_err(|failed| placed(failed, last))
}

fn placed(failed: Failed, node: &Node) -> ImportError {
    match failed {
        Failed::Here(why) => node.refused(why),
        Failed::Before(error) => error,
    }
}

struct Lowering<'v> {
    values: &'v Values,
    chain: Chain,
    /// The name of the value that the chain has come to.
    value: String,
    /// Its shape, the batch first.
    shape: Vec<usize>,
    /// Whether it is an image that was flattened, channels first.
    is_flat: bool,
}

impl<'v> Lowering<'v> {
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
            "Cast" => self.cast(node)?,
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
                let scalar = self.scalar(node)?;
                self.chain.check_not_padded()?;
                if shape != self.shape {
                    return Err(format!(
                        "its constant makes {shape:?} of the shape {:?}",
                        self.shape
                    )
                    .into());
                }
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

    /// Numbers for each channel from an input that must be constant.
    fn numbers(&self, node: &Node, index: usize) -> Result<Vec<f32>, Failed> {
        let constant = self.constant(node, index);
        let constant = constant.ok_or_else(|| format!("input {index}: expected a constant"))?;
        let shape = Shape {
            sizes: &self.shape,
            channels: self.chain.image[2],
        };
        Ok(shape.per_channel(constant)?)
    }

    fn scalar(&self, node: &Node) -> Result<Scalar, Failed> {
        let is_left = node.inputs.first() == Some(&self.value);
        // The constant, on the other side.
        let numbers = || self.numbers(node, usize::from(is_left));
        Ok(match node.op.as_str() {
            "Add" => Scalar::Add(numbers()?),
            "Sub" if is_left => Scalar::Subtract(numbers()?),
            "Sub" => Scalar::SubtractFrom(numbers()?),
            "Mul" => Scalar::Multiply(numbers()?),
            "Div" if is_left => Scalar::Divide(numbers()?),
            "Neg" => Scalar::Multiply(vec![-1.0; self.chain.image[2]]),
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
                let (name, _) = named(node);
                Scalar::Sign { node: name }
            }
            "BipolarQuant" => Scalar::Bipolar(self.numbers(node, 1)?),
            "Quant" => Scalar::Quantize(Levels::new(node, |index| {
                self.constant(node, index).and_then(Tensor::scalar)
            })?),
            "BatchNormalization" => {
                let [_, channels, ..] = *self.shape else {
                    return Err(String::from("expected an input [batch, channels, ..]").into());
                };
                if channels != self.chain.image[2] {
                    return Err(String::from("the pixels of a flattened image differ").into());
                }
                let numbers = |index: usize| {
                    let floats = self.constant(node, index).and_then(Tensor::as_floats);
                    floats.ok_or_else(|| node.refused(format!("input {index}: expected constants")))
                };
                Scalar::BatchNorm(batch_norm_of(node, channels, numbers)?)
            }
            "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => {
                let comparison = match (node.op.as_str(), is_left) {
                    ("Greater", true) | ("Less", false) => Comparison::Greater,
                    ("GreaterOrEqual", true) | ("LessOrEqual", false) => Comparison::GreaterOrEqual,
                    ("Less", true) | ("Greater", false) => Comparison::Less,
                    _ => Comparison::LessOrEqual,
                };
                Scalar::Compare(comparison, numbers()?)
            }
            "Where" if is_left => Scalar::Select {
                yes: self.numbers(node, 1)?,
                no: self.numbers(node, 2)?,
            },
            _ => {
                return Err(String::from(
                    "no product, pool or monotone function of single numbers with constants",
                )
                .into());
            }
        })
    }

    /// Truths as numbers are as they are; other casts must not round.
    fn cast(&self, node: &Node) -> Result<(), Failed> {
        let before = self.known(&self.value).map(|known| &known.tensor.data);
        match (before, node.int("to", 0)) {
            (Some(Data::Bool(_)), _) | (Some(Data::F32(_)), 1 | 11) => Ok(()),
            (_, to) => Err(format!("casts numbers to the type {to}").into()),
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
                    self.chain.spread(elements);
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
        let weights = self.constant(node, 1);
        let is_first = node.inputs.first() == Some(&self.value);
        let (Some(weights), true) = (weights, is_first) else {
            return Err(String::from("expected constant weights on the right side").into());
        };
        let (Some(numbers), &[r, c], &[_, k]) =
            (weights.as_floats(), &*weights.shape, &*self.shape)
        else {
            return Err(format!(
                "expected a matrix of weights and samples [batch, k], found {:?} and {:?}",
                weights.shape, self.shape
            )
            .into());
        };
        let is_rows = node.op == "Gemm" && node.int("transB", 0) != 0;
        let n = if is_rows { r } else { c };
        let at = |o: usize, i: usize| match is_rows {
            true => numbers[o * k + i],
            false => numbers[i * n + o],
        };
        // The network has the channels first, the model last.
        let [height, width, channels] = self.chain.image;
        let pixels = height * width;
        let ordered =
            (0..n).flat_map(|o| (0..k).map(move |j| at(o, j % channels * pixels + j / channels)));
        let ordered: Vec<f32> = ordered.collect();
        self.chain.dense(named(node), &ordered)?;
        self.is_flat = false;
        if node.op == "Gemm" {
            let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
            if alpha != 1.0 {
                self.chain.scalar(Scalar::Multiply(vec![alpha; n]));
            }
            let shape = Shape {
                sizes: &[self.shape[0], n],
                channels: n,
            };
            if node.inputs.get(2).is_some_and(|name| !name.is_empty()) {
                let bias = self.constant(node, 2);
                let bias = bias.ok_or_else(|| String::from("expected a constant bias"))?;
                let mut bias = shape.per_channel(bias)?;
                bias.iter_mut().for_each(|bias| *bias *= beta);
                self.chain.scalar(Scalar::Add(bias));
            }
        }
        Ok(())
    }

    fn conv(&mut self, node: &Node) -> Result<(), Failed> {
        let is_first = node.inputs.first() == Some(&self.value);
        let (Some(filters), true) = (self.constant(node, 1), is_first) else {
            return Err(String::from("expected constant filters").into());
        };
        let ConvNode { windows, groups } = ConvNode::new(node, &self.shape, &filters.shape)?;
        let (Some(numbers), &[n, depth, kh, kw]) = (filters.as_floats(), &*filters.shape) else {
            return Err(String::from("expected filters of floats").into());
        };
        let ordered = (0..n).flat_map(|o| {
            (0..kh * kw).flat_map(move |tap| {
                (0..depth).map(move |c| numbers[(o * depth + c) * kh * kw + tap])
            })
        });
        let ordered: Vec<f32> = ordered.collect();
        let windowed = windowed(&windows, groups);
        self.chain.conv(named(node), &windowed, &ordered)?;
        if node.inputs.get(2).is_some_and(|name| !name.is_empty()) {
            let bias = self.constant(node, 2).and_then(Tensor::as_floats);
            let bias = bias.filter(|bias| bias.len() == n);
            let bias = bias.ok_or_else(|| format!("expected {n} constant biases"))?;
            self.chain.scalar(Scalar::Add(bias.to_vec()));
        }
        Ok(())
    }

    fn max_pool(&mut self, node: &Node) -> Result<(), Failed> {
        self.chain.check_not_padded()?;
        let PoolNode { windows } = PoolNode::new(node, &self.shape)?;
        if windows.dilation != [1, 1] {
            return Err(format!("dilations of {:?}", windows.dilation).into());
        }
        Ok(self.chain.max_pool(&windowed(&windows, 1))?)
    }
}

fn named(node: &Node) -> (String, String) {
    (node.label().to_owned(), node.op.clone())
}

fn windowed(windows: &Windows, groups: usize) -> Windowed {
    let ([top, left], [bottom, right]) = (windows.before, windows.after);
    Windowed {
        kernel: windows.kernel,
        stride: windows.stride,
        dilation: windows.dilation,
        pads: [top, left, bottom, right],
        groups,
    }
}
