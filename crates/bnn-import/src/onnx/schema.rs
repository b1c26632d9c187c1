//! An ONNX file as a graph: nodes, constants, inputs. What the importer does not ask for is passed
//! over.

use std::collections::HashMap;
use std::rc::Rc;

use super::tensor_file::{External, tensor};
use super::value::Tensor;
use crate::ImportError;
use crate::budget::Budget;
use crate::protobuf::{FieldValue, Fields};

/// A graph whose nodes compute in order.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) constants: HashMap<String, Rc<Tensor>>,
    /// Inputs that are no constants.
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<String>,
    /// The format of the file that it comes from.
    pub(crate) format: &'static str,
}

/// An input: its name and its sizes, of which those that are open are `None`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) shape: Vec<Option<usize>>,
}

#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) op: String,
    /// Empty for one that is left out.
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: HashMap<String, Attribute>,
}

/// The values that an attribute has.
#[derive(Debug, Default)]
pub(crate) struct Attribute {
    pub(crate) float: Option<f32>,
    pub(crate) int: Option<i64>,
    pub(crate) text: Option<String>,
    pub(crate) tensor: Option<Tensor>,
    pub(crate) floats: Vec<f32>,
    pub(crate) ints: Vec<i64>,
}

impl Node {
    /// Its name, or that of its output where it has none.
    pub(crate) fn label(&self) -> &str {
        match (self.name.as_str(), self.outputs.first()) {
            ("", Some(output)) => output,
            (name, _) => name,
        }
    }

    /// The error that this node, by its name and type, cannot be imported.
    pub(crate) fn refused(&self, why: impl Into<String>) -> ImportError {
        ImportError::Node {
            name: self.label().to_owned(),
            op: self.op.clone(),
            why: why.into(),
        }
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> i64 {
        let found = self.attributes.get(name).and_then(|a| a.int);
        found.unwrap_or(default)
    }

    pub(crate) fn float(&self, name: &str, default: f32) -> f32 {
        let found = self.attributes.get(name).and_then(|a| a.float);
        found.unwrap_or(default)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        let found = self.attributes.get(name).and_then(|a| a.text.as_deref());
        found.unwrap_or_default()
    }

    /// Empty where there is no such attribute.
    pub(crate) fn ints(&self, name: &str) -> &[i64] {
        self.attributes.get(name).map_or(&[], |a| &a.ints)
    }

    /// Sizes, or `default` where there is no such attribute.
    pub(crate) fn sizes<const N: usize>(
        &self,
        name: &str,
        default: [usize; N],
    ) -> Result<[usize; N], ImportError> {
        let ints = self.ints(name);
        if ints.is_empty() {
            return Ok(default);
        }
        let sizes: Result<Vec<usize>, _> = ints.iter().map(|&int| int.try_into()).collect();
        let sizes = sizes.ok().and_then(|sizes| sizes.try_into().ok());
        sizes.ok_or_else(|| {
            self.refused(format!(
                "{name}: expected {N} numbers of at least 0, found {ints:?}"
            ))
        })
    }
}

/// Reads a model.
pub(crate) fn model(
    bytes: &[u8],
    external: &mut External<'_>,
    budget: &mut Budget,
) -> Result<Graph, ImportError> {
    let mut graph = None;
    for field in Fields::new(bytes, "ONNX model") {
        if let (7, FieldValue::Bytes(bytes)) = field? {
            graph = Some(bytes);
        }
    }
    let missing = || ImportError::format("ONNX file", "a model with a graph", "none");
    read_graph(graph.ok_or_else(missing)?, external, budget)
}

fn read_graph(
    bytes: &[u8],
    external: &mut External<'_>,
    budget: &mut Budget,
) -> Result<Graph, ImportError> {
    let mut graph = Graph {
        format: "ONNX",
        ..Graph::default()
    };
    for field in Fields::new(bytes, "ONNX graph") {
        let (number, value) = field?;
        // Every node, tensor and value of a graph is a record of some size, however small in the
        // file.
        budget.bytes(size_of::<Node>())?;
        match (number, value) {
            (1, FieldValue::Bytes(bytes)) => graph.nodes.push(node(bytes, external, budget)?),
            (5, FieldValue::Bytes(bytes)) => {
                let (name, tensor) = tensor(bytes, external, budget)?;
                graph.constants.insert(name, Rc::new(tensor));
            }
            (11, FieldValue::Bytes(bytes)) => graph.inputs.push(input(bytes, budget)?),
            (12, FieldValue::Bytes(bytes)) => graph.outputs.push(input(bytes, budget)?.name),
            (15, _) => {
                return Err(ImportError::format(
                    "ONNX graph",
                    "dense constants",
                    "a sparse one",
                ));
            }
            _ => {}
        }
    }
    // Old files list constants among the inputs.
    let constants = &graph.constants;
    graph
        .inputs
        .retain(|input| !constants.contains_key(&input.name));
    Ok(graph)
}

fn node(
    bytes: &[u8],
    external: &mut External<'_>,
    budget: &mut Budget,
) -> Result<Node, ImportError> {
    let mut node = Node::default();
    for field in Fields::new(bytes, "ONNX node") {
        let (number, value) = field?;
        budget.bytes(size_of::<(String, Attribute)>())?;
        match (number, value) {
            (1, value) => node.inputs.extend(value.text()),
            (2, value) => node.outputs.extend(value.text()),
            (3, value) => node.name = value.text().unwrap_or_default(),
            (4, value) => node.op = value.text().unwrap_or_default(),
            (5, FieldValue::Bytes(bytes)) => {
                let (name, attribute) = attribute(bytes, external, budget)?;
                node.attributes.insert(name, attribute);
            }
            _ => {}
        }
    }
    Ok(node)
}

fn attribute(
    bytes: &[u8],
    external: &mut External<'_>,
    budget: &mut Budget,
) -> Result<(String, Attribute), ImportError> {
    let (mut name, mut attribute) = (String::new(), Attribute::default());
    for field in Fields::new(bytes, "ONNX attribute") {
        let (number, value) = field?;
        let read = match number {
            1 => value.text().map(|text| name = text),
            2 => value.float().map(|float| attribute.float = Some(float)),
            3 => value.int().map(|int| attribute.int = Some(int)),
            4 => value.text().map(|text| attribute.text = Some(text)),
            5 => match value.bytes() {
                Some(bytes) => {
                    attribute.tensor = Some(tensor(bytes, external, budget)?.1);
                    Some(())
                }
                None => None,
            },
            7 => {
                budget.grow(&mut attribute.floats, value.len_of_floats())?;
                value.floats(&mut attribute.floats)
            }
            8 => {
                budget.grow(&mut attribute.ints, value.len_of_ints())?;
                value.ints(&mut attribute.ints)
            }
            _ => Some(()),
        };
        if read.is_none() {
            let found = format!("another type in field {number}");
            let at = format!("ONNX attribute {name}");
            return Err(ImportError::format(at, "values of its types", found));
        }
    }
    Ok((name, attribute))
}

/// Name and shape of a `ValueInfoProto`.
fn input(bytes: &[u8], budget: &mut Budget) -> Result<Input, ImportError> {
    // A size takes two bytes, at least.
    budget.bytes(bytes.len().saturating_mul(size_of::<&[u8]>()))?;
    let mut input = Input::default();
    for field in Fields::new(bytes, "ONNX value") {
        match field? {
            (1, value) => input.name = value.text().unwrap_or_default(),
            (2, FieldValue::Bytes(kind)) => {
                let shapes = inner(inner([kind], 1)?, 2)?;
                for dimension in inner(shapes, 1)? {
                    let mut size = None;
                    for field in Fields::new(dimension, "ONNX dimension") {
                        if let (1, FieldValue::Varint(value)) = field? {
                            size = usize::try_from(value).ok().filter(|&size| size > 0);
                        }
                    }
                    input.shape.push(size);
                }
            }
            _ => {}
        }
    }
    Ok(input)
}

/// The messages in the fields `number` of all `messages`.
fn inner<'a>(
    messages: impl IntoIterator<Item = &'a [u8]>,
    number: u32,
) -> Result<Vec<&'a [u8]>, ImportError> {
    let mut found = Vec::new();
    for message in messages {
        for field in Fields::new(message, "ONNX type") {
            let (at, value) = field?;
            if at == number {
                found.extend(value.bytes());
            }
        }
    }
    Ok(found)
}
