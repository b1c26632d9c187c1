//! A model as plain data again, for what makes other files of models.

use alloc::string::String;
use alloc::vec::Vec;

use super::Values;
use super::info::values_of;
use super::node::{NodeParts, WeightRows};
use super::record::{kind, values};
use super::spec::{Graph, Node, NodeEpilogue, NodeNumber, NodeWeights, Numbers, Operation, Slopes};
use super::windowed::conv_of;
use crate::bits::{BitMatrix, BitMatrixView};
use crate::conv::{Conv2d, ConvOptions, Pool2d};
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::memory;
use crate::model::error::ModelError;
use crate::model::{Epilogue, InputType, Layer, LayerKind, Model, OutputType};

/// The graph of a model; of a chain, one that computes the same: dense layers are convolutions of
/// images of one pixel, thresholds of the input a sign, sums integers.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn graph_of(model: &Model<'_>) -> Result<Graph, ModelError> {
    let mut meta = String::new();
    let room = meta.try_reserve_exact(model.meta().len());
    room.map_err(|_| Error::OutOfMemory {
        bytes: model.meta().len(),
    })?;
    meta.push_str(model.meta());
    let (nodes, input) = match model.is_graph() {
        true => (nodes_of_graph(model)?, model.input().1),
        false => nodes_of_chain(model)?,
    };
    Ok(Graph {
        input,
        input_shape: model.input_shape(),
        nodes,
        meta,
    })
}

fn copied<T: Copy>(from: &[T]) -> Result<Vec<T>, Error> {
    let mut copy = memory::with_capacity(from.len())?;
    copy.extend_from_slice(from);
    Ok(copy)
}

fn rows(weights: BitMatrixView<'_>) -> Result<NodeWeights, Error> {
    let words = copied(weights.words())?;
    let rows = BitMatrix::from_words(words, weights.rows(), weights.cols())?;
    Ok(NodeWeights::Bits(rows))
}

fn nodes_of_graph(model: &Model<'_>) -> Result<Vec<Node>, ModelError> {
    let mut nodes = memory::with_capacity(model.records.len())?;
    for index in 1..model.records.len() {
        let Some(node) = model.node(index) else {
            break;
        };
        let [a, b] = node.record.inputs.map(usize::from);
        let inputs = [a, b];
        nodes.push(Node {
            operation: operation(&node)?,
            inputs: copied(inputs.get(..node.record.arity()).unwrap_or_default())?,
            values: values_of(&node.record),
        });
    }
    Ok(nodes)
}

fn operation(node: &NodeParts<'_>) -> Result<Operation, Error> {
    let record = &node.record;
    let is_real = node.input.values == values::REAL;
    let numbers = |skip| {
        Ok::<_, Error>(match is_real {
            true => Numbers::Real(copied(node.reals(skip))?),
            false => Numbers::Fixed(copied(node.integers(skip))?),
        })
    };
    let slopes = |skip| {
        Ok::<_, Error>(match is_real {
            true => Slopes::Real(copied(node.reals(skip))?),
            false => Slopes::Fixed {
                slope: copied(node.integers(skip))?,
                shift: record.shift,
            },
        })
    };
    let windows = record.window.over(node.input.sides);
    let pool = Pool2d::trusted(windows, record.channels as usize);
    Ok(match record.kind {
        kind::PRODUCT => Operation::Product {
            conv: conv_of(node, windows),
            weights: match node.weights() {
                WeightRows::Bits(weights) => rows(weights)?,
                WeightRows::I8(weights) => NodeWeights::I8(copied(weights)?),
                WeightRows::F32(weights) => NodeWeights::F32(copied(weights)?),
            },
            epilogue: epilogue_of(node)?,
        },
        kind::ADD => Operation::Add,
        kind::CONCAT => Operation::Concat,
        kind::AFFINE => Operation::Affine(epilogue_of(node)?),
        kind::RELU => Operation::Relu,
        kind::PRELU => Operation::Prelu(slopes(0)?),
        kind::RPRELU => Operation::Rprelu {
            before: numbers(0)?,
            slope: slopes(1)?,
            after: numbers(2)?,
        },
        kind::CLAMP => {
            let [low, high] = match is_real {
                true => node.range().unwrap_or_default().map(NodeNumber::Real),
                false => node.range().unwrap_or_default().map(NodeNumber::Fixed),
            };
            Operation::Clamp { low, high }
        }
        kind::AVERAGE_POOL => Operation::AveragePool(pool),
        kind::MAX_POOL => Operation::MaxPool(pool),
        kind::SIGN => Operation::Sign(numbers(0)?),
        kind::CROP => Operation::Crop(record.window.padding.map(usize::from)),
        _ => Operation::Flatten,
    })
}

fn epilogue_of(node: &NodeParts<'_>) -> Result<NodeEpilogue, Error> {
    let is_product = node.record.kind == kind::PRODUCT;
    Ok(match node.record.values {
        values::BITS => NodeEpilogue::Thresholds(copied(node.integers(0))?),
        values::REAL if is_product && matches!(node.weights(), WeightRows::F32(_)) => {
            NodeEpilogue::Bias(copied(node.reals(0))?)
        }
        values::REAL => NodeEpilogue::Real {
            scale: copied(node.reals(0))?,
            bias: copied(node.reals(1))?,
        },
        _ => NodeEpilogue::Fixed {
            factor: copied(node.integers(0))?,
            bias: copied(node.integers(1))?,
            shift: node.record.shift,
        },
    })
}

fn nodes_of_chain(model: &Model<'_>) -> Result<(Vec<Node>, InputType), ModelError> {
    let mut nodes = memory::with_capacity(model.records.len() + 1)?;
    let mut input = model.input().1;
    if let Some(first) = model.layers().next()
        && input == InputType::Thresholds
    {
        input = InputType::Unsigned { depth: 8 };
        let mut thresholds = memory::with_capacity(first.input_thresholds.len())?;
        thresholds.extend(first.input_thresholds.iter().map(|&t| i32::from(t)));
        nodes.push(Node {
            operation: Operation::Sign(Numbers::Fixed(thresholds)),
            inputs: copied(&[0])?,
            values: Values::Bits,
        });
    }
    for layer in model.layers() {
        nodes.push(Node {
            operation: operation_of_layer(&layer)?,
            inputs: copied(&[nodes.len()])?,
            values: match layer.output {
                OutputType::Bits => Values::Bits,
                OutputType::F32 => Values::Real,
                OutputType::I32 => Values::Integer { exponent: 0 },
            },
        });
    }
    Ok((nodes, input))
}

fn operation_of_layer(layer: &Layer<'_>) -> Result<Operation, ModelError> {
    let [_, _, outputs] = layer.output_shape;
    let conv = match layer.kind {
        LayerKind::MaxPool2d(pool) => return Ok(Operation::MaxPool(pool)),
        LayerKind::Conv2d(conv) => conv,
        LayerKind::Dense => {
            Conv2d::new(layer.input_shape, outputs, [1, 1], ConvOptions::default())?
        }
    };
    let (Some(weights), Some(epilogue)) = (layer.weights, layer.epilogue) else {
        // Pools alone have none.
        return Ok(Operation::Flatten);
    };
    Ok(Operation::Product {
        conv,
        weights: rows(weights)?,
        epilogue: match epilogue {
            Epilogue::Affine { scale, bias } => NodeEpilogue::Real {
                scale: copied(scale)?,
                bias: copied(bias)?,
            },
            Epilogue::Threshold(thresholds) => NodeEpilogue::Thresholds(match thresholds {
                Thresholds::I32(thresholds) => copied(thresholds)?,
                Thresholds::I16(thresholds) => {
                    let mut wide = memory::with_capacity(thresholds.len())?;
                    wide.extend(thresholds.iter().map(|&t| i32::from(t)));
                    wide
                }
            }),
            Epilogue::Sums => {
                let mut factor = memory::zeros(outputs)?;
                factor.fill(1);
                NodeEpilogue::Fixed {
                    factor,
                    bias: memory::zeros(outputs)?,
                    shift: 0,
                }
            }
        },
    })
}
