//! The trait of a differentiable function: what users write to put their own on the tape.

use crate::context::Context;
use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// A differentiable function: a forward pass that notes what the backward pass will need, and the
/// backward pass (vector-Jacobian product).
///
/// Parameters that are not differentiated (a label, an epsilon) are fields of the type.
/// Put it on the tape with [`Tape::apply`](crate::Tape::apply).
///
/// ```
/// use bnn_autograd::{Context, Error, Function, GradOutputs, Tape, Tensor, inputs};
///
/// struct Square;
///
/// impl Function<f32> for Square {
///     fn forward(&self, ctx: &mut Context<f32>, given: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
///         let [x] = inputs("square", given)?;
///         ctx.save_for_backward(x.clone());
///         Ok(vec![Tensor::new(x.data().iter().map(|x| x * x).collect(), x.shape())?])
///     }
///     fn backward(
///         &self,
///         ctx: &Context<f32>,
///         grads: GradOutputs<f32>,
///     ) -> Result<Vec<Option<Tensor>>, Error> {
///         let (x, mut grad) = (ctx.saved_tensor(0)?, grads.single()?);
///         for (g, x) in grad.data_mut().iter_mut().zip(x.data()) {
///             *g *= 2.0 * x;
///         }
///         Ok(vec![Some(grad)])
///     }
/// }
///
/// # fn main() -> Result<(), Error> {
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(3.0));
/// let gradients = tape.apply(Square, &[&x])?.backward()?;
/// assert_eq!(gradients.get(&x).map(|g| g.data()), Some(&[6.0_f32][..]));
/// # Ok(())
/// # }
/// ```
pub trait Function<T: Real> {
    /// The function's name in errors and memory reports; the type's name unless overridden.
    fn name(&self) -> &'static str {
        let path = std::any::type_name::<Self>();
        path.rsplit("::").next().unwrap_or(path)
    }

    /// Computes the outputs and saves in `ctx` what [`Function::backward`] needs.
    ///
    /// Where [`Context::needs_input_grad`] is false for an input, nothing needs to be saved for it.
    ///
    /// # Errors
    /// Whatever makes the inputs unusable.
    fn forward(&self, ctx: &mut Context<T>, inputs: &[&Tensor<T>])
    -> Result<Vec<Tensor<T>>, Error>;

    /// The gradient of each input, in order, from the gradients of the outputs; `None` where an
    /// input needs none or the gradient is zero.
    ///
    /// # Errors
    /// Whatever makes the gradients unusable.
    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: GradOutputs<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error>;
}

/// Names a function's inputs: `let [x, w] = inputs("linear", given)?`.
///
/// # Errors
/// [`Error::Count`] where another number of inputs was given.
pub fn inputs<'a, T: Real, const N: usize>(
    what: &'static str,
    given: &[&'a Tensor<T>],
) -> Result<[&'a Tensor<T>; N], Error> {
    given.try_into().map_err(|_| Error::Count {
        what,
        expected: N,
        found: given.len(),
    })
}

/// The gradients of a function's outputs, handed to its backward pass.
///
/// An output that the loss does not depend on has an undefined gradient: [`GradOutputs::get`] shows
/// that as `None`, [`GradOutputs::dense`] as zeros. At least one is defined.
#[derive(Debug)]
pub struct GradOutputs<T: Real> {
    grads: Vec<Option<Tensor<T>>>,
    shapes: Vec<Vec<usize>>,
}

impl<T: Real> GradOutputs<T> {
    pub(crate) fn new(grads: Vec<Option<Tensor<T>>>, shapes: Vec<Vec<usize>>) -> Self {
        Self { grads, shapes }
    }

    /// The gradient of output `i`, or `None` where it is undefined.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&Tensor<T>> {
        self.grads.get(i)?.as_ref()
    }

    /// The gradient of output `i`, zeros where it is undefined.
    ///
    /// # Errors
    /// [`Error::Count`] where there is no such output.
    pub fn dense(&self, i: usize) -> Result<Tensor<T>, Error> {
        let shape = self.shapes.get(i).ok_or(Error::Count {
            what: "outputs of the function",
            expected: i + 1,
            found: self.shapes.len(),
        })?;
        match self.get(i) {
            Some(grad) => Ok(grad.clone()),
            None => Tensor::full(T::zero(), shape),
        }
    }

    /// The gradient of a single-output function, owned, so that it can be changed in place.
    ///
    /// # Errors
    /// [`Error::Count`] where the function has more outputs than one.
    pub fn single(self) -> Result<Tensor<T>, Error> {
        let found = self.grads.len();
        match <[_; 1]>::try_from(self.grads) {
            Ok([Some(grad)]) => Ok(grad),
            _ => Err(Error::Count {
                what: "outputs of a single-output function",
                expected: 1,
                found,
            }),
        }
    }
}
