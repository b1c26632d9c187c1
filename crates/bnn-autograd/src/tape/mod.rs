//! The tape: records which function made which variable, so that the reverse pass can run.
//!
//! A node holds its function, the function's context, its input edges and the shapes of its
//! outputs, but not the outputs themselves: dropping a [`Var`] frees its elements.

mod backward;
mod gradients;
mod memory;
mod trace;
mod value;
mod var;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

pub use gradients::Gradients;
pub use memory::{Memory, NodeMemory};
pub(crate) use trace::Applied;
use value::Value;
pub use var::Var;

use crate::context::{Context, Input, Recompute};
use crate::error::Error;
use crate::function::{Derivatives, Function};
use crate::param::{Param, ParamId};
use crate::real::Real;
use crate::tensor::Tensor;

/// Records functions as they are applied. A handle: clones are the same tape.
///
/// Use a new tape for every training step: recorded functions live until their reverse pass or the
/// end of the tape. A tape and its variables stay on one thread. The operations use the threads of
/// the ambient `rayon` pool, and their results do not depend on the number of threads.
pub struct Tape<T: Real = f32> {
    inner: Rc<RefCell<Inner<T>>>,
}

struct Inner<T: Real> {
    nodes: Vec<Node<T>>,
    params: HashMap<ParamId, UsedParam<T>>,
    recording: bool,
    recompute: bool,
}

/// What a tape knows about a parameter.
struct UsedParam<T: Real> {
    /// The leaf, and the version of the parameter at that time, if it was used while recording.
    leaf: Option<(usize, u64)>,
    /// The direction in which forward mode varies it.
    tangent: Option<Tensor<T>>,
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
        /// `None` after a reverse pass has released it.
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
                recompute: true,
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

    /// The variable of a parameter. A tape collects one gradient for each parameter, however often
    /// the parameter is used; [`Gradients::add_to`] adds it to the parameter.
    #[must_use]
    pub fn param(&self, param: &Param<T>) -> Var<T> {
        let value = param.value().clone();
        let recording = self.is_recording();
        let mut known = self.used(param);
        if recording && known.leaf.is_none() {
            known.leaf = Some((self.push_leaf(&value).node, param.version()));
        }
        let leaf = known.leaf.filter(|_| recording);
        let var = Var {
            tangent: known.tangent.clone(),
            ..self.var(value, leaf.map(|(node, _)| Edge { node, output: 0 }))
        };
        self.inner.borrow_mut().params.insert(param.id(), known);
        var
    }

    /// Lets forward mode vary a parameter: [`Tape::param`] gives it this tangent from now on.
    ///
    /// # Errors
    /// [`Error::Shape`] if the tangent has another shape than the parameter.
    pub fn set_tangent(&self, param: &Param<T>, tangent: Tensor<T>) -> Result<(), Error> {
        let shape = param.value().shape();
        Error::check_shape("tangent of a parameter", shape, tangent.shape())?;
        let mut known = self.used(param);
        known.tangent = Some(tangent);
        self.inner.borrow_mut().params.insert(param.id(), known);
        Ok(())
    }

    /// Takes out what the tape knows of a parameter; the caller changes it and puts it back.
    fn used(&self, param: &Param<T>) -> UsedParam<T> {
        let known = self.inner.borrow_mut().params.remove(&param.id());
        known.unwrap_or(UsedParam {
            leaf: None,
            tangent: None,
        })
    }

    /// Applies a function with one output and records it if any input requires a gradient.
    ///
    /// # Errors
    /// Those of the function; [`Error::ForeignVar`] for an input of another tape; [`Error::Count`]
    /// if the function does not have exactly one output.
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
        let sources: Vec<_> = inputs
            .iter()
            .enumerate()
            .map(|(i, v)| v.value.source().filter(|_| function.takes_affine(i)))
            .collect();
        let values: Vec<_> = inputs
            .iter()
            .zip(&sources)
            .map(|(v, source)| {
                source
                    .as_ref()
                    .map_or_else(|| v.value(), |source| &source.x)
            })
            .collect();
        let known = inputs.iter().zip(&edges).zip(&sources);
        let described = known.map(|((v, &edge), source)| Input {
            shape: v.shape().to_vec(),
            needs_grad: edge.is_some(),
            has_tangent: v.tangent.is_some(),
            recipe: edge.and_then(|edge| self.recipe(edge)),
            affine: source.as_ref().map(|source| Rc::clone(&source.affine)),
        });
        let mut context = Context::new(described.collect());
        let outputs = function.forward(&mut context, &values)?;
        let tangents = forward_mode(&function, &mut context, inputs, &outputs)?;
        context.drop_recipes();
        let mut put_off = context.take_put_off().map(Rc::new);

        let varies: Vec<_> = (0..outputs.len())
            .map(|i| context.is_differentiable(i))
            .collect();
        let node = edges.iter().any(Option::is_some).then(|| {
            self.push(Node {
                output_shapes: outputs.iter().map(|y| y.shape().to_vec()).collect(),
                origin: Origin::Function {
                    name: function.name(),
                    inputs: edges,
                    recorded: Some(Rc::new(Recorded {
                        function: Box::new(function),
                        context,
                    })),
                },
            })
        });
        let vars = outputs.into_iter().zip(tangents).zip(varies).enumerate();
        Ok(vars
            .map(|(output, ((y, tangent), varies))| {
                let edge = node.map(|node| Edge { node, output });
                let value = match put_off.take() {
                    Some(affine) => Value::put_off(y, affine),
                    None => Value::Ready(y),
                };
                Var {
                    tangent: tangent.filter(|_| varies),
                    value,
                    edge: edge.filter(|_| varies),
                    tape: self.clone(),
                }
            })
            .collect())
    }

    /// A recipe that computes the variable at `edge` again from what its function has saved.
    fn recipe(&self, edge: Edge) -> Option<Recompute<T>> {
        let inner = self.inner.borrow();
        let Origin::Function { recorded, .. } = &inner.nodes[edge.node].origin else {
            return None;
        };
        let recorded = recorded.as_ref()?;
        let offered = inner.recompute && edge.output == 0 && recorded.context.offers_recompute();
        let recorded = offered.then(|| Rc::clone(recorded))?;
        Some(Rc::new(move || {
            recorded.function.recompute(&recorded.context)
        }))
    }

    /// Runs `body` without recording: contexts save nothing, results require no gradient.
    pub fn no_grad<R>(&self, body: impl FnOnce() -> R) -> R {
        /// Resets the flag even if `body` unwinds.
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
    fn is_recording(&self) -> bool {
        self.inner.borrow().recording
    }

    /// Sets whether a function may compute an input again in the reverse pass, cheaply and exactly,
    /// instead of keeping it; initially `true`. The gradients are the same bits in both cases.
    pub fn set_recompute(&self, recompute: bool) {
        self.inner.borrow_mut().recompute = recompute;
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
            value: Value::Ready(value),
            edge,
            tangent: None,
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

/// The tangents of a function's outputs, if any of its inputs has one.
fn forward_mode<T: Real>(
    function: &impl Function<T>,
    context: &mut Context<T>,
    inputs: &[&Var<T>],
    outputs: &[Tensor<T>],
) -> Result<Vec<Option<Tensor<T>>>, Error> {
    if inputs.iter().all(|v| v.tangent.is_none()) {
        return Ok(vec![None; outputs.len()]);
    }
    let given = inputs.iter().map(|v| v.tangent.clone()).collect();
    let shapes = inputs.iter().map(|v| v.shape().to_vec()).collect();
    let given = Derivatives::new(given, shapes);
    let found = context.in_jvp(|context| function.jvp(context, given))?;
    Error::check_count("tangents returned by jvp", outputs.len(), found.len())?;
    for (output, (y, tangent)) in outputs.iter().zip(&found).enumerate() {
        if let Some(tangent) = tangent
            && tangent.shape() != y.shape()
        {
            return Err(Error::TangentShape {
                function: function.name(),
                output,
                expected: y.shape().to_vec(),
                found: tangent.shape().to_vec(),
            });
        }
    }
    Ok(found)
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
