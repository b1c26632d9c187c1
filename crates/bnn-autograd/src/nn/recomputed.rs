//! A network whose activations are computed again in the reverse pass.

use std::cell::RefCell;

use super::{Module, walk};
use crate::context::Context;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::function::{Derivatives, Function};
use crate::param::Param;
use crate::real::Real;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;

/// The inner network, of whose forward pass only the input is kept: the reverse pass computes the
/// rest again (Chen et al. 2016, arXiv 1604.06174). Training takes less memory, and a second
/// forward pass of the inner network. The gradients are the same bits.
///
/// Its layers have the names that they have in the inner network, and its mode is theirs: it is in
/// training if any of them is, so that frozen batch norms stay frozen. In evaluation, as which a
/// network counts none of whose layers has modes, and in forward mode, it computes as the inner
/// network does, and keeps as much. The inner network has to be `Clone`, as structs of layers can be
/// and a [`Sequential`](super::Sequential) is not.
///
/// ```
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Module, PReLU, Recomputed, Residual};
/// use bnn_autograd::{Error, Rng, Tape, Tensor, Var, children};
///
/// #[derive(Clone)]
/// struct Block {
///     fc: BinaryLinear,
///     bn: BatchNorm,
///     act: PReLU,
/// }
///
/// impl Module for Block {
///     fn forward(&mut self, x: &Var) -> Result<Var, Error> {
///         let x = self.bn.forward(&self.fc.forward(x)?)?;
///         self.act.forward(&x)
///     }
///     children!(fc, bn, act);
/// }
///
/// # fn main() -> Result<(), Error> {
/// let block = Block {
///     fc: BinaryLinear::new(64, 64, &mut Rng::new(1))?,
///     bn: BatchNorm::new(64)?,
///     act: PReLU::new(64)?,
/// };
/// let mut net = Recomputed::from(Residual(block));
/// let tape = Tape::new();
/// let y = net.forward(&tape.leaf(Tensor::full(0.5, &[10, 64])?))?;
/// assert_eq!(tape.memory().total, 10 * 64 * 4); // the input alone
/// y.vjp(Tensor::full(1.0, &[10, 64])?)?.add_to(&mut net)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Recomputed<M> {
    /// The inner network.
    pub inner: M,
}

impl<M> From<M> for Recomputed<M> {
    fn from(inner: M) -> Self {
        Self { inner }
    }
}

impl<T: Real, M: Module<T> + Clone + 'static> Module<T> for Recomputed<M> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        match walk::in_training(&self.inner) {
            true => forward(&mut self.inner, x),
            false => self.inner.forward(x),
        }
    }

    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        self.inner.lower(to)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module<T>)) {
        self.inner.children(visit);
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module<T>)) {
        self.inner.children_mut(visit);
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        self.inner.params(visit);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        self.inner.params_mut(visit);
    }

    fn buffers(&self, visit: &mut dyn FnMut(&str, &Tensor<T>)) {
        self.inner.buffers(visit);
    }

    fn buffers_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Tensor<T>)) {
        self.inner.buffers_mut(visit);
    }

    fn set_training(&mut self, training: bool) {
        self.inner.set_training(training);
    }

    fn is_training(&self) -> Option<bool> {
        self.inner.is_training()
    }
}

/// The forward pass of a network that is computed again in the reverse pass.
pub(crate) fn forward<T: Real, M: Module<T> + Clone + 'static>(
    network: &mut M,
    x: &Var<T>,
) -> Result<Var<T>, Error> {
    let mut given = vec![x.clone()];
    let tape = x.tape();
    network.params(&mut |_, param| given.push(tape.param(param)));
    let recorded = given.iter().any(Var::requires_grad);
    let forward_mode = given.iter().any(|var| var.tangent().is_some());
    if !recorded || forward_mode {
        return network.forward(x);
    }
    // What the forward pass changes, such as running statistics, changes but once.
    let before = network.clone();
    let apart = Tape::new();
    let y = apart.no_grad(|| network.forward(&apart.constant(x.value().clone())))?;
    let again = Again {
        network: before,
        output: RefCell::new(Some(y.value().clone())),
    };
    tape.apply(again, &given.iter().collect::<Vec<_>>())
}

/// The function of the inner network: its inputs are that of the network and the parameters.
struct Again<T: Real, M> {
    /// The inner network before its forward pass. It shares the values of the parameters.
    network: M,
    /// The output, until the tape has it.
    output: RefCell<Option<Tensor<T>>>,
}

impl<T: Real, M: Module<T> + Clone> Function<T> for Again<T, M> {
    fn name(&self) -> &'static str {
        "recomputed"
    }

    fn forward(
        &self,
        ctx: &mut Context<T>,
        inputs: &[&Tensor<T>],
    ) -> Result<Vec<Tensor<T>>, Error> {
        ctx.save_for_backward(inputs.first().map(|x| (*x).clone()));
        Ok(self.output.take().into_iter().collect())
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let x: &Tensor<T> = ctx.saved_state()?;
        let mut network = self.network.clone();
        let tape = Tape::new();
        let leaf = match ctx.needs_input_grad(0) {
            true => tape.leaf(x.clone()),
            false => tape.constant(x.clone()),
        };
        let y = network.forward(&leaf)?;
        if !y.requires_grad() {
            return Ok(vec![None; ctx.num_inputs()]); // it ends in numbers without a gradient
        }
        let found = y.vjp(grad_outputs.single()?)?;
        let mut gradients = vec![found.get(&leaf).cloned()];
        network.params(&mut |_, param| gradients.push(found.param(param).cloned()));
        Ok(gradients)
    }
}
