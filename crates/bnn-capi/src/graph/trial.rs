//! A node in a graph of its own: what the format has no room for is refused by the core's writer
//! when the node is added, not when the file is finished.

use bnn_core::conv::Pool2d;
use bnn_core::model::InputType;
use bnn_core::model::graph::{
    Graph, Node, NodeEpilogue, NodeWeights, Numbers, Operation, Slopes, Values,
};

use super::{Tensor, refusal};
use crate::draft::room_to_write;
use crate::error::Error;
use crate::memory;

/// Bytes of the weights and the parameters of an operation.
pub(super) fn bytes(operation: &Operation) -> usize {
    let numbers = |numbers: &Numbers| match numbers {
        Numbers::Real(x) => size_of_val(x.as_slice()),
        Numbers::Fixed(v) => size_of_val(v.as_slice()),
    };
    let slopes = |slopes: &Slopes| match slopes {
        Slopes::Real(x) => size_of_val(x.as_slice()),
        Slopes::Fixed { slope, .. } => size_of_val(slope.as_slice()),
    };
    match operation {
        Operation::Product {
            weights, epilogue, ..
        } => {
            let weights = match weights {
                NodeWeights::Bits(bits) => size_of_val(bits.view().words()),
                NodeWeights::I8(w) => w.len(),
                NodeWeights::F32(w) => size_of_val(w.as_slice()),
                _ => 0,
            };
            weights + of_epilogue(epilogue)
        }
        Operation::Affine(epilogue) => of_epilogue(epilogue),
        Operation::Prelu(slope) => slopes(slope),
        Operation::Rprelu {
            before,
            slope,
            after,
        } => numbers(before) + slopes(slope) + numbers(after),
        Operation::Sign(thresholds) => numbers(thresholds),
        _ => 0,
    }
}

fn of_epilogue(epilogue: &NodeEpilogue) -> usize {
    match epilogue {
        NodeEpilogue::Thresholds(t) => size_of_val(t.as_slice()),
        NodeEpilogue::Real { scale, bias } => {
            size_of_val(scale.as_slice()) + size_of_val(bias.as_slice())
        }
        NodeEpilogue::Bias(bias) => size_of_val(bias.as_slice()),
        NodeEpilogue::Fixed { factor, bias, .. } => {
            size_of_val(factor.as_slice()) + size_of_val(bias.as_slice())
        }
        _ => 0,
    }
}

/// Tries a pool of `input` that becomes node `number`. A pool keeps its channels, so one is tried:
/// converting bytes takes parameters per channel.
pub(super) fn pool(
    number: usize,
    input: Tensor,
    pool: fn(Pool2d) -> Operation,
    windows: impl FnOnce(usize) -> Result<Pool2d, Error>,
) -> Result<(), Error> {
    let [height, width, _] = input.shape;
    let (shape, values) = ([height, width, 1], input.values);
    let narrow = Tensor { shape, values };
    self::operation(number, narrow, pool(windows(1)?), values).map(drop)
}

/// Tries an operation on `input` that becomes node `number`: writes a graph of it alone, and gives
/// it back.
pub(super) fn operation(
    number: usize,
    input: Tensor,
    operation: Operation,
    values: Values,
) -> Result<Operation, Error> {
    let node = |operation, inputs, values| Node {
        operation,
        inputs: vec![inputs],
        values,
    };
    let mut nodes = Vec::new();
    let of = match input.values {
        Values::Bits => InputType::Bits,
        Values::Unsigned { depth } => InputType::Unsigned { depth },
        // Numbers are made of the bytes of an input.
        numbers => {
            let [_, _, channels] = input.shape;
            nodes.push(node(converted(channels, numbers)?, 0, numbers));
            InputType::Unsigned { depth: 1 }
        }
    };
    let at = nodes.len();
    let outputs = match &operation {
        Operation::Product { conv, .. } => conv.outputs(),
        _ => input.shape[2],
    };
    nodes.push(node(operation, at, values));
    if let Values::Fixed { .. } = values {
        // No output is of this type.
        let last = converted(outputs, Values::Real)?;
        nodes.push(node(last, at + 1, Values::Real));
    }
    let mut graph = Graph {
        input: of,
        input_shape: input.shape,
        nodes,
        meta: String::new(),
    };
    // Conversions are written too, and take their memory already.
    let sizes = graph.nodes.iter().map(|node| bytes(&node.operation));
    room_to_write(sizes.fold(0, usize::saturating_add))?;
    graph
        .write()
        .map_err(|error| refusal(Some(number), error))?;
    Ok(graph.nodes.swap_remove(at).operation)
}

/// An affine step of integers to numbers of a type.
fn converted(channels: usize, to: Values) -> Result<Operation, Error> {
    Ok(Operation::Affine(match to {
        Values::Real => NodeEpilogue::Real {
            scale: memory::filled(1.0, channels)?,
            bias: memory::filled(0.0, channels)?,
        },
        _ => NodeEpilogue::Fixed {
            factor: memory::filled(1, channels)?,
            bias: memory::filled(0, channels)?,
            shift: 0,
        },
    }))
}
