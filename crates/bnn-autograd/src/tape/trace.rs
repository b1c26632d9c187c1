//! Which functions were applied to an input, and which parameters took part in each.

use super::{Origin, Tape, Var};
use crate::function::Macs;
use crate::param::ParamId;
use crate::real::Real;

/// A function that was applied to the input or to a result computed from it.
pub(crate) struct Applied {
    pub(crate) name: &'static str,
    /// Parameters among its inputs, directly or after other functions (quantizers).
    pub(crate) params: Vec<ParamId>,
    pub(crate) output_shapes: Vec<Vec<usize>>,
    pub(crate) macs: Macs,
}

/// What a node's outputs come from.
#[derive(Clone)]
enum TraceSource {
    Input,
    /// Parameters and constants alone.
    Params(Vec<ParamId>),
}

impl<T: Real> Tape<T> {
    /// The functions that depend on the leaf `input` and that no reverse pass has released, in the
    /// order of their application.
    pub(crate) fn trace(&self, input: &Var<T>) -> Vec<Applied> {
        let inner = self.inner.borrow();
        let leaves = inner.params.iter();
        let leaves: Vec<_> = leaves
            .filter_map(|(&id, used)| Some((used.leaf?.0, id)))
            .collect();
        let mut sources: Vec<TraceSource> = Vec::with_capacity(inner.nodes.len());
        let mut applied = Vec::new();
        for (i, node) in inner.nodes.iter().enumerate() {
            let Origin::Function {
                inputs, recorded, ..
            } = &node.origin
            else {
                let own = leaves.iter().filter(|(leaf, _)| *leaf == i);
                sources.push(match input.edge {
                    Some(edge) if edge.node == i => TraceSource::Input,
                    _ => TraceSource::Params(own.map(|&(_, id)| id).collect()),
                });
                continue;
            };
            let (mut params, mut of_input) = (Vec::new(), false);
            for edge in inputs.iter().flatten() {
                match &sources[edge.node] {
                    TraceSource::Input => of_input = true,
                    TraceSource::Params(of) => params.extend(of),
                }
            }
            if !of_input {
                sources.push(TraceSource::Params(params));
                continue;
            }
            sources.push(TraceSource::Input);
            if let Some(recorded) = recorded {
                let context = &recorded.context;
                let shapes = (0..context.num_inputs()).map(|i| context.input_shape(i));
                let shapes: Vec<_> = shapes.flatten().map(<[usize]>::to_vec).collect();
                applied.push(Applied {
                    name: recorded.function.name(),
                    params,
                    macs: recorded.function.macs(&shapes, &node.output_shapes),
                    output_shapes: node.output_shapes.clone(),
                });
            }
        }
        applied
    }
}
