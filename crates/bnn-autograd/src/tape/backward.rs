//! The reverse pass: nodes in strictly reverse order of recording, each visited once.

use std::collections::HashMap;
use std::rc::Rc;

use super::{Edge, Gradients, Origin, Recorded, Tape, Var};
use crate::error::Error;
use crate::function::Derivatives;
use crate::real::Real;
use crate::tensor::Tensor;

/// What the reverse pass does at a node.
enum Visit<T: Real> {
    Leaf,
    Function {
        recorded: Rc<Recorded<T>>,
        inputs: Vec<Option<Edge>>,
        output_shapes: Vec<Vec<usize>>,
    },
}

impl<T: Real> Var<T> {
    /// The gradients of this one-element loss with respect to every leaf and parameter.
    /// Releases the contexts it passes through.
    ///
    /// # Errors
    /// [`Error::NotScalar`], [`Error::NoGradient`], [`Error::Released`] if a reverse pass has
    /// already run through these contexts, and the errors of the functions.
    pub fn backward(&self) -> Result<Gradients<T>, Error> {
        self.tape.run_backward(self, self.one()?, false)
    }

    /// Runs [`Var::backward`] and keeps the contexts, so that the pass can be run again.
    ///
    /// # Errors
    /// Those of [`Var::backward`].
    pub fn backward_retain(&self) -> Result<Gradients<T>, Error> {
        self.tape.run_backward(self, self.one()?, true)
    }

    /// The vector-Jacobian product: the gradients of `sum(cotangent * self)`, for a variable of any
    /// shape. Releases the contexts it passes through.
    ///
    /// # Errors
    /// [`Error::Shape`] if the cotangent has another shape; those of [`Var::backward`].
    pub fn vjp(&self, cotangent: Tensor<T>) -> Result<Gradients<T>, Error> {
        Error::check_shape("cotangent", self.shape(), cotangent.shape())?;
        self.tape.run_backward(self, cotangent, false)
    }

    fn one(&self) -> Result<Tensor<T>, Error> {
        self.value().item()?;
        Tensor::full(T::one(), self.shape())
    }
}

impl<T: Real> Tape<T> {
    pub(super) fn run_backward(
        &self,
        from: &Var<T>,
        cotangent: Tensor<T>,
        retain: bool,
    ) -> Result<Gradients<T>, Error> {
        let start = from.edge.ok_or(Error::NoGradient)?;
        let mut pending = Pending::default();
        pending.add(start, cotangent);
        let mut leaves = HashMap::new();
        // A node's inputs were recorded before it, so going down no gradient arrives too late.
        for node in (0..=start.node).rev() {
            let Some(mut grads) = pending.by_node.remove(&node) else {
                continue;
            };
            match self.visit(node, retain)? {
                Visit::Leaf => {
                    if let Some(grad) = grads.remove(&0) {
                        leaves.insert(node, grad);
                    }
                }
                Visit::Function {
                    recorded,
                    inputs,
                    output_shapes,
                } => {
                    let outputs = 0..output_shapes.len();
                    let grads = outputs.map(|i| grads.remove(&i)).collect();
                    let grads = Derivatives::new(grads, output_shapes);
                    let found = recorded.function.backward(&recorded.context, grads)?;
                    self.collect(recorded.function.name(), &inputs, found, &mut pending)?;
                }
            }
        }
        Ok(Gradients::new(self.clone(), leaves))
    }

    /// Returns what the pass needs of the node, so that the tape is not borrowed while the function
    /// runs.
    fn visit(&self, node: usize, retain: bool) -> Result<Visit<T>, Error> {
        let node = &mut self.inner.borrow_mut().nodes[node];
        match &mut node.origin {
            Origin::Leaf => Ok(Visit::Leaf),
            Origin::Function {
                name,
                inputs,
                recorded,
            } => {
                let held = if retain {
                    recorded.clone()
                } else {
                    recorded.take()
                };
                Ok(Visit::Function {
                    recorded: held.ok_or(Error::Released { function: name })?,
                    inputs: inputs.clone(),
                    output_shapes: node.output_shapes.clone(),
                })
            }
        }
    }

    /// Checks the gradients that a function returned and adds them to those of the nodes that made
    /// its inputs.
    fn collect(
        &self,
        function: &'static str,
        inputs: &[Option<Edge>],
        grads: Vec<Option<Tensor<T>>>,
        pending: &mut Pending<T>,
    ) -> Result<(), Error> {
        Error::check_count("gradients returned by backward", inputs.len(), grads.len())?;
        for (input, (edge, grad)) in inputs.iter().zip(grads).enumerate() {
            let (Some(edge), Some(grad)) = (edge, grad) else {
                continue;
            };
            let expected = &self.inner.borrow().nodes[edge.node].output_shapes[edge.output];
            if grad.shape() != expected {
                return Err(Error::GradientShape {
                    function,
                    input,
                    expected: expected.clone(),
                    found: grad.shape().to_vec(),
                });
            }
            pending.add(*edge, grad);
        }
        Ok(())
    }
}

/// Gradients that have arrived at nodes not yet visited: node, then output.
struct Pending<T: Real> {
    by_node: HashMap<usize, HashMap<usize, Tensor<T>>>,
}

impl<T: Real> Default for Pending<T> {
    fn default() -> Self {
        Self {
            by_node: HashMap::new(),
        }
    }
}

impl<T: Real> Pending<T> {
    fn add(&mut self, edge: Edge, grad: Tensor<T>) {
        let outputs = self.by_node.entry(edge.node).or_default();
        match outputs.get_mut(&edge.output) {
            Some(sum) => sum.add_assign(&grad),
            None => {
                outputs.insert(edge.output, grad);
            }
        }
    }
}
