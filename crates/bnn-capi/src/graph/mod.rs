//! Model files of graphs (version 2 of the format) are put together node by node.
//!
//! A node is checked when it is added: its types and shapes here, and what the format has room for
//! by the very writer of the core, in a graph of its own (`trial`). So a node that is refused
//! leaves the builder unchanged, and `bnn_graph_finish` has little left to refuse.

mod trial;

use bnn_core::model::graph::{Graph, Node, Operation, Values};
use bnn_core::model::{InputType, ModelError};

use crate::boundary::{Handle, Input, Output, Readable, Writable};
use crate::draft::{Draft, input_type, metadata, refused, room_to_write};
use crate::error::Error;
use crate::layer::finite;
use crate::memory;
use crate::model::bnn_element_t;
use crate::shape::{at_most, nonzero};
use crate::status::bnn_status_t;

/// The most nodes of a file, the input among them.
const MAX_NODES: usize = 1024;
/// The most rows and columns of a tensor.
const MAX_SIDE: usize = u16::MAX as usize;
/// The most channels of a tensor.
const MAX_CHANNELS: usize = u32::MAX as usize;

/// A model file of a graph in the making: residual networks, and everything else that is no chain
/// of layers. Nodes have numbers: 0 is the input, and each function that adds a node says its own.
/// One thread at a time may use it. Needs a build with `std`.
#[derive(Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_graph_t {
    /// The tensors of the nodes, from the input on.
    tensors: Vec<Tensor>,
    /// Bytes of weights and parameters so far.
    bytes: usize,
    draft: Draft<Graph>,
}

/// What a node gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tensor {
    /// `[height, width, channels]`.
    shape: [usize; 3],
    values: Values,
}

impl Handle for bnn_graph_t {}

impl Readable for bnn_graph_t {
    type Seen<'call> = &'call Self;

    fn seen(input: Input<'_, Self>) -> &Self {
        input.handle()
    }
}

impl Writable for bnn_graph_t {
    type Seen<'call> = &'call mut Self;

    fn seen(output: Output<'_, Self>) -> &mut Self {
        output.handle()
    }
}

impl bnn_graph_t {
    fn new(input: InputType, shape: [usize; 3]) -> Self {
        let values = match input {
            InputType::Unsigned { depth } => Values::Unsigned { depth },
            _ => Values::Bits,
        };
        Self {
            tensors: vec![Tensor { shape, values }],
            bytes: 0,
            draft: Draft::Open(Box::new(Graph {
                input,
                input_shape: shape,
                nodes: Vec::new(),
                meta: String::new(),
            })),
        }
    }

    /// What node `number` gives out.
    fn tensor(&self, what: &'static str, number: usize) -> Result<Tensor, Error> {
        at_most(what, self.tensors.len() - 1, number)?;
        Ok(self.tensors[number])
    }

    /// The tensor of a node that is of a type which `fits`.
    fn tensor_of(
        &self,
        what: &'static str,
        number: usize,
        expected: &str,
        fits: fn(Values) -> bool,
    ) -> Result<Tensor, Error> {
        let tensor = self.tensor(what, number)?;
        match fits(tensor.values) {
            true => Ok(tensor),
            false => Err(unfit(what, number, tensor, expected)),
        }
    }

    /// The tensor of a node of floats or fixed point.
    fn number(&self, what: &'static str, number: usize) -> Result<Tensor, Error> {
        let fits = |values| matches!(values, Values::Real | Values::Fixed { .. });
        self.tensor_of(what, number, "f32 or fixed point", fits)
    }

    /// The shape of a node of floats.
    fn real(&self, what: &'static str, number: usize) -> Result<[usize; 3], Error> {
        let tensor = self.tensor_of(what, number, "f32", |values| values == Values::Real)?;
        Ok(tensor.shape)
    }

    /// Adds a node that has been checked.
    fn add(
        &mut self,
        operation: Operation,
        inputs: &[usize],
        tensor: Tensor,
    ) -> Result<usize, Error> {
        let number = self.tensors.len();
        let [height, width, channels] = tensor.shape;
        at_most("channels", MAX_CHANNELS, channels)?;
        elements([height, width, channels])?;
        let graph = self.draft.open()?;
        if number == MAX_NODES {
            let message = format!("there are {MAX_NODES} nodes, and a file has no more");
            return Err(refused(&message));
        }
        let bytes = trial::bytes(&operation);
        let (inputs, values) = (inputs.to_vec(), tensor.values);
        graph.nodes.push(Node {
            operation,
            inputs,
            values,
        });
        self.tensors.push(tensor);
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(number)
    }
}

/// Elements of a tensor, at least one.
fn elements(shape: [usize; 3]) -> Result<usize, Error> {
    let mut elements = 1_usize;
    for (what, side) in ["height", "width", "channels"].into_iter().zip(shape) {
        nonzero(what, side)?;
        let what = "elements of a tensor";
        let product = elements.checked_mul(side);
        elements = product.ok_or(bnn_core::Error::Overflow { what })?;
    }
    Ok(elements)
}

/// A refusal of node `number` for its type.
fn unfit(what: &str, number: usize, tensor: Tensor, expected: &str) -> Error {
    let values = tensor.values;
    refused(&format!(
        "{what} is node {number}, of {values}, expected {expected}"
    ))
}

/// `n` finite floats.
fn numbers(x: Input<'_, f32>, n: usize) -> Result<Vec<f32>, Error> {
    let name = x.name();
    let x = x.read(n)?;
    finite(name, x)?;
    memory::copied(x)
}

/// `n` finite floats, `default` where C gave NULL.
fn numbers_or(x: Option<Input<'_, f32>>, default: f32, n: usize) -> Result<Vec<f32>, Error> {
    match x {
        Some(x) => numbers(x, n),
        None => memory::filled(default, n),
    }
}

/// Refuses numbers other than one for each channel of a node.
fn per_channel(n: usize, channels: usize) -> Result<(), Error> {
    match n == channels {
        true => Ok(()),
        false => Err(refused(&format!(
            "n is {n}, expected {channels}, a number for each channel"
        ))),
    }
}

/// Why the core refuses node `number`, or the whole graph.
fn refusal(number: Option<usize>, error: ModelError) -> Error {
    let expected = match error {
        ModelError::Layer { expected, .. } | ModelError::Section { expected } => {
            format!("expected {expected}")
        }
        ModelError::Core(error @ bnn_core::Error::OutOfRange { .. }) => error.to_string(),
        other => return other.into(),
    };
    let number = match error {
        ModelError::Layer { index, .. } => number.or(Some(index)),
        _ => number,
    };
    refused(&match number {
        Some(number) => format!("node {number}: {expected}"),
        None => format!("the graph: {expected}"),
    })
}

export! {
    /// Begins a graph.
    ///
    /// - `element`, `element_bits`: what samples are made of, as in `bnn_builder_new`.
    /// - `height`, `width`, `channels`: the shape of a sample; 1, 1 and the number of inputs of one
    ///   that is no image. Sides are at most 65535.
    /// - `out`: receives the builder, to be freed with `bnn_graph_free`. Written on success only.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE.
    pub fn bnn_graph_new(
        element: i32,
        element_bits: i32,
        height: usize,
        width: usize,
        channels: usize,
        out: *mut *mut bnn_graph_t,
    ) -> bnn_status_t {
        let input = input_type(element, element_bits)?;
        at_most("height", MAX_SIDE, height)?;
        at_most("width", MAX_SIDE, width)?;
        at_most("channels", MAX_CHANNELS, channels)?;
        elements([height, width, channels])?;
        out.put(bnn_graph_t::new(input, [height, width, channels]))
    }
}

export! {
    /// Frees a builder of a graph. NULL is legal and does nothing.
    pub fn bnn_graph_free(graph: Option<Box<bnn_graph_t>>) -> () {
        drop(graph);
        Ok(())
    }
}

export! {
    /// Sets the text that the file keeps for people and tools, as `bnn_builder_meta` does.
    ///
    /// - `text`: read, `len` bytes of UTF-8; not closed by a 0.
    ///
    /// Errors: as `bnn_builder_meta`.
    pub fn bnn_graph_meta(graph: *mut bnn_graph_t, text: *const u8, len: usize) -> bnn_status_t {
        let model = graph.draft.open()?;
        model.meta = metadata(text, len)?;
        Ok(())
    }
}

export! {
    /// Describes what a node gives out.
    ///
    /// - `node`: its number; 0 is the input.
    /// - `element`: written: a `bnn_element_t`, the type of its elements.
    /// - `shape`: written, 3 numbers: height, width and channels.
    ///
    /// Errors: NULL, MISALIGNED, RANGE (there is no such node), OVERLAP.
    pub fn bnn_graph_node(
        graph: *const bnn_graph_t,
        node: usize,
        element: *mut i32,
        shape: *mut usize,
    ) -> bnn_status_t {
        let tensor = graph.tensor("node", node)?;
        let (element, shape) = (element.place()?, shape.write(3)?);
        element.put(match tensor.values {
            Values::Bits => bnn_element_t::BNN_ELEMENT_BITS as i32,
            Values::Unsigned { .. } => bnn_element_t::BNN_ELEMENT_U8 as i32,
            Values::Fixed { .. } => bnn_element_t::BNN_ELEMENT_I16 as i32,
            Values::Integer { .. } => bnn_element_t::BNN_ELEMENT_I32 as i32,
            _ => bnn_element_t::BNN_ELEMENT_F32 as i32,
        });
        shape.copy_from_slice(&tensor.shape);
        Ok(())
    }
}

// Here, so that the header has them in between.
pub mod products;

pub mod channels;

pub mod pools;

pub mod joins;

pub mod fixed;

export! {
    /// Finishes the graph, whose last node is the output: nothing can be added any more, and
    /// `bnn_graph_file` hands out its bytes. If it is refused, the builder goes on.
    ///
    /// - `file_bytes`: written: the size of the file.
    ///
    /// Errors: NULL, MISALIGNED, LAYER (no nodes, a node that no later one reads, a last node of
    /// BNN_ELEMENT_I16, which no output is, too many rows of nodes in all, or finished before),
    /// OVERFLOW.
    pub fn bnn_graph_finish(graph: *mut bnn_graph_t, file_bytes: *mut usize) -> bnn_status_t {
        let file_bytes = file_bytes.place()?;
        let bytes = graph.bytes;
        let model = graph.draft.open()?;
        if model.nodes.is_empty() {
            return Err(refused("the graph has no nodes, expected some besides the input"));
        }
        room_to_write(bytes.saturating_add(model.meta.len()))?;
        let file = model.write().map_err(|error| refusal(None, error))?;
        file_bytes.put(file.len());
        graph.draft = Draft::Finished(file);
        Ok(())
    }
}

export! {
    /// Copies the bytes of the finished graph, as `bnn_builder_file` does.
    ///
    /// - `bytes`: written, as many bytes as `bnn_graph_finish` said; `len`, its size, may be
    ///   larger, and what lies after them stays as it was.
    ///
    /// Errors: NULL, MISALIGNED, TOO_SHORT, LAYER (not finished).
    pub fn bnn_graph_file(graph: *const bnn_graph_t, bytes: *mut u8, len: usize) -> bnn_status_t {
        graph.draft.copy("bnn_graph_finish", bytes, len)
    }
}

#[cfg(test)]
mod laws;
