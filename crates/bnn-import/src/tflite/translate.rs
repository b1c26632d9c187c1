//! Operators of TensorFlow Lite as nodes of ONNX. Images have their channels last there and first
//! here; packed signs are -1 and +1.

use std::collections::HashMap;

use super::nodes::Nodes;
use super::schema::{Model, Operator, Stored, kind, kind_name};
use super::value::{NodeValue, NotImported, option, refused};
use super::window::WindowOptions;
use crate::ImportError;
use crate::budget::Budget;
use crate::onnx::{Graph, GraphInput, Tensor};

/// The nodes of a file.
pub(super) fn graph(model: &Model<'_>, budget: &mut Budget) -> Result<Graph, ImportError> {
    let one = |what: &str, found: &[usize]| match *found {
        [index] => Ok(index),
        _ => Err(ImportError::format(
            "TensorFlow Lite graph",
            format!("one {what}"),
            found.len().to_string(),
        )),
    };
    let (input, output) = (one("input", &model.inputs)?, one("output", &model.outputs)?);
    let mut translation = Translation {
        model,
        budget,
        nodes: Nodes::default(),
        values: HashMap::new(),
    };
    translation.input(input)?;
    for operator in &model.operators {
        let Some(&made) = operator.outputs.first() else {
            return Err(refused("", operator, "it has no output"));
        };
        let label = model.tensors[made].name.clone();
        let before = translation.nodes.count;
        let value = translation.operator(operator, &label, made);
        let value = value.map_err(|why| match why {
            NotImported::Refused(why) => refused(&label, operator, why),
            NotImported::Failed(error) => error,
        })?;
        // One operator, of 64 inputs, may become as many nodes.
        let nodes = translation.nodes.count - before;
        let bytes = nodes * (label.len() + NODE_BYTES);
        translation.budget.bytes(bytes)?;
        // Products of any of its sizes are numbers from here on.
        translation.budget.len(&value.shape)?;
        translation.values.insert(made, value);
    }
    let Some(last) = translation.values.get(&output).cloned() else {
        let found = "one that no operator makes";
        return Err(ImportError::format(
            "TensorFlow Lite graph",
            "an output",
            found,
        ));
    };
    let last = translation.dequantized(&model.tensors[output].name, &last);
    let mut graph = translation.nodes.graph;
    graph.outputs = vec![last.name];
    graph.format = "TensorFlow Lite";
    Ok(graph)
}

/// Memory of a node or a constant of the graph, at most, beside its label and its numbers.
const NODE_BYTES: usize = 512;

pub(super) struct Translation<'m, 'b> {
    model: &'m Model<'m>,
    pub(super) budget: &'b mut Budget,
    pub(super) nodes: Nodes,
    values: HashMap<usize, NodeValue>,
}

impl<'m> Translation<'m, '_> {
    fn input(&mut self, index: usize) -> Result<(), ImportError> {
        let tensor = &self.model.tensors[index];
        let sides = match *tensor.shape.as_slice() {
            [_, height, width, channels] => vec![channels, height, width],
            [_, features] => vec![features],
            _ => Vec::new(),
        };
        if !matches!(tensor.kind, kind::FLOAT32 | kind::INT8) || sides.is_empty() {
            return Err(ImportError::format(
                format!("input {}", tensor.name),
                "FLOAT32 or INT8, [batch, height, width, channels] or [batch, features]",
                format!("{}, {:?}", kind_name(tensor.kind), tensor.shape),
            ));
        }
        self.budget.len(&tensor.shape)?;
        let sides = sides.into_iter().map(Some);
        self.nodes.graph.inputs = vec![GraphInput {
            name: "input".to_owned(),
            shape: [Some(1)].into_iter().chain(sides).collect(),
        }];
        let mut shape = tensor.shape.clone();
        shape[0] = 1;
        let value = NodeValue {
            name: "input".to_owned(),
            shape,
            flat: None,
            is_packed: false,
            grid: None,
        };
        // What takes integers is given the numbers that they stand for, rounded to them.
        let value = self.settled(&tensor.name, value, &[1.0], 0, tensor);
        let value = value.map_err(|why| match why {
            NotImported::Refused(why) => {
                ImportError::format(format!("input {}", tensor.name), "an input", why)
            }
            NotImported::Failed(error) => error,
        })?;
        self.values.insert(index, value);
        Ok(())
    }

    fn operator(
        &mut self,
        operator: &Operator<'_>,
        label: &str,
        made: usize,
    ) -> Result<NodeValue, NotImported> {
        let made = &self.model.tensors[made];
        let x = self.value(operator, 0);
        let other = self.value(operator, 1);
        let op = operator.op.as_str();
        match (op, x, other) {
            ("ADD" | "SUB" | "MUL" | "DIV" | "CONCATENATION", x, y) => {
                let (x, y) = (x.or(y.clone()), y);
                let x = x.ok_or("none of its inputs depends on the network's input")?;
                match op {
                    "CONCATENATION" => self.concatenation(operator, label, &x, made),
                    _ => self.arithmetic((operator, label), &x, y, made),
                }
            }
            (_, Some(x), _) => self.unary(operator, label, &x, made),
            _ => Err("its first input does not depend on the network's input".into()),
        }
    }

    /// An operator whose other inputs are constants.
    fn unary(
        &mut self,
        operator: &Operator<'_>,
        label: &str,
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let is_of_signs = matches!(
            operator.op.as_str(),
            "LceBconv2d" | "LceBMaxPool2d" | "LceDequantize"
        );
        if is_of_signs != x.is_packed {
            return Err("it takes packed signs where there are numbers, or the reverse".into());
        }
        match operator.op.as_str() {
            "LceQuantize" => Ok(NodeValue {
                is_packed: true,
                grid: None,
                ..self.signs(label, x)
            }),
            "LceDequantize" => self.numbers_of_signs(label, x, made),
            "LceBconv2d" => self.binary_conv(operator, label, x, made),
            "LceBMaxPool2d" => {
                let option = |name| option(operator, name);
                let window = WindowOptions {
                    kernel: [option("filter_height")?, option("filter_width")?],
                    strides: [option("stride_height")?, option("stride_width")?],
                    dilations: [1, 1],
                    padding: option("padding")?,
                };
                self.pool(label, "MaxPool", x, &window)
            }
            "QUANTIZE" if x.grid.is_some() => self.requantize(label, x, made),
            "QUANTIZE" | "DEQUANTIZE" => self.settled(label, x.clone(), &[x.unit()], 0, made),
            "CONV_2D" | "DEPTHWISE_CONV_2D" => self.conv((operator, label), x, made),
            "FULLY_CONNECTED" => self.dense((operator, label), x, made),
            op @ ("MAX_POOL_2D" | "AVERAGE_POOL_2D") => {
                let Some(options) = operator.options else {
                    return Err("expected options, found none".into());
                };
                let window = WindowOptions {
                    kernel: [options.int(4, 0).into(), options.int(3, 0).into()],
                    strides: [options.int(2, 0).into(), options.int(1, 0).into()],
                    dilations: [1, 1],
                    padding: options.byte(0).into(),
                };
                let op = if op == "MAX_POOL_2D" {
                    "MaxPool"
                } else {
                    "AveragePool"
                };
                let mut pooled = self.pool(label, op, x, &window)?;
                if let (Some(grid), "AveragePool") = (x.grid, op) {
                    pooled.grid = None;
                    pooled = self.rounded_means(label, pooled, grid);
                }
                self.settled(label, pooled, &[x.unit()], options.byte(5).into(), made)
            }
            "MEAN" => self.mean(operator, label, x, made),
            "RESHAPE" => self.reshape(label, x, made),
            "RELU" => self.clipping(label, x, 1, made),
            "RELU_N1_TO_1" => self.clipping(label, x, 2, made),
            "RELU6" => self.clipping(label, x, 3, made),
            "LEAKY_RELU" => {
                let slope = operator.options.map_or(0.0, |options| options.float(0));
                self.leaky(label, x, slope, made)
            }
            "PRELU" => self.prelu((operator, label), x, made),
            "SOFTMAX" => {
                // Its scale is that of shares, which the model leaves out.
                let x = self.dequantized(label, x);
                let name = self.nodes.node((label, "Softmax"), &[&x.name], vec![]);
                Ok(NodeValue { name, ..x })
            }
            "PAD" => self.pad(operator, label, x),
            _ => Err(
                "a type that the importer does not know, or that a model file cannot hold".into(),
            ),
        }
    }

    /// An input that depends on the network's.
    pub(super) fn value(&self, operator: &Operator<'_>, index: usize) -> Option<NodeValue> {
        let index = (*operator.inputs.get(index)?)?;
        self.values.get(&index).cloned()
    }

    /// An input that is a constant of the file.
    pub(super) fn stored(
        &self,
        operator: &Operator<'_>,
        index: usize,
    ) -> Result<&'m Stored<'m>, NotImported> {
        let found = operator.inputs.get(index).copied().flatten();
        let stored = found.map(|index| &self.model.tensors[index]);
        let stored = stored.filter(|stored| !stored.data.is_empty());
        stored.ok_or_else(|| format!("input {index}: expected a constant").into())
    }

    /// The floats of a constant.
    pub(super) fn floats(&mut self, stored: &Stored<'_>) -> Result<Vec<f32>, NotImported> {
        self.constants(stored, (kind::FLOAT32, "float32"), f32::from_le_bytes)
    }

    /// The integers of a constant.
    pub(super) fn ints(&mut self, stored: &Stored<'_>) -> Result<Vec<i32>, NotImported> {
        self.constants(stored, (kind::INT32, "int32"), i32::from_le_bytes)
    }

    /// The numbers of a constant of a kind, each of `N` bytes.
    pub(super) fn constants<const N: usize, T>(
        &mut self,
        stored: &Stored<'_>,
        (kind, kind_name): (u8, &str),
        number: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, NotImported> {
        let len = self.budget.len(&stored.shape)?;
        let (numbers, rest) = stored.data.as_chunks();
        if stored.kind != kind || numbers.len() != len || !rest.is_empty() {
            let name = &stored.name;
            return Err(format!("{name}: expected {len} constants in {kind_name}").into());
        }
        let numbers = numbers.iter().map(|&bytes| number(bytes));
        Ok(self.budget.collect(&[len], numbers)?)
    }

    /// One number, or one for each channel, as a constant that fits a value.
    pub(super) fn fitting(&mut self, numbers: Vec<f32>, x: &NodeValue) -> String {
        let shape = match (numbers.len(), x.shape.len()) {
            (1, _) => Vec::new(),
            (n, 4) => vec![1, n, 1, 1],
            (n, _) => vec![1, n],
        };
        self.nodes.constant(Tensor::floats(&shape, numbers))
    }
}
