//! The tape: records which function made which variable, so that the reverse pass can run.
//!
//! A node holds its function, the function's context, its input edges and the shapes of its
//! outputs, but not the outputs themselves: dropping a [`Var`] frees its elements.

mod backward;
mod gradients;
mod memory;
mod var;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

pub use gradients::Gradients;
pub use memory::{Memory, NodeMemory};
pub use var::Var;

use crate::context::Context;
use crate::error::Error;
use crate::function::Function;
use crate::param::{Param, ParamId};
use crate::real::Real;
use crate::tensor::Tensor;

/// Records functions as they are applied. A handle: clones are the same tape.
///
/// Take a new tape for every training step; what a tape has recorded lives until its reverse pass
/// or its end. A tape and its variables stay on one thread; the work inside uses the threads of the
/// ambient `rayon` pool, and its results do not depend on how many there are.
pub struct Tape<T: Real = f32> {
    inner: Rc<RefCell<Inner<T>>>,
}

struct Inner<T: Real> {
    nodes: Vec<Node<T>>,
    params: HashMap<ParamId, usize>,
    recording: bool,
}

/// One output of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edge {
    node: usize,
    output: usize,
}

struct Node<T: Real> {
    origin: Origin<T>,
    output_shapes: Vec<Vec<usize>>,
}

enum Origin<T: Real> {
    Leaf,
    Function {
        name: &'static str,
        inputs: Vec<Option<Edge>>,
        /// `None` once a reverse pass has released it.
        recorded: Option<Rc<Recorded<T>>>,
    },
}

struct Recorded<T: Real> {
    function: Box<dyn Function<T>>,
    context: Context<T>,
}

impl<T: Real> Tape<T> {
    /// An empty tape that records.
    #[must_use]
    pub fn new() -> Self {
        Self {
            inner: Rc::new(RefCell::new(Inner {
                nodes: Vec::new(),
                params: HashMap::new(),
                recording: true,
            })),
        }
    }

    /// A variable that requires a gradient.
    #[must_use]
    pub fn leaf(&self, value: Tensor<T>) -> Var<T> {
        let edge = self.is_recording().then(|| self.push_leaf(&value));
        self.var(value, edge)
    }

    /// A variable that requires no gradient.
    #[must_use]
    pub fn constant(&self, value: Tensor<T>) -> Var<T> {
        self.var(value, None)
    }

    /// The variable of a parameter. However often it is asked for, one tape collects one gradient
    /// for it, which [`Gradients::add_to`] brings back.
    #[must_use]
    pub fn param(&self, param: &Param<T>) -> Var<T> {
        let value = param.value().clone();
        if !self.is_recording() {
            return self.constant(value);
        }
        let known = self.inner.borrow().params.get(&param.id()).copied();
        let edge = match known {
            Some(node) => Edge { node, output: 0 },
            None => {
                let edge = self.push_leaf(&value);
                self.inner.borrow_mut().params.insert(param.id(), edge.node);
                edge
            }
        };
        self.var(value, Some(edge))
    }

    /// Applies a function with one output and records it if any input requires a gradient.
    ///
    /// # Errors
    /// Those of the function; [`Error::ForeignVar`] for an input of another tape; [`Error::Count`]
    /// where the function has not exactly one output.
    pub fn apply(
        &self,
        function: impl Function<T> + 'static,
        inputs: &[&Var<T>],
    ) -> Result<Var<T>, Error> {
        let outputs = self.apply_many(function, inputs)?;
        let found = outputs.len();
        match <[_; 1]>::try_from(outputs) {
            Ok([output]) => Ok(output),
            Err(_) => Err(Error::Count {
                what: "outputs of a single-output function",
                expected: 1,
                found,
            }),
        }
    }

    /// Applies a function with any number of outputs; see [`Tape::apply`].
    ///
    /// # Errors
    /// Those of the function; [`Error::ForeignVar`] for an input of another tape.
    pub fn apply_many(
        &self,
        function: impl Function<T> + 'static,
        inputs: &[&Var<T>],
    ) -> Result<Vec<Var<T>>, Error> {
        if !inputs.iter().all(|input| self.owns(input)) {
            return Err(Error::ForeignVar {
                what: function.name(),
            });
        }
        let recording = self.is_recording();
        let edges: Vec<_> = inputs
            .iter()
            .map(|v| v.edge.filter(|_| recording))
            .collect();
        let values: Vec<_> = inputs.iter().map(|v| v.value()).collect();
        let mut context = Context::new(
            edges.iter().map(Option::is_some).collect(),
            values.iter().map(|x| x.shape().to_vec()).collect(),
        );
        let outputs = function.forward(&mut context, &values)?;
        if edges.iter().all(Option::is_none) {
            return Ok(outputs.into_iter().map(|y| self.constant(y)).collect());
        }
        let node = self.push(Node {
            output_shapes: outputs.iter().map(|y| y.shape().to_vec()).collect(),
            origin: Origin::Function {
                name: function.name(),
                inputs: edges,
                recorded: Some(Rc::new(Recorded {
                    function: Box::new(function),
                    context,
                })),
            },
        });
        let edge = |output| Some(Edge { node, output });
        Ok(outputs
            .into_iter()
            .enumerate()
            .map(|(output, y)| self.var(y, edge(output)))
            .collect())
    }

    /// Runs `body` without recording: contexts save nothing, results require no gradient.
    pub fn no_grad<R>(&self, body: impl FnOnce() -> R) -> R {
        /// Sets the flag back also where `body` unwinds.
        struct Restore<'a, T: Real>(&'a Tape<T>, bool);
        impl<T: Real> Drop for Restore<'_, T> {
            fn drop(&mut self) {
                self.0.inner.borrow_mut().recording = self.1;
            }
        }
        let before = std::mem::replace(&mut self.inner.borrow_mut().recording, false);
        let _restore = Restore(self, before);
        body()
    }

    /// Whether functions are recorded at the moment.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.inner.borrow().recording
    }

    /// Bytes that the contexts keep for the reverse pass.
    #[must_use]
    pub fn memory(&self) -> Memory {
        memory::measure(&self.inner.borrow().nodes)
    }

    fn owns(&self, var: &Var<T>) -> bool {
        Rc::ptr_eq(&self.inner, &var.tape.inner)
    }

    fn var(&self, value: Tensor<T>, edge: Option<Edge>) -> Var<T> {
        Var {
            value,
            edge,
            tape: self.clone(),
        }
    }

    fn push_leaf(&self, value: &Tensor<T>) -> Edge {
        let node = self.push(Node {
            origin: Origin::Leaf,
            output_shapes: vec![value.shape().to_vec()],
        });
        Edge { node, output: 0 }
    }

    fn push(&self, node: Node<T>) -> usize {
        let nodes = &mut self.inner.borrow_mut().nodes;
        nodes.push(node);
        nodes.len() - 1
    }
}

impl<T: Real> Clone for Tape<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Rc::clone(&self.inner),
        }
    }
}

impl<T: Real> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tape of {} nodes", self.inner.borrow().nodes.len())
    }
}
