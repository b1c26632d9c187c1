//! The float interpretation: every node computed as ONNX says, in `f32`.
//!
//! Sums of products are taken in `f64` and rounded once: of signs times one magnitude they are
//! exact, whatever the order.

mod elementwise;
mod product;
mod quantize;
mod reduce;
mod shape;
mod window;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::schema::{Graph, Node};
use super::value::Tensor;
use crate::budget::Budget;
use crate::{ImportError, SignOfZero};

pub(crate) use elementwise::batch_norm_of;
pub(crate) use product::ConvNode;
pub(crate) use quantize::quantizer_of;
pub(crate) use window::{PoolNode, padding};

/// A value of a run, and whether it depends on the input.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) tensor: Rc<Tensor>,
    pub(crate) varies: bool,
}

/// All values of a run, by name.
pub(crate) type Values = HashMap<String, Known>;

/// Computes the nodes of a graph.
#[derive(Debug)]
pub(crate) struct Interpreter<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) sign_of_zero: SignOfZero,
    /// The operations of the nodes that depend on the input, in the last run.
    pub(crate) operations_of_run: u64,
    /// The values that do not depend on the input.
    constants: Values,
    /// The nodes that the output depends on, by their index: others are not computed.
    needed: Vec<usize>,
    /// Constants whose floats are all finite.
    finite: HashSet<&'g str>,
}

impl<'g> Interpreter<'g> {
    /// For the value `output`.
    pub(crate) fn new(graph: &'g Graph, output: &str, sign_of_zero: SignOfZero) -> Self {
        let constants = graph.constants.iter().map(|(name, tensor)| {
            let tensor = Rc::clone(tensor);
            let varies = false;
            (name.clone(), Known { tensor, varies })
        });
        Self {
            graph,
            sign_of_zero,
            operations_of_run: 0,
            constants: constants.collect(),
            needed: needed(graph, output),
            finite: HashSet::new(),
        }
    }

    /// Runs the graph on its input. What does not depend on it is computed in the first run alone.
    pub(crate) fn run(
        &mut self,
        input: (&str, Tensor),
        budget: &mut Budget,
    ) -> Result<Values, ImportError> {
        let mut values = self.constants.clone();
        let (name, tensor) = input;
        let tensor = Rc::new(tensor);
        let varies = true;
        values.insert(name.to_owned(), Known { tensor, varies });
        self.operations_of_run = 0;
        for &index in &self.needed {
            let node = &self.graph.nodes[index];
            let Some(output) = node.outputs.first() else {
                return Err(node.refused("it has no output"));
            };
            if self.constants.contains_key(output) {
                continue;
            }
            let inputs: Vec<Option<&Known>> = node
                .inputs
                .iter()
                .map(|name| match name.as_str() {
                    "" => Ok(None),
                    name => values.get(name).map(Some).ok_or_else(|| {
                        node.refused(format!(
                            "its input {name} is no value of the graph before it"
                        ))
                    }),
                })
                .collect::<Result<_, _>>()?;
            check_finite(node, &inputs, &mut self.finite)?;
            // The shape of a value is known.
            let varies = node.op != "Shape" && inputs.iter().flatten().any(|known| known.varies);
            let tensors = inputs.iter().map(|known| known.map(|known| &*known.tensor));
            let tensors: Vec<Option<&Tensor>> = tensors.collect();
            let call = Call {
                node,
                inputs: &tensors,
                sign_of_zero: self.sign_of_zero,
            };
            let before = budget.operations();
            let known = Known {
                tensor: Rc::new(call.compute(budget)?),
                varies,
            };
            if varies {
                self.operations_of_run += before - budget.operations();
            } else {
                self.constants.insert(output.clone(), known.clone());
            }
            values.insert(output.clone(), known);
        }
        Ok(values)
    }
}

/// The nodes that a value depends on, by their index, in order.
fn needed(graph: &Graph, output: &str) -> Vec<usize> {
    let mut values = HashSet::from([output]);
    let mut nodes = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if node.outputs.iter().any(|name| values.contains(&**name)) {
            values.extend(node.inputs.iter().map(String::as_str));
            nodes.push(index);
        }
    }
    nodes.reverse();
    nodes
}

/// Refuses floats that a node takes from the file, or that were computed of such, and that are not
/// finite: no trained network has them, and what becomes of them is rarely what it seems. A bound of
/// a `Clip` may be the infinity that bounds nothing. Tensors in `finite` were looked at before.
fn check_finite<'g>(
    node: &'g Node,
    inputs: &[Option<&Known>],
    finite: &mut HashSet<&'g str>,
) -> Result<(), ImportError> {
    let allowed = |bound: &str| match (node.op.as_str(), bound) {
        ("Clip", "min") => Some(f32::NEG_INFINITY),
        ("Clip", "max") => Some(f32::INFINITY),
        _ => None,
    };
    for (index, (name, known)) in node.inputs.iter().zip(inputs).enumerate() {
        let Some(known) = known.filter(|known| !known.varies) else {
            continue;
        };
        let bounds = ["x", "min", "max"];
        let allowed = allowed(bounds.get(index).copied().unwrap_or_default());
        if allowed.is_none() && !finite.insert(name) {
            continue;
        }
        if let Some((at, x)) = known.tensor.odd_float(allowed) {
            return Err(node.refused(format!(
                "its input {name}: expected finite numbers, found {x} at element {at}"
            )));
        }
    }
    // What a constant says is looked at where it is used.
    for (name, attribute) in node.attributes.iter().filter(|_| node.op != "Constant") {
        let is_odd = |x: &f32| !x.is_finite() && Some(*x) != allowed(name);
        if let Some(x) = attribute.float.filter(is_odd) {
            return Err(node.refused(format!("{name}: expected a finite number, found {x}")));
        }
    }
    Ok(())
}

/// A node and what it takes.
#[derive(Clone, Copy, Debug)]
struct Call<'a> {
    node: &'a Node,
    inputs: &'a [Option<&'a Tensor>],
    sign_of_zero: SignOfZero,
}

impl<'a> Call<'a> {
    fn compute(&self, budget: &mut Budget) -> Result<Tensor, ImportError> {
        match self.node.op.as_str() {
            "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Greater" | "GreaterOrEqual" | "Less"
            | "LessOrEqual" => elementwise::binary(self, budget),
            "Neg" | "Abs" | "Sqrt" | "Exp" | "Reciprocal" | "Sign" | "Relu" | "LeakyRelu"
            | "Cast" => elementwise::unary(self, budget),
            "Clip" => elementwise::clip(self, budget),
            "Where" => elementwise::select(self, budget),
            "BatchNormalization" => elementwise::batch_norm(self, budget),
            "BipolarQuant" => quantize::bipolar(self, budget),
            "Quant" => quantize::quant(self, budget),
            "MatMul" => product::matmul(self, budget),
            "Gemm" => product::gemm(self, budget),
            "Conv" => product::conv(self, budget),
            "MaxPool" | "AveragePool" => window::pool(self, budget),
            "GlobalAveragePool" => reduce::global_average(self, budget),
            "PRelu" => elementwise::prelu(self, budget),
            "Pad" => window::pad(self, budget),
            "ReduceMean" | "ReduceSum" | "ReduceMax" => reduce::reduce(self, budget),
            "Softmax" | "LogSoftmax" | "Identity" | "Dropout" => self.same(budget),
            "Shape" | "Constant" | "ConstantOfShape" | "Reshape" | "Flatten" | "Transpose"
            | "Gather" | "Unsqueeze" | "Squeeze" | "Concat" | "Expand" | "Slice" => {
                shape::compute(self, budget)
            }
            _ => Err(self.refused(
                "a type that the importer does not know, or that a model file cannot hold",
            )),
        }
    }

    fn refused(&self, why: impl Into<String>) -> ImportError {
        self.node.refused(why)
    }

    /// An input that must be there.
    fn input(&self, index: usize) -> Result<&'a Tensor, ImportError> {
        self.optional(index)
            .ok_or_else(|| self.refused(format!("input {index} is missing")))
    }

    fn optional(&self, index: usize) -> Option<&'a Tensor> {
        self.inputs.get(index).copied().flatten()
    }

    /// An input of integers that must be there.
    fn ints(&self, index: usize) -> Result<&'a [i64], ImportError> {
        let ints = self.input(index)?.as_ints();
        ints.ok_or_else(|| self.refused(format!("input {index}: expected integers")))
    }

    /// An input of floats that must be there.
    fn floats(&self, index: usize) -> Result<&'a [f32], ImportError> {
        let floats = self.input(index)?.as_floats();
        floats.ok_or_else(|| self.refused(format!("input {index}: expected floats")))
    }

    /// The first input as it is. (A softmax changes no order of scores; the model leaves it out,
    /// and so does what it is compared with.)
    fn same(&self, budget: &mut Budget) -> Result<Tensor, ImportError> {
        let x = self.input(0)?;
        x.shaped(x.shape.clone(), budget)
    }
}
