//! ONNX files: those of QONNX, and what `torch.onnx.export` writes, by either exporter.

mod branches;
mod interpreter;
mod lower;
mod network;
mod operand;
mod scalars;
mod schema;
mod tensor_file;
mod value;
mod weights;

use crate::budget::Budget;
use crate::chain::Chain;
use crate::compare::compare;
use crate::{ImportError, Imported, Options};

pub(crate) use schema::{Attribute, Graph, Input as GraphInput, Node};
pub(crate) use value::Tensor;

use lower::lower;
use network::Network;
use tensor_file::External;

/// Makes a model file of an ONNX file. `external` reads a file in the same folder, by its name,
/// where the network keeps its weights beside it; it should not read more than
/// [`Limits::file_bytes`](crate::Limits::file_bytes).
///
/// A model file holds a chain of binary products: `MatMul`, `Gemm` and `Conv` with weights of one
/// magnitude for each output, whose inputs take two values each. Between them may be `MaxPool`,
/// `Pad`, batch norms, elementwise arithmetic with constants, `Clip`, `Relu`, comparisons, `Where`,
/// `Sign`, `BipolarQuant` and `Quant`; the first product may take real numbers that are a linear
/// function of bytes. Everything that does not depend on the input is computed beforehand.
///
/// # Errors
/// [`ImportError`]; a node that cannot be brought over is named.
pub fn onnx(
    file: &[u8],
    external: &mut dyn FnMut(&str) -> Result<Vec<u8>, ImportError>,
    options: &Options,
) -> Result<Imported, ImportError> {
    let limits = options.limits;
    let most = limits.file_bytes;
    let limit = ImportError::Limit {
        what: "bytes of files",
        most,
    };
    let left = most.checked_sub(file.len() as u64).ok_or(limit)?;
    let budget = &mut Budget::new(limits);
    let graph = schema::model(file, &mut External::new(external, left, most), budget)?;
    import_graph(&graph, options, budget)
}

/// Makes a model file of a graph.
pub(crate) fn import_graph(
    graph: &Graph,
    options: &Options,
    budget: &mut Budget,
) -> Result<Imported, ImportError> {
    let limits = options.limits;
    let mut network = Network::new(graph, options)?;
    let values = network.probe(budget)?;
    let chain = Chain::new(options.inputs.clone(), network.image);
    // A chain is smaller and faster.
    let finished = match lower(&network, &values, chain, budget) {
        Err(refused @ ImportError::Node { .. }) => {
            match branches::lower(&network, &values, &options.inputs, budget) {
                Ok(mut finished) => {
                    let note =
                        format!("a graph of real numbers and bits; it is not a chain: {refused}");
                    finished.notes.push(note);
                    finished
                }
                Err(of_graph) => return Err(refusal(graph, refused, of_graph)),
            }
        }
        chain => chain?,
    };
    // Their memory is for the values of the samples.
    drop(values);
    let samples = network.affordable(limits.samples, budget);
    let comparison = compare(&finished, &options.inputs, samples, |samples| {
        network.run(samples, budget)
    })?;
    Ok(Imported {
        file: finished.file,
        format: graph.format,
        comparison,
        read: Vec::new(),
        notes: finished.notes,
    })
}

/// Of the refusals of a chain and of a graph, that of the later node: what comes before it is no
/// hindrance. If a graph refuses another node before that of the chain, both matter.
fn refusal(graph: &Graph, of_chain: ImportError, of_graph: ImportError) -> ImportError {
    let place = |error: &ImportError| match error {
        ImportError::Node { name, .. } => graph.nodes.iter().position(|node| node.label() == name),
        _ => None,
    };
    let (Some(in_chain), Some(in_graph)) = (place(&of_chain), place(&of_graph)) else {
        return of_graph;
    };
    match of_chain {
        ImportError::Node { name, op, why } if in_graph < in_chain => ImportError::Node {
            name,
            op,
            why: format!("{why}; nor can it be a graph of real numbers: {of_graph}"),
        },
        of_chain if in_graph == in_chain => of_chain,
        _ => of_graph,
    }
}
