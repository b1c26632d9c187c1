//! The nodes of a graph: a table with its branches, JSON, and a picture.

use std::fmt::Write as _;

use bnn_core::internal::{NodeInfo, NodeMemory, nodes};
use bnn_core::model::{Layer, Model};
use serde_json::{Value, json};

use crate::error::CliError;
use crate::mcu::Needs;
use crate::model_file::shape;
use crate::out;
use crate::table::{columns, thousands};

/// Whether a model is a graph, not a chain of layers.
pub(super) fn is_graph(model: &Model<'_>) -> bool {
    nodes(model).len() > 0
}

/// What a node computes, in a few words.
fn describe(node: &NodeInfo) -> String {
    let mut text = node.operation.to_owned();
    if let Some(windows) = node.windows {
        let ([height, width], [down, right]) = (windows.kernel(), windows.stride());
        let _ = write!(text, " {height}x{width}"); // a string takes all
        if [down, right] != [1, 1] {
            let _ = write!(text, " / {down}x{right}");
        }
    }
    if node.groups > 1 {
        let _ = write!(text, ", {} groups", node.groups);
    }
    text
}

/// `3` or `3, 1`: the nodes that a node reads.
fn reads(node: &NodeInfo) -> String {
    let inputs = node.inputs.iter().flatten();
    inputs.map(usize::to_string).collect::<Vec<_>>().join(", ")
}

fn weights(node: &NodeInfo) -> String {
    match node.weight_bits {
        0 => String::new(),
        bits => format!("{} x {bits} bit", thousands(node.weights)),
    }
}

/// The table of all nodes, and where the memory goes.
pub(super) fn table(model: &Model<'_>, scratch: usize) -> Result<(), CliError> {
    let rows: Vec<_> = nodes(model)
        .enumerate()
        .map(|(i, node)| {
            let memory = memory(node.memory);
            [
                format!("{i} {}", describe(&node)),
                reads(&node),
                format!("{} x {}", shape(node.shape), node.values),
                weights(&node),
                thousands(node.bytes),
                thousands(node.operations),
                memory,
            ]
        })
        .collect();
    out::table(columns(
        [
            "node",
            "reads",
            "output",
            "weights",
            "bytes",
            "operations",
            "memory",
        ],
        &rows,
    ))?;
    let buffers = nodes(model).map(|node| node.memory.bytes()).enumerate();
    let Some((i, bytes)) = buffers.max_by_key(|(_, bytes)| *bytes) else {
        return Ok(());
    };
    if bytes == 0 {
        return Ok(());
    }
    let all = nodes(model).map(|node| node.memory.bytes());
    let all = all.fold(0, usize::saturating_add);
    out::line(format!(
        "All buffers together, with {} bytes besides, are the peak: {} bytes. Most is node {i}'s, {} bytes.",
        thousands(scratch.saturating_sub(all)),
        thousands(scratch),
        thousands(bytes),
    ))
}

/// Where the rows of a node lie, in a few words.
fn memory(of: NodeMemory) -> String {
    match of {
        NodeMemory::Caller => String::new(),
        NodeMemory::Rows { rows, .. } => {
            format!("{rows} rows, {} bytes", thousands(of.bytes()))
        }
        NodeMemory::InPlaceOf(input) => format!("in place of {input}"),
        NodeMemory::PassedOn => "passed on".to_owned(),
    }
}

/// Says what a microcontroller needs for a graph.
pub(super) fn mcu(needs: &Needs) -> Result<(), CliError> {
    out::line("On microcontrollers, one sample at a time:")?;
    out::table(needs.memory())?;
    out::table(needs.kinds())?;
    needs.notes().into_iter().try_for_each(out::line)
}

pub(super) fn as_json(model: &Model<'_>) -> Value {
    let node = |node: NodeInfo| {
        json!({
            "operation": node.operation,
            "inputs": node.inputs.iter().flatten().collect::<Vec<_>>(),
            "shape": node.shape,
            "type": node.values.to_string(),
            "kernel": node.windows.map(|windows| windows.kernel()),
            "stride": node.windows.map(|windows| windows.stride()),
            "groups": node.groups,
            "weights": node.weights,
            "weight_bits": node.weight_bits,
            "bytes": node.bytes,
            "operations": node.operations,
            "buffer_rows": match node.memory {
                NodeMemory::Rows { rows, .. } => rows,
                _ => 0,
            },
            "buffer_bytes": node.memory.bytes(),
            "in_place_of": match node.memory {
                NodeMemory::InPlaceOf(input) => Some(input),
                _ => None,
            },
        })
    };
    nodes(model).map(node).collect()
}

/// Prints a picture of the model in the language of Graphviz. All text in it is ours.
pub(super) fn dot(model: &Model<'_>) -> Result<(), CliError> {
    out::line("digraph model {")?;
    out::line("  node [shape=box, fontname=\"sans-serif\"];")?;
    if is_graph(model) {
        for (i, node) in nodes(model).enumerate() {
            box_of(
                i,
                &describe(&node),
                &format!("{} x {}", shape(node.shape), node.values),
            )?;
            for input in node.inputs.iter().flatten() {
                out::line(format!("  n{input} -> n{i};"))?;
            }
        }
    } else {
        let (_, input) = model.input();
        box_of(
            0,
            "input",
            &format!("{} x {input}", shape(model.input_shape())),
        )?;
        for (i, layer) in model.layers().enumerate() {
            let Layer {
                output,
                output_shape,
                ..
            } = layer;
            box_of(
                i + 1,
                &super::describe(&layer),
                &format!("{} x {output}", shape(output_shape)),
            )?;
            out::line(format!("  n{i} -> n{};", i + 1))?;
        }
    }
    out::line("}")
}

fn box_of(index: usize, what: &str, tensor: &str) -> Result<(), CliError> {
    out::line(format!("  n{index} [label=\"{index} {what}\\n{tensor}\"];"))
}
