//! Operators of TensorFlow Lite as nodes of ONNX. Images have their channels last there and first
//! here; packed signs are -1 and +1.

use std::collections::HashMap;

use super::nodes::{Nodes, float, int, text};
use super::schema::{Model, Operator, Stored, kind};
use super::value::{NodeValue, NotImported, image, option, refused};
use super::window::{SAME, WindowOptions};
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
        let value = translation.operator(operator, &label, made);
        let value = value.map_err(|why| match why {
            NotImported::Refused(why) => refused(&label, operator, why),
            NotImported::Failed(error) => error,
        })?;
        translation.values.insert(made, value);
    }
    let Some(last) = translation.values.get(&output) else {
        let found = "one that no operator makes";
        return Err(ImportError::format(
            "TensorFlow Lite graph",
            "an output",
            found,
        ));
    };
    let mut graph = translation.nodes.graph;
    graph.outputs = vec![last.name.clone()];
    graph.format = "TensorFlow Lite";
    Ok(graph)
}

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
        if tensor.kind != kind::FLOAT32 || sides.is_empty() {
            return Err(ImportError::format(
                format!("input {}", tensor.name),
                "floats [batch, height, width, channels] or [batch, features]",
                format!("the type {} and the shape {:?}", tensor.kind, tensor.shape),
            ));
        }
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
        };
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
                    "CONCATENATION" => self.concatenation(operator, label, &x),
                    _ => self.arithmetic(operator, label, &x, y),
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
                ..self.signs(label, x)
            }),
            "LceDequantize" if made.kind == kind::FLOAT32 => Ok(NodeValue {
                is_packed: false,
                ..x.clone()
            }),
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
            "CONV_2D" | "DEPTHWISE_CONV_2D" => self.conv(operator, label, x),
            "FULLY_CONNECTED" => self.dense(operator, label, x),
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
                let pooled = self.pool(label, op, x, &window)?;
                self.activated(label, pooled, options.byte(5).into())
            }
            "MEAN" => self.mean(operator, label, x),
            "RESHAPE" | "SQUEEZE" => self.reshape(label, x, made),
            "RELU" => self.activated(label, x.clone(), 1),
            "RELU_N1_TO_1" => self.activated(label, x.clone(), 2),
            "RELU6" => self.activated(label, x.clone(), 3),
            "LEAKY_RELU" => {
                let alpha = operator.options.map_or(0.0, |options| options.float(0));
                let attributes = vec![("alpha", float(alpha))];
                let name = self
                    .nodes
                    .node((label, "LeakyRelu"), &[&x.name], attributes);
                Ok(NodeValue { name, ..x.clone() })
            }
            "PRELU" => {
                let slopes = self.broadcast(operator, 1, x)?;
                let name = self
                    .nodes
                    .node((label, "PRelu"), &[&x.name, &slopes], vec![]);
                Ok(NodeValue { name, ..x.clone() })
            }
            "SOFTMAX" => {
                let name = self.nodes.node((label, "Softmax"), &[&x.name], vec![]);
                Ok(NodeValue { name, ..x.clone() })
            }
            "PAD" => self.pad(operator, label, x),
            _ => Err(
                "a type that the importer does not know, or that a model file cannot hold".into(),
            ),
        }
    }

    /// An input that depends on the network's.
    fn value(&self, operator: &Operator<'_>, index: usize) -> Option<NodeValue> {
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
        let len = self.budget.elements(&stored.shape)?;
        let (numbers, rest) = stored.data.as_chunks();
        if stored.kind != kind::FLOAT32 || numbers.len() != len || !rest.is_empty() {
            return Err(format!("{}: expected {len} constants in float32", stored.name).into());
        }
        Ok(numbers
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect())
    }

    /// The integers of a constant.
    pub(super) fn ints(&mut self, stored: &Stored<'_>) -> Result<Vec<i32>, NotImported> {
        let len = self.budget.elements(&stored.shape)?;
        let (numbers, rest) = stored.data.as_chunks();
        if stored.kind != kind::INT32 || numbers.len() != len || !rest.is_empty() {
            return Err(format!("{}: expected {len} constants in int32", stored.name).into());
        }
        Ok(numbers
            .iter()
            .map(|&bytes| i32::from_le_bytes(bytes))
            .collect())
    }

    /// Numbers for each channel, as a constant that fits a value.
    pub(super) fn of_channels(&mut self, numbers: Vec<f32>, x: &NodeValue) -> String {
        let shape = match x.shape.len() {
            4 => vec![1, numbers.len(), 1, 1],
            _ => vec![1, numbers.len()],
        };
        self.nodes.constant(Tensor::floats(&shape, numbers))
    }

    /// A constant that is one number, or one for each channel of a value.
    fn broadcast(
        &mut self,
        operator: &Operator<'_>,
        index: usize,
        x: &NodeValue,
    ) -> Result<String, NotImported> {
        let stored = self.stored(operator, index)?;
        let numbers = self.floats(stored)?;
        let channels = x.shape.last().copied().unwrap_or(1);
        if let [number] = *numbers {
            return Ok(self.nodes.number(number));
        }
        if numbers.len() != channels || stored.shape.last() != Some(&channels) || x.flat.is_some() {
            return Err(format!(
                "its constant of the shape {:?} is not one number for each of {channels} channels",
                stored.shape
            )
            .into());
        }
        Ok(self.of_channels(numbers, x))
    }

    /// +1 where a number is at least 0, else -1.
    fn signs(&mut self, label: &str, x: &NodeValue) -> NodeValue {
        let zero = self.nodes.number(0.0);
        self.reaching(label, x, &zero)
    }

    /// +1 where a number reaches a threshold, else -1.
    pub(super) fn reaching(&mut self, label: &str, x: &NodeValue, threshold: &str) -> NodeValue {
        let (plus, minus) = (self.nodes.number(1.0), self.nodes.number(-1.0));
        let truth = [x.name.as_str(), threshold];
        let truth = self.nodes.node((label, "GreaterOrEqual"), &truth, vec![]);
        let name = self
            .nodes
            .node((label, "Where"), &[&truth, &plus, &minus], vec![]);
        NodeValue { name, ..x.clone() }
    }

    /// The activation that an operator has at its end.
    pub(super) fn activated(
        &mut self,
        label: &str,
        x: NodeValue,
        activation: i64,
    ) -> Result<NodeValue, NotImported> {
        let (least, most) = match activation {
            0 => return Ok(x),
            1 => {
                let name = self.nodes.node((label, "Relu"), &[&x.name], vec![]);
                return Ok(NodeValue { name, ..x });
            }
            2 => (-1.0, 1.0),
            3 => (0.0, 6.0),
            other => return Err(format!("the activation {other}").into()),
        };
        let (least, most) = (self.nodes.number(least), self.nodes.number(most));
        let name = self
            .nodes
            .node((label, "Clip"), &[&x.name, &least, &most], vec![]);
        Ok(NodeValue { name, ..x })
    }

    fn arithmetic(
        &mut self,
        operator: &Operator<'_>,
        label: &str,
        x: &NodeValue,
        y: Option<NodeValue>,
    ) -> Result<NodeValue, NotImported> {
        let is_first = self.value(operator, 0).is_some();
        let (a, b) = match (is_first, y) {
            (true, Some(y)) => {
                if x.shape != y.shape || x.flat != y.flat || x.is_packed || y.is_packed {
                    return Err(format!("values of {:?} and {:?}", x.shape, y.shape).into());
                }
                (x.name.clone(), y.name)
            }
            (true, None) => (x.name.clone(), self.broadcast(operator, 1, x)?),
            (false, _) => (self.broadcast(operator, 0, x)?, x.name.clone()),
        };
        let op = match operator.op.as_str() {
            "ADD" => "Add",
            "SUB" => "Sub",
            "MUL" => "Mul",
            _ => "Div",
        };
        let name = self.nodes.node((label, op), &[&a, &b], vec![]);
        let activation = operator.options.map_or(0, |options| options.byte(0));
        self.activated(label, NodeValue { name, ..x.clone() }, activation.into())
    }

    fn concatenation(
        &mut self,
        operator: &Operator<'_>,
        label: &str,
        x: &NodeValue,
    ) -> Result<NodeValue, NotImported> {
        let all: Option<Vec<NodeValue>> = (0..operator.inputs.len())
            .map(|index| self.value(operator, index))
            .collect();
        let all = all.ok_or("constants beside values that depend on the input")?;
        let options = operator.options;
        let axis = options.map_or(0, |options| options.int(0, 0));
        let rank = x.shape.len();
        if rank != 4 || axis != 3 && axis != -1 {
            return Err(format!("the axis {axis} of a value of {:?}", x.shape).into());
        }
        let mut shape = x.shape.clone();
        shape[3] = 0;
        for value in &all {
            if value.shape.len() != 4 || value.shape[..3] != shape[..3] || value.is_packed {
                return Err("values of different sizes, or packed ones".into());
            }
            shape[3] += value.shape[3];
        }
        let names: Vec<&str> = all.iter().map(|value| value.name.as_str()).collect();
        let name = self
            .nodes
            .node((label, "Concat"), &names, vec![("axis", int(1))]);
        let joined = NodeValue {
            name,
            shape,
            ..x.clone()
        };
        let activation = options.map_or(0, |options| options.byte(1));
        self.activated(label, joined, activation.into())
    }

    fn pool(
        &mut self,
        label: &str,
        op: &str,
        x: &NodeValue,
        window: &WindowOptions,
    ) -> Result<NodeValue, NotImported> {
        let [_, height, width, channels] = image(x)?;
        let [height, width] = window.over([height, width])?.output_size();
        let mut attributes = window.attributes();
        if window.padding == SAME {
            attributes.push(("auto_pad", text("SAME_UPPER")));
        }
        let name = self.nodes.node((label, op), &[&x.name], attributes);
        Ok(NodeValue {
            name,
            shape: vec![1, height, width, channels],
            ..x.clone()
        })
    }

    fn mean(
        &mut self,
        operator: &Operator<'_>,
        label: &str,
        x: &NodeValue,
    ) -> Result<NodeValue, NotImported> {
        let stored = self.stored(operator, 1)?;
        let mut axes = self.ints(stored)?;
        axes.sort_unstable();
        if axes != [1, 2] || x.shape.len() != 4 {
            return Err(format!("means over the axes {axes:?} of {:?}", x.shape).into());
        }
        let channels = x.shape[3];
        let mut name = self
            .nodes
            .node((label, "GlobalAveragePool"), &[&x.name], vec![]);
        let mut shape = vec![1, 1, 1, channels];
        if operator.options.is_none_or(|options| options.byte(0) == 0) {
            name = self.nodes.node((label, "Flatten"), &[&name], vec![]);
            shape = vec![1, channels];
        }
        Ok(NodeValue {
            name,
            shape,
            flat: None,
            is_packed: false,
        })
    }

    fn reshape(
        &mut self,
        label: &str,
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let all: usize = x.shape.iter().skip(1).product();
        let same = made.shape.len() == x.shape.len() && made.shape[1..] == x.shape[1..];
        match *made.shape.as_slice() {
            _ if same => Ok(x.clone()),
            [_, features] if features == all && x.shape.len() == 4 => {
                let name = self.nodes.node((label, "Flatten"), &[&x.name], vec![]);
                let [_, height, width, channels] = image(x)?;
                Ok(NodeValue {
                    name,
                    shape: vec![1, all],
                    flat: (height * width > 1).then_some([height, width, channels]),
                    is_packed: x.is_packed,
                })
            }
            _ => Err(format!(
                "makes {:?} of {:?}: neither flattens an image nor leaves it",
                made.shape, x.shape
            )
            .into()),
        }
    }

    fn pad(
        &mut self,
        operator: &Operator<'_>,
        label: &str,
        x: &NodeValue,
    ) -> Result<NodeValue, NotImported> {
        let stored = self.stored(operator, 1)?;
        let sides = self.ints(stored)?;
        let [_, height, width, channels] = image(x)?;
        let &[0, 0, top, bottom, left, right, 0, 0] = &sides[..] else {
            return Err(format!("padding of {sides:?}, expected rows and columns").into());
        };
        if [top, bottom, left, right]
            .iter()
            .any(|side| !(0..1 << 16).contains(side))
        {
            return Err(format!("padding of {sides:?}").into());
        }
        let pads = [0, 0, top, left, 0, 0, bottom, right].map(i64::from);
        let pads = self.nodes.constant(Tensor::ints(&[8], pads.to_vec()));
        let zero = self.nodes.number(0.0);
        let name = self
            .nodes
            .node((label, "Pad"), &[&x.name, &pads, &zero], vec![]);
        let (rows, columns) = ((top + bottom) as usize, (left + right) as usize);
        Ok(NodeValue {
            name,
            shape: vec![1, height + rows, width + columns, channels],
            ..x.clone()
        })
    }
}
