//! The nodes of a file for each node of a model.
//!
//! Tensors are `[N, height, width, channels]` throughout, as in the model; signs are packed.
//! Standard operators round as the model does where they compute element by element; products and
//! means are nodes of ours, because others add in other orders.

use std::borrow::Cow;
use std::ffi::CStr;

use bnn_core::conv::{Conv2d, Windows};
use bnn_core::model::InputType;
use bnn_core::model::graph::{
    Graph, Node, NodeEpilogue, NodeNumber, NodeWeights, Numbers, Operation, Slopes, Values,
};
use bnn_core::row_words;

use super::attributes::Attributes;
use super::file::Attribute::{Int, Ints};
use super::file::File;
use super::{ExportError, in_words, sides};
use crate::schema::{attribute, op};
use crate::tensor::Element;

/// The order of sides that pools of ONNX want, and back.
const TO_PLANES: [i64; 4] = [0, 3, 1, 2];
const FROM_PLANES: [i64; 4] = [0, 2, 3, 1];

/// A tensor of the file.
#[derive(Clone, Debug)]
pub(super) struct NodeTensor {
    name: String,
    shape: [usize; 3],
    values: Values,
}

pub(super) struct Writer {
    pub(super) file: File,
    /// The tensors of the input and of all nodes.
    tensors: Vec<NodeTensor>,
    /// The node that is being written.
    index: usize,
    operation: &'static str,
}

impl Writer {
    pub(super) fn new(graph: &Graph) -> Self {
        let mut file = File::default();
        let (shape, values) = match graph.input {
            InputType::Unsigned { depth } => (graph.input_shape, Values::Unsigned { depth }),
            _ => (in_words(graph.input_shape), Values::Bits),
        };
        let mut name = "input".to_owned();
        if sides(&shape).len() == 1 {
            let image = file.shape(&[0, 1, 1, shape[2] as i64]);
            name = file.standard("Reshape", &[&name, &image], &[]);
        }
        Self {
            file,
            tensors: vec![NodeTensor {
                name,
                shape: graph.input_shape,
                values,
            }],
            index: 0,
            operation: "input",
        }
    }

    fn refused(&self, why: &'static str) -> ExportError {
        ExportError::Node {
            index: self.index,
            operation: self.operation,
            why,
        }
    }

    /// What the last node computes: a name, a type and a shape.
    pub(super) fn output(&mut self) -> Result<(String, Element, [usize; 3]), ExportError> {
        self.file.begin(self.tensors.len());
        let Some(last) = self.tensors.last().cloned() else {
            return Err(self.refused("a model without nodes"));
        };
        let NodeTensor {
            name,
            shape,
            values,
        } = last;
        let (element, shape) = match values {
            Values::Bits => (Element::U64, in_words(shape)),
            Values::Unsigned { .. } => (Element::U8, shape),
            Values::Integer { .. } => (Element::I32, shape),
            _ => (Element::F32, shape),
        };
        let image: Vec<i64> = [0]
            .into_iter()
            .chain(sides(&shape).iter().map(|&side| side as i64))
            .collect();
        let image = self.file.shape(&image);
        let name = self.file.standard("Reshape", &[&name, &image], &[]);
        Ok((name, element, shape))
    }

    /// Adds a node of the model.
    pub(super) fn node(&mut self, index: usize, node: &Node) -> Result<(), ExportError> {
        self.file.begin(index);
        (self.index, self.operation) = (index, name_of(&node.operation));
        let inputs: Option<Vec<NodeTensor>> = node
            .inputs
            .iter()
            .map(|&at| self.tensors.get(at).cloned())
            .collect();
        let Some([x, others @ ..]) = inputs.as_deref() else {
            return Err(self.refused("it reads what is not there"));
        };
        let is_fixed = |values: Values| matches!(values, Values::Fixed { .. });
        if is_fixed(x.values) || is_fixed(node.values) {
            return Err(self.refused("fixed point, for which ONNX has no operators"));
        }
        let y = others.first().unwrap_or(x);
        let (name, shape) = self.operation(&node.operation, node.values, x, y)?;
        self.tensors.push(NodeTensor {
            name,
            shape,
            values: node.values,
        });
        Ok(())
    }

    fn operation(
        &mut self,
        operation: &Operation,
        values: Values,
        x: &NodeTensor,
        y: &NodeTensor,
    ) -> Result<(String, [usize; 3]), ExportError> {
        let file = &mut self.file;
        let name = match operation {
            Operation::Product {
                conv,
                weights,
                epilogue,
            } => {
                let [height, width] = conv.windows().output_size();
                let name = self.product(conv, weights, epilogue, values, x)?;
                return Ok((name, [height, width, conv.outputs()]));
            }
            Operation::Add => file.standard("Add", &[&x.name, &y.name], &[]),
            Operation::Concat => {
                let [height, width, channels] = x.shape;
                let shape = [height, width, channels + y.shape[2]];
                return Ok((self.concat(x, y, shape), shape));
            }
            Operation::Affine(epilogue) => {
                let number = self.number(x);
                self.finished(number, epilogue)?
            }
            Operation::Relu => file.standard("Relu", &[&x.name], &[]),
            Operation::Prelu(slopes) => self.prelu(&x.name, slopes)?,
            Operation::Rprelu {
                before,
                slope,
                after,
            } => {
                let (before, after) = (self.reals(before)?, self.reals(after)?);
                let shifted = self.shifted(&x.name, &before);
                let rectified = self.prelu(&shifted, slope)?;
                self.shifted(&rectified, &after)
            }
            Operation::Clamp { low, high } => {
                let (NodeNumber::Real(low), NodeNumber::Real(high)) = (low, high) else {
                    return Err(self.refused("fixed point, for which ONNX has no operators"));
                };
                let low = file.scalar("low", *low);
                let high = file.scalar("high", *high);
                file.standard("Clip", &[&x.name, &low, &high], &[])
            }
            Operation::AveragePool(pool) => {
                let windows = pool.windows();
                let name = self.windowed(op::AVERAGE_POOL, x, windows);
                return Ok((name, pooled(windows, x)));
            }
            Operation::MaxPool(pool) => {
                let windows = pool.windows();
                let name = match x.values {
                    Values::Bits => self.windowed(op::MAX_POOL, x, windows),
                    _ => self.max_pool(x, windows),
                };
                return Ok((name, pooled(windows, x)));
            }
            Operation::Sign(thresholds) => self.sign(x, thresholds),
            Operation::Crop([top, bottom, left, right]) => {
                // Rows and columns, which are whole numbers and whole words.
                let [height, width, channels] = x.shape;
                let [rows, columns] = [height - bottom, width - right];
                let from = file.shape(&[*top as i64, *left as i64]);
                let to = file.shape(&[rows as i64, columns as i64]);
                let axes = file.shape(&[1, 2]);
                let name = file.standard("Slice", &[&x.name, &from, &to, &axes], &[]);
                return Ok((name, [rows - top, columns - left, channels]));
            }
            Operation::Flatten => {
                let shape = [1, 1, x.shape.iter().product()];
                return Ok((self.flatten(x, shape), shape));
            }
            _ => return Err(self.refused("an operation that this version does not know")),
        };
        Ok((name, x.shape))
    }

    fn product(
        &mut self,
        conv: &Conv2d,
        weights: &NodeWeights,
        epilogue: &NodeEpilogue,
        values: Values,
        x: &NodeTensor,
    ) -> Result<String, ExportError> {
        let n = conv.outputs();
        let k = conv.patch_len();
        // The sums that a float holds, whatever the order in which they are added.
        let most = match x.values {
            Values::Unsigned { depth } => (1 << depth) - 1,
            _ => 1_usize,
        };
        let is_exact = |weight: usize| {
            let most = k
                .checked_mul(most)
                .and_then(|most| most.checked_mul(weight));
            most.is_some_and(|most| most < 1 << f32::MANTISSA_DIGITS)
        };
        let reals: Cow<'_, [f32]> = match weights {
            NodeWeights::Bits(rows) => {
                let rows = self.file.words("weights", n, rows.words());
                return self.signs(conv, rows, epilogue, values, x, is_exact(1));
            }
            NodeWeights::F32(weights) => weights.into(),
            NodeWeights::I8(weights) => {
                if x.values != Values::Real && !is_exact(128) {
                    return Err(self.refused("sums of integers that float32 does not hold"));
                }
                weights.iter().map(|&w| f32::from(w)).collect()
            }
            _ => return Err(self.refused("weights of a type that this version does not know")),
        };
        let weights = self.file.floats("weights", &[n, k], &reals);
        let attributes = Attributes::of(x.shape[2], conv.windows()).with(conv);
        let sums = self
            .file
            .ours(op::ORDERED_CONV, &[&x.name, &weights], &attributes.list());
        self.finished(sums, epilogue)
    }

    /// A product with signs.
    fn signs(
        &mut self,
        conv: &Conv2d,
        weights: String,
        epilogue: &NodeEpilogue,
        values: Values,
        x: &NodeTensor,
        is_exact: bool,
    ) -> Result<String, ExportError> {
        let attributes = Attributes::of(x.shape[2], conv.windows()).with(conv);
        let is_linear = x.shape[..2] == [1, 1] && conv.windows().kernel() == [1, 1];
        let mut attributes = attributes.list();
        if is_linear && conv.groups() == 1 {
            attributes.truncate(1);
        }
        let [to_floats, to_bits] = match attributes.len() {
            1 => [op::LINEAR, op::LINEAR_BITS],
            _ => [op::CONV, op::CONV_BITS],
        };
        let file = &mut self.file;
        match epilogue {
            NodeEpilogue::Thresholds(thresholds) => {
                let thresholds = file.ints("thresholds", thresholds);
                Ok(file.ours(to_bits, &[&x.name, &weights, &thresholds], &attributes))
            }
            NodeEpilogue::Real { scale, bias } => {
                let scale = file.floats("scale", &[scale.len()], scale);
                let bias = file.floats("bias", &[bias.len()], bias);
                Ok(file.ours(to_floats, &[&x.name, &weights, &scale, &bias], &attributes))
            }
            NodeEpilogue::Fixed {
                factor,
                bias,
                shift: 0,
            } if matches!(values, Values::Integer { .. })
                && factor.iter().all(|&factor| factor == 1)
                && bias.iter().all(|&bias| bias == 0) =>
            {
                if !is_exact {
                    return Err(self.refused("sums of integers that float32 does not hold"));
                }
                let sums = file.ours(to_floats, &[&x.name, &weights], &attributes);
                let to = Int(Element::I32 as i64);
                Ok(file.standard("Cast", &[&sums], &[("to", to)]))
            }
            _ => Err(self.refused("fixed point, for which ONNX has no operators")),
        }
    }

    /// What becomes of a real number.
    fn finished(&mut self, x: String, epilogue: &NodeEpilogue) -> Result<String, ExportError> {
        match epilogue {
            NodeEpilogue::Real { scale, bias } => {
                let scale = self.file.floats("scale", &[scale.len()], scale);
                let scaled = self.file.standard("Mul", &[&x, &scale], &[]);
                Ok(self.shifted(&scaled, bias))
            }
            NodeEpilogue::Bias(bias) => Ok(self.shifted(&x, bias)),
            // Sums of integers that are exact in floats; so are thresholds, or beyond them all.
            NodeEpilogue::Thresholds(thresholds) => Ok(self.reaching(&x, &floats(thresholds))),
            _ => Err(self.refused("fixed point, for which ONNX has no operators")),
        }
    }

    fn shifted(&mut self, x: &str, by: &[f32]) -> String {
        let by = self.file.floats("bias", &[by.len()], by);
        self.file.standard("Add", &[x, &by], &[])
    }

    fn reals(&self, numbers: &Numbers) -> Result<Vec<f32>, ExportError> {
        match numbers {
            Numbers::Real(numbers) => Ok(numbers.clone()),
            Numbers::Fixed(_) => Err(self.refused("fixed point, for which ONNX has no operators")),
        }
    }

    fn prelu(&mut self, x: &str, slopes: &Slopes) -> Result<String, ExportError> {
        let Slopes::Real(slopes) = slopes else {
            return Err(self.refused("fixed point, for which ONNX has no operators"));
        };
        let slopes = self.file.floats("slopes", &[slopes.len()], slopes);
        Ok(self.file.standard("PRelu", &[x, &slopes], &[]))
    }

    /// A tensor as floats, which it is or of which it has bytes.
    fn number(&mut self, x: &NodeTensor) -> String {
        match x.values {
            Values::Unsigned { .. } => {
                let to = Int(Element::F32 as i64);
                self.file.standard("Cast", &[&x.name], &[("to", to)])
            }
            _ => x.name.clone(),
        }
    }

    fn sign(&mut self, x: &NodeTensor, thresholds: &Numbers) -> String {
        match thresholds {
            Numbers::Real(thresholds) => self.reaching(&x.name, thresholds),
            // Thresholds of bytes; one beyond all bytes, as a float, is still beyond them.
            Numbers::Fixed(thresholds) => self.reaching(&x.name, &floats(thresholds)),
        }
    }

    /// The bits that say where numbers reach the thresholds of their channels.
    fn reaching(&mut self, x: &str, thresholds: &[f32]) -> String {
        let channels = Int(thresholds.len() as i64);
        let thresholds = self
            .file
            .floats("thresholds", &[thresholds.len()], thresholds);
        let attributes = [(attribute::CHANNELS, channels)];
        self.file.ours(op::PACK, &[x, &thresholds], &attributes)
    }

    fn unpacked(&mut self, x: &NodeTensor) -> String {
        let attributes = [(attribute::CHANNELS, Int(x.shape[2] as i64))];
        self.file.ours(op::UNPACK, &[&x.name], &attributes)
    }

    fn packed(&mut self, x: &str, channels: usize) -> String {
        let attributes = [(attribute::CHANNELS, Int(channels as i64))];
        self.file.ours(op::PACK, &[x], &attributes)
    }

    fn concat(&mut self, x: &NodeTensor, y: &NodeTensor, [_, _, channels]: [usize; 3]) -> String {
        // Channels that end with a word continue in the next one.
        let is_split = x.values == Values::Bits && !x.shape[2].is_multiple_of(64);
        let [a, b] = match is_split {
            true => [self.unpacked(x), self.unpacked(y)],
            false => [x.name.clone(), y.name.clone()],
        };
        let joined = self.file.standard("Concat", &[&a, &b], &[("axis", Int(3))]);
        match is_split {
            true => self.packed(&joined, channels),
            false => joined,
        }
    }

    fn flatten(&mut self, x: &NodeTensor, [_, _, channels]: [usize; 3]) -> String {
        let is_bits = x.values == Values::Bits;
        let is_split = is_bits && !x.shape[2].is_multiple_of(64);
        let last = if is_bits && !is_split {
            row_words(channels)
        } else {
            channels
        };
        let numbers = match is_split {
            true => self.unpacked(x),
            false => x.name.clone(),
        };
        let shape = self.file.shape(&[0, 1, 1, last as i64]);
        let flat = self.file.standard("Reshape", &[&numbers, &shape], &[]);
        match is_split {
            true => self.packed(&flat, channels),
            false => flat,
        }
    }

    /// A pool of ours.
    fn windowed(&mut self, op: &CStr, x: &NodeTensor, windows: &Windows) -> String {
        let attributes = Attributes::of(x.shape[2], windows);
        self.file.ours(op, &[&x.name], &attributes.list())
    }

    /// The pool of ONNX, which takes channels first.
    fn max_pool(&mut self, x: &NodeTensor, windows: &Windows) -> String {
        let Attributes {
            kernel,
            strides,
            pads,
            ..
        } = Attributes::of(x.shape[2], windows);
        let perm = |perm: &'static [i64; 4]| ("perm", Ints(perm));
        let planes = self
            .file
            .standard("Transpose", &[&x.name], &[perm(&TO_PLANES)]);
        let window = [
            ("kernel_shape", Ints(&kernel)),
            ("strides", Ints(&strides)),
            ("pads", Ints(&pads)),
        ];
        let pooled = self.file.standard("MaxPool", &[&planes], &window);
        self.file
            .standard("Transpose", &[&pooled], &[perm(&FROM_PLANES)])
    }
}

fn floats(integers: &[i32]) -> Vec<f32> {
    integers.iter().map(|&v| v as f32).collect()
}

fn pooled(windows: &Windows, x: &NodeTensor) -> [usize; 3] {
    let [height, width] = windows.output_size();
    [height, width, x.shape[2]]
}

fn name_of(operation: &Operation) -> &'static str {
    match operation {
        Operation::Product { .. } => "product",
        Operation::Add => "add",
        Operation::Concat => "concat",
        Operation::Affine(_) => "affine",
        Operation::Relu => "relu",
        Operation::Prelu(_) => "prelu",
        Operation::Rprelu { .. } => "rprelu",
        Operation::Clamp { .. } => "clamp",
        Operation::AveragePool(_) => "average pool",
        Operation::MaxPool(_) => "max pool",
        Operation::Sign(_) => "sign",
        Operation::Crop(_) => "crop",
        _ => "flatten",
    }
}
