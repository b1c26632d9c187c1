//! An ONNX file that is being made: nodes, constants, and names for what is between.

use std::ffi::CStr;

use crate::protobuf::Message;
use crate::schema::{DOMAIN, VERSION};
use crate::tensor::Element;

/// The version of the standard operators; all that are used have it since 2022.
const OPSET: i64 = 17;

/// The version of the file format, which belongs to it.
const IR_VERSION: i64 = 8;

/// The name of the side that counts samples.
const BATCH: &str = "N";

/// The largest file, which protocol buffers set.
pub(super) const MOST_BYTES: usize = i32::MAX as usize;

/// The nodes and constants of a file.
#[derive(Debug, Default)]
pub(super) struct File {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    /// The node of the model whose nodes are being added, for their names.
    at: usize,
    /// How many names it has got.
    names: usize,
}

/// An attribute.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attribute<'a> {
    Int(i64),
    Ints(&'a [i64]),
}

/// A side of an input or output.
#[derive(Clone, Copy, Debug)]
enum Side {
    Batch,
    Of(usize),
}

impl File {
    /// What is added from now on belongs to this node of the model.
    pub(super) fn begin(&mut self, node: usize) {
        (self.at, self.names) = (node, 0);
    }

    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{}_{}_{what}", self.at, self.names)
    }

    /// A constant with the bytes of its elements, little-endian.
    fn constant(&mut self, what: &str, element: Element, shape: &[usize], bytes: &[u8]) -> String {
        let name = self.name(what);
        let tensor = shape
            .iter()
            .fold(Message::default(), |tensor, &side| {
                tensor.int(1, side as i64)
            })
            .int(2, element as i64)
            .text(8, &name)
            .bytes(9, bytes);
        self.constants.push(tensor);
        name
    }

    /// A constant row of numbers.
    pub(super) fn floats(&mut self, what: &str, shape: &[usize], numbers: &[f32]) -> String {
        let bytes: Vec<_> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant(what, Element::F32, shape, &bytes)
    }

    pub(super) fn scalar(&mut self, what: &str, number: f32) -> String {
        self.floats(what, &[], &[number])
    }

    pub(super) fn ints(&mut self, what: &str, numbers: &[i32]) -> String {
        let bytes: Vec<_> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant(what, Element::I32, &[numbers.len()], &bytes)
    }

    pub(super) fn shape(&mut self, sides: &[i64]) -> String {
        let bytes: Vec<_> = sides.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant("shape", Element::I64, &[sides.len()], &bytes)
    }

    pub(super) fn words(&mut self, what: &str, rows: usize, words: &[u64]) -> String {
        let bytes: Vec<_> = words.iter().flat_map(|x| x.to_le_bytes()).collect();
        let each = words.len().checked_div(rows).unwrap_or(0);
        self.constant(what, Element::U64, &[rows, each], &bytes)
    }

    /// A node of the standard operators; the name of its output.
    pub(super) fn standard(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> String {
        self.node(op, "", inputs, attributes)
    }

    /// A node of our operators; the name of its output.
    pub(super) fn ours(
        &mut self,
        op: &CStr,
        inputs: &[&str],
        attributes: &[(&CStr, Attribute<'_>)],
    ) -> String {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(name, value)| (name.to_str().unwrap_or_default(), *value))
            .collect();
        self.node(op.to_str().unwrap_or_default(), DOMAIN, inputs, &attributes)
    }

    fn node(
        &mut self,
        op: &str,
        domain: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> String {
        let output = self.name(op);
        let mut node = inputs
            .iter()
            .fold(Message::default(), |node, input| node.text(1, input))
            .text(2, &output)
            .text(3, &output)
            .text(4, op);
        for &(name, value) in attributes {
            let attribute = Message::default().text(1, name);
            let attribute = match value {
                // The last number is the type of the attribute.
                Attribute::Int(value) => attribute.int(3, value).int(20, 2),
                Attribute::Ints(values) => {
                    let values = values.iter();
                    values
                        .fold(attribute, |a, &value| a.int(8, value))
                        .int(20, 7)
                }
            };
            node = node.message(5, &attribute);
        }
        if !domain.is_empty() {
            node = node.text(7, domain);
        }
        self.nodes.push(node);
        output
    }

    /// The file, of a graph from `input` to `output`, with the text of the model.
    pub(super) fn finish(
        self,
        input: (&str, Element, &[usize]),
        output: (&str, Element, &[usize]),
        meta: &str,
    ) -> Vec<u8> {
        let mut graph = Message::default();
        for node in &self.nodes {
            graph = graph.message(1, node);
        }
        graph = graph.text(2, "bnn");
        for constant in &self.constants {
            graph = graph.message(5, constant);
        }
        let graph = graph.message(11, &value(input)).message(12, &value(output));
        let opset = |domain: &str, version| Message::default().text(1, domain).int(2, version);
        let file = Message::default()
            .int(1, IR_VERSION)
            .text(2, "bnn")
            .text(3, env!("CARGO_PKG_VERSION"))
            .message(7, &graph)
            .message(8, &opset("", OPSET))
            .message(8, &opset(DOMAIN, VERSION));
        let file = match meta.is_empty() {
            true => file,
            false => file.message(14, &Message::default().text(1, "bnn.meta").text(2, meta)),
        };
        file.finish()
    }
}

/// An input or an output of the graph: a name, a type, and the sides of a sample.
fn value((name, element, shape): (&str, Element, &[usize])) -> Message {
    let sides = [Side::Batch]
        .into_iter()
        .chain(shape.iter().map(|&side| Side::Of(side)));
    let shape = sides.fold(Message::default(), |shape, side| {
        let side = match side {
            Side::Batch => Message::default().text(2, BATCH),
            Side::Of(side) => Message::default().int(1, side as i64),
        };
        shape.message(1, &side)
    });
    let tensor = Message::default().int(1, element as i64).message(2, &shape);
    let of_type = Message::default().message(1, &tensor);
    Message::default().text(1, name).message(2, &of_type)
}
