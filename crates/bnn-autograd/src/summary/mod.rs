//! The layers of a model as a table: shapes, parameters and operations.

#[cfg(test)]
mod laws;
mod table;

use std::collections::{HashMap, HashSet};

use crate::error::Error;
use crate::function::Macs;
use crate::nn::{Module, ParamKind, walk};
use crate::param::ParamId;
use crate::real::Real;
use crate::tape::{Applied, Tape};
use crate::tensor::Tensor;

/// The layers of a model, and their sums. Its display is a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The shape of the input that the numbers are for.
    pub input: Vec<usize>,
    /// One for each function that was applied to the input, in that order; then one for each layer
    /// whose parameters took no part.
    pub rows: Vec<SummaryRow>,
    /// The parameters of all rows.
    pub params: ParamCounts,
    /// The multiply-accumulates of all rows.
    pub macs: Macs,
    /// Bytes that the tape keeps for the reverse pass of this input.
    pub saved_bytes: usize,
}

/// A layer, or a function without parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SummaryRow {
    /// The layer's dotted name; empty for a function without parameters and for the model itself.
    pub layer: String,
    /// The kind of the layer, or the function's name.
    pub kind: String,
    /// The shape of the (first) output; `None` where the layer took no part.
    pub output: Option<Vec<usize>>,
    /// Binary weights, and other parameters. Those that an earlier row has are not counted again.
    pub params: ParamCounts,
    /// Multiply-accumulates.
    pub macs: Macs,
}

/// Numbers of parameters, by their size in a deployed model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParamCounts {
    /// Parameters of which the sign alone is used: 1 bit each.
    pub binary: usize,
    /// Numbers of 32 bits.
    pub float: usize,
}

impl ParamCounts {
    /// Bytes with 1 bit and 32 bits each, without the padding of rows to whole words.
    #[must_use]
    pub(crate) fn packed_bytes(self) -> usize {
        self.binary.div_ceil(8) + 4 * self.float
    }

    fn add(&mut self, kind: ParamKind, count: usize) {
        match kind {
            ParamKind::Binary => self.binary += count,
            ParamKind::Float => self.float += count,
        }
    }
}

/// Runs `model` in evaluation mode on an input of the given shape whose elements are all 0.5, and
/// lists its layers. Works for any module, and leaves its modes, running statistics and gradients
/// unchanged.
///
/// A row is a function that was applied, named after the layer that its parameters belong to.
/// Functions applied without recording have no row.
///
/// ```
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Sequential, SignWeightLinear};
/// use bnn_autograd::{Error, Rng, summary};
///
/// # fn main() -> Result<(), Error> {
/// let mut rng = Rng::new(1);
/// let mut net = Sequential::new()
///     .named("fc1", SignWeightLinear::new(64, 512, &mut rng)?)
///     .named("bn1", BatchNorm::new(512)?)
///     .named("fc2", BinaryLinear::new(512, 10, &mut rng)?)
///     .named("bn2", BatchNorm::new(10)?);
/// let table = "\
/// Layer  Kind              Output    Parameters   Bits  Binary MACs  Float MACs
/// ─────────────────────────────────────────────────────────────────────────────
/// fc1    SignWeightLinear  [1, 512]      32 768      1            -      32 768
/// ";
/// let summary = summary(&mut net, &[1, 64])?.to_string();
/// assert!(summary.starts_with(table), "{summary}");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of the model, mostly for an input shape that does not fit.
pub fn summary<T: Real>(
    model: &mut dyn Module<T>,
    input_shape: &[usize],
) -> Result<Summary, Error> {
    let input = Tensor::full(T::from_f64(INPUT), input_shape)?;
    let (applied, saved_bytes) = walk::in_evaluation(model, |model| {
        let tape = Tape::new();
        let leaf = tape.leaf(input.clone());
        model.forward(&leaf)?;
        let applied = tape.trace(&leaf);
        // In training the input needs no gradient, and less is kept.
        let tape = Tape::new();
        model.forward(&tape.constant(input))?;
        Ok::<_, Error>((applied, tape.memory().total))
    })?;
    let rows = Layers::of(model).rows(&applied);
    let (mut params, mut macs) = (ParamCounts::default(), Macs::default());
    for row in &rows {
        params.binary += row.params.binary;
        params.float += row.params.float;
        macs.binary += row.macs.binary;
        macs.float += row.macs.float;
    }
    Ok(Summary {
        input: input_shape.to_vec(),
        rows,
        params,
        macs,
        saved_bytes,
    })
}

/// Not an integer, so that nothing is kept in fewer bits than real activations are.
const INPUT: f64 = 0.5;

/// A model's parameters and the kinds of its modules, by name.
struct Layers {
    params: Vec<(ParamId, Owned)>,
    kinds: HashMap<String, &'static str>,
}

/// A parameter: the layer it belongs to, and its size.
#[derive(Clone)]
struct Owned {
    layer: String,
    kind: ParamKind,
    count: usize,
}

impl Layers {
    fn of<T: Real>(model: &dyn Module<T>) -> Self {
        let mut kinds = HashMap::from([(String::new(), model.kind())]);
        walk::visit(model, &mut |name, module| {
            kinds.insert(name.to_owned(), module.kind());
        });
        let mut params = Vec::new();
        model.params(&mut |name, param| {
            let owned = Owned {
                layer: name.rsplit_once('.').map_or("", |(layer, _)| layer).into(),
                kind: param.kind(),
                count: param.value().numel(),
            };
            params.push((param.id(), owned));
        });
        Self { params, kinds }
    }

    fn rows(&self, applied: &[Applied]) -> Vec<SummaryRow> {
        let mut counted = HashSet::new();
        let mut rows: Vec<_> = applied
            .iter()
            .map(|function| self.row(function, &mut counted))
            .collect();
        let mut left: Vec<SummaryRow> = Vec::new();
        for (id, owned) in &self.params {
            if !counted.insert(*id) {
                continue;
            }
            if left.last().is_none_or(|row| row.layer != owned.layer) {
                left.push(SummaryRow {
                    layer: owned.layer.clone(),
                    kind: self.kind(&owned.layer, ""),
                    ..SummaryRow::default()
                });
            }
            if let Some(row) = left.last_mut() {
                row.params.add(owned.kind, owned.count);
            }
        }
        rows.append(&mut left);
        rows
    }

    fn row(&self, function: &Applied, counted: &mut HashSet<ParamId>) -> SummaryRow {
        let taking_part = |(id, _): &&(ParamId, Owned)| function.params.contains(id);
        let mut params = ParamCounts::default();
        let mut layer = None;
        for (id, owned) in self.params.iter().filter(taking_part) {
            layer.get_or_insert(&owned.layer);
            if counted.insert(*id) {
                params.add(owned.kind, owned.count);
            }
        }
        SummaryRow {
            layer: layer.cloned().unwrap_or_default(),
            kind: match layer {
                Some(layer) => self.kind(layer, function.name),
                None => function.name.to_owned(),
            },
            output: function.output_shapes.first().cloned(),
            params,
            macs: function.macs,
        }
    }

    fn kind(&self, layer: &str, otherwise: &str) -> String {
        let kind = self.kinds.get(layer).copied();
        kind.unwrap_or(otherwise).to_owned()
    }
}
