//! The graph of a network whose layers are no chain of bits: what [`Lowering`] is told becomes one
//! node after the other.

mod fixed;
mod products;
mod steps;

pub(super) use products::Over;
pub(crate) use steps::MOST_TAPS;

use bnn_core::conv::Conv2d;
use bnn_core::model::InputType;
use bnn_core::model::graph::{Graph, NodeEpilogue, Operation, Values};

use super::lowering::{Lowered, SampleShape};
use super::nodes::Nodes;
use super::{ExportError, Lowering};

/// What adds nothing to any number, `-0.0` included.
const NOTHING: f32 = -0.0;

/// Values that a layer has given out, to be used once more: [`Lowering::branch`].
#[derive(Clone, Copy, Debug)]
pub struct Branch {
    /// A tensor of the graph: 0 is the input, `i` that of node `i - 1`.
    tensor: usize,
    values: SampleShape,
    /// [`Nodes::unrounded`].
    unrounded: bool,
}

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TensorElements {
    Bits,
    Bytes,
    Reals,
    /// Fixed-point numbers with this exponent.
    Fixed(i8),
}

impl Lowering {
    /// The values at hand, for [`Lowering::go_on_from`], [`Lowering::add`] and
    /// [`Lowering::concat`].
    ///
    /// ```
    /// use bnn_autograd::export::{ExportError, Lowering, export};
    /// use bnn_autograd::nn::{BinaryLinear, Module, SignWeightLinear};
    /// use bnn_autograd::{Error, Rng, Var, children, ops};
    /// use bnn_core::model::InputType;
    ///
    /// struct Net {
    ///     first: SignWeightLinear,
    ///     inner: BinaryLinear,
    /// }
    ///
    /// impl Module for Net {
    ///     fn forward(&mut self, x: &Var) -> Result<Var, Error> {
    ///         let x = self.first.forward(x)?;
    ///         ops::add(&self.inner.forward(&x)?, &x)
    ///     }
    ///     children!(first, inner);
    ///     fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
    ///         to.layer("first", &self.first)?;
    ///         let x = to.branch();
    ///         to.layer("inner", &self.inner)?;
    ///         to.add(&x)
    ///     }
    /// }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rng = &mut Rng::new(1);
    /// let mut net = Net {
    ///     first: SignWeightLinear::new(5, 3, rng)?,
    ///     inner: BinaryLinear::new(3, 3, rng)?,
    /// };
    /// let file = export(&mut net, InputType::Unsigned { depth: 8 })?;
    /// # assert!(!file.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn branch(&mut self) -> Branch {
        let tensor = self.graph.as_mut().map_or(0, |graph| {
            // The branch stands for the tensor as it is now.
            graph.bare = false;
            graph.at
        });
        Branch {
            tensor,
            values: self.values,
            unrounded: self.graph.as_ref().is_some_and(|graph| graph.unrounded),
        }
    }

    /// Goes on from other values than those that the last layer gave out.
    pub fn go_on_from(&mut self, branch: &Branch) {
        // A chain refuses what comes of it: adding or joining.
        if let Some(graph) = &mut self.graph {
            (graph.at, graph.bare) = (branch.tensor, false);
            graph.unrounded = branch.unrounded;
            self.values = branch.values;
        }
    }

    /// Whether layers become nodes of a graph. Otherwise they become a chain, and the layer at hand
    /// cannot.
    fn is_graph(&mut self) -> Result<(), ExportError> {
        self.has_graph_steps = true;
        if self.graph.is_some() {
            return Ok(());
        }
        Err(self.refusal("a chain of layers has no such step"))
    }

    /// The graph; there is one.
    fn nodes(&mut self) -> &mut Nodes {
        self.graph.get_or_insert_default()
    }

    /// The shape of the tensor at hand. An input whose shape no layer has told is a row of
    /// `columns`.
    fn tensor(&mut self, columns: usize) -> [usize; 3] {
        let told = match self.values {
            SampleShape::Row => [1, 1, columns],
            SampleShape::Image(image) | SampleShape::Flat(image) => image,
        };
        let graph = self.nodes();
        if graph.shapes.is_empty() {
            graph.shapes.push(told);
        }
        graph.shape().unwrap_or(told)
    }

    fn elements(&self) -> TensorElements {
        let node = self.graph.as_ref().and_then(|graph| {
            let at = graph.at.checked_sub(1)?;
            graph.nodes.get(at)
        });
        match node.map(|node| node.values) {
            Some(Values::Bits) => TensorElements::Bits,
            Some(Values::Fixed { exponent }) => TensorElements::Fixed(exponent),
            Some(_) => TensorElements::Reals,
            None if self.input == InputType::Bits => TensorElements::Bits,
            None => TensorElements::Bytes,
        }
    }

    /// What the elements at hand are, for a step that takes any that are rounded.
    fn settled(&self) -> Result<TensorElements, ExportError> {
        if self.graph.as_ref().is_some_and(|graph| graph.unrounded) {
            let why = "it follows a sum or a mean of fixed-point numbers: expected `FixedPoint` between them";
            return Err(self.refusal(why));
        }
        match self.are_scores() {
            true => Err(self.refusal("it follows integer scores, which only a last layer gives")),
            false => Ok(self.elements()),
        }
    }

    /// Whether the values at hand are integer scores.
    fn are_scores(&self) -> bool {
        let last = self.graph.as_ref().and_then(|graph| graph.nodes.last());
        last.is_some_and(|node| matches!(node.values, Values::Integer { .. }))
    }

    /// Appends a node of one input, the tensor at hand, which has as many elements in each channel.
    fn step_node(&mut self, operation: Operation, values: Values, shape: [usize; 3]) {
        let graph = self.nodes();
        let at = graph.at;
        graph.push(operation, vec![at], values, shape);
    }

    /// The file of the graph.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where there is no layer; [`ExportError::Model`].
    pub(super) fn lowered_graph(&mut self) -> Result<Lowered, ExportError> {
        if !self.are_scores() {
            self.flatten_now()?;
            if let TensorElements::Fixed(_) = self.settled()? {
                let why = "its scores are fixed-point numbers: expected `Int8Linear` last";
                return Err(self.refusal(why));
            }
        }
        let (input, meta) = (self.input, self.meta.clone());
        let graph = self.nodes();
        let (Some(&input_shape), Some(&[.., columns])) =
            (graph.shapes.first(), graph.shapes.last())
        else {
            return Err(self.refusal("it has no layer that computes anything"));
        };
        // The sums of the last product are the scores.
        if graph.bare
            && let Some(node) = graph.nodes.last_mut()
            && let Operation::Product { epilogue, .. } = &mut node.operation
        {
            *epilogue = NodeEpilogue::Fixed {
                factor: vec![1; columns],
                bias: vec![0; columns],
                shift: 0,
            };
            node.values = Values::Integer { exponent: 0 };
        }
        let graph = Graph {
            input: match input {
                InputType::Thresholds => InputType::Unsigned { depth: 8 },
                input => input,
            },
            input_shape,
            nodes: std::mem::take(&mut graph.nodes),
            meta,
        };
        Ok(Lowered {
            file: graph.write()?,
            differences: vec![0.0; columns],
        })
    }

    /// Turns images that were said to be rows into rows.
    fn flatten_now(&mut self) -> Result<(), ExportError> {
        if let (SampleShape::Flat(image), Some(_)) = (self.values, &self.graph) {
            let columns = image.iter().product();
            let kind = match self.settled()? {
                TensorElements::Bits => Values::Bits,
                // Bytes stay as they are in the input, which is a row anyway.
                TensorElements::Bytes => return Ok(()),
                TensorElements::Reals => Values::Real,
                TensorElements::Fixed(exponent) => Values::Fixed { exponent },
            };
            self.step_node(Operation::Flatten, kind, [1, 1, columns]);
            self.values = SampleShape::Row;
        }
        Ok(())
    }

    /// Notes how the values lie that a product over `conv` gives out.
    fn values_of(&mut self, conv: &Conv2d, is_row: bool) -> [usize; 3] {
        let [height, width] = conv.windows().output_size();
        let shape = [height, width, conv.outputs()];
        self.values = match is_row {
            true => SampleShape::Row,
            false => SampleShape::Image(shape),
        };
        shape
    }
}
