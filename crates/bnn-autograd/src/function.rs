//! The trait of a differentiable function: what users write to put their own on the tape.

pub use crate::context::{Part, Pass};

use crate::context::Context;
use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// A differentiable function: a forward pass, and the reverse-mode pass `backward` (vector-Jacobian
/// product), the forward-mode pass `jvp` (Jacobian-vector product), or both. Asking for a pass that
/// a function does not offer is an [`Error::NotOffered`].
///
/// The forward pass is written in one of two styles:
/// - combined: [`forward`](Function::forward) computes the outputs and saves what the passes need;
/// - separate: [`compute`](Function::compute) computes the outputs and knows no context,
///   [`setup_context`](Function::setup_context) then sees inputs and outputs and saves.
///
/// Parameters that are not differentiated (a label, an epsilon) are fields of the type.
/// Put it on the tape with [`Tape::apply`](crate::Tape::apply).
///
/// What the forward pass keeps is a type of the function, declared by
/// [`saved_state!`](crate::saved_state), and [`Context::saved_state`] finds it again by that type.
///
/// Combined, with both passes:
/// ```
/// use bnn_autograd::function::inputs;
/// use bnn_autograd::{Context, Derivatives, Error, Function, Real, Tape, Tensor, saved_state};
///
/// struct Square;
///
/// /// The input.
/// struct Kept<T: Real> {
///     x: Tensor<T>,
/// }
/// saved_state!(Kept<T> { x });
///
/// /// `2 x d`, elementwise: what both passes compute.
/// fn times_slope(x: &Tensor, mut d: Tensor) -> Tensor {
///     d.data_mut().iter_mut().zip(x.data()).for_each(|(d, x)| *d *= 2.0 * x);
///     d
/// }
///
/// impl Function<f32> for Square {
///     fn forward(&self, ctx: &mut Context<f32>, given: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
///         let [x] = inputs("square", given)?;
///         ctx.save(Kept { x: x.clone() });
///         Ok(vec![Tensor::new(x.data().iter().map(|x| x * x).collect(), x.shape())?])
///     }
///     fn backward(
///         &self,
///         ctx: &Context<f32>,
///         grad_outputs: Derivatives<f32>,
///     ) -> Result<Vec<Option<Tensor>>, Error> {
///         let Kept { x } = ctx.saved_state()?;
///         Ok(vec![Some(times_slope(x, grad_outputs.single()?))])
///     }
///     fn jvp(
///         &self,
///         ctx: &Context<f32>,
///         tangents: Derivatives<f32>,
///     ) -> Result<Vec<Option<Tensor>>, Error> {
///         let Kept { x } = ctx.saved_state()?;
///         Ok(vec![Some(times_slope(x, tangents.single()?))])
///     }
/// }
///
/// # fn main() -> Result<(), Error> {
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(3.0)).with_tangent(Tensor::scalar(10.0))?;
/// let y = tape.apply(Square, &[&x])?;
/// assert_eq!(y.tangent(), Some(&Tensor::scalar(60.0)));
/// assert_eq!(y.backward()?.get(&x), Some(&Tensor::scalar(6.0)));
/// # Ok(())
/// # }
/// ```
///
/// Separate, with `backward` alone, from its own output. A tensor is a state as it is:
/// ```
/// use bnn_autograd::function::inputs;
/// use bnn_autograd::{Context, Derivatives, Error, Function, Tape, Tensor};
///
/// struct Exp;
///
/// impl Function<f32> for Exp {
///     fn compute(&self, given: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
///         let [x] = inputs("exp", given)?;
///         Ok(vec![Tensor::new(x.data().iter().map(|x| x.exp()).collect(), x.shape())?])
///     }
///     fn setup_context(
///         &self,
///         ctx: &mut Context<f32>,
///         _inputs: &[&Tensor],
///         outputs: &[Tensor],
///     ) -> Result<(), Error> {
///         ctx.save_for_backward(outputs.first().cloned());
///         Ok(())
///     }
///     fn backward(
///         &self,
///         ctx: &Context<f32>,
///         grad_outputs: Derivatives<f32>,
///     ) -> Result<Vec<Option<Tensor>>, Error> {
///         let y: &Tensor = ctx.saved_state()?;
///         let mut grad = grad_outputs.single()?;
///         grad.data_mut().iter_mut().zip(y.data()).for_each(|(g, y)| *g *= y);
///         Ok(vec![Some(grad)])
///     }
/// }
///
/// # fn main() -> Result<(), Error> {
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(0.0));
/// assert_eq!(tape.apply(Exp, &[&x])?.backward()?.get(&x), Some(&Tensor::scalar(1.0)));
/// // There is no forward mode:
/// let x = x.with_tangent(Tensor::scalar(1.0))?;
/// assert!(matches!(tape.apply(Exp, &[&x]), Err(Error::NotOffered { function: "Exp", .. })));
/// # Ok(())
/// # }
/// ```
pub trait Function<T: Real> {
    /// The function's name in errors and memory reports; the type's name unless overridden.
    fn name(&self) -> &'static str {
        let path = std::any::type_name::<Self>();
        path.rsplit("::").next().unwrap_or(path)
    }

    /// Combined style: computes the outputs and saves in `ctx` what the passes need.
    ///
    /// Nothing needs to be saved for the gradient of an input if [`Context::needs_input_grad`] is
    /// false, nor for its tangent if [`Context::has_tangent`] is false.
    ///
    /// # Errors
    /// Any reason why the inputs cannot be used.
    fn forward(
        &self,
        ctx: &mut Context<T>,
        inputs: &[&Tensor<T>],
    ) -> Result<Vec<Tensor<T>>, Error> {
        let outputs = self.compute(inputs)?;
        self.setup_context(ctx, inputs, &outputs)?;
        Ok(outputs)
    }

    /// Separate style: computes the outputs.
    ///
    /// # Errors
    /// Any reason why the inputs cannot be used.
    fn compute(&self, inputs: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let _ = inputs;
        Err(not_offered(self, "a forward pass"))
    }

    /// Separate style: saves in `ctx` what the passes need.
    ///
    /// # Errors
    /// Any reason why the inputs cannot be used.
    fn setup_context(
        &self,
        ctx: &mut Context<T>,
        inputs: &[&Tensor<T>],
        outputs: &[Tensor<T>],
    ) -> Result<(), Error> {
        let _ = (ctx, inputs, outputs);
        Ok(())
    }

    /// Reverse mode: computes the gradient of each input, in order, from the gradients of the
    /// outputs; `None` if an input needs none or the gradient is zero.
    ///
    /// # Errors
    /// [`Error::NotOffered`] unless overridden; any reason why the gradients cannot be used.
    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let _ = (ctx, grad_outputs);
        Err(not_offered(self, "`backward` (reverse mode)"))
    }

    /// Forward mode: computes the tangent of each output, in order, from the tangents of the
    /// inputs; `None` if it is zero. Runs right after the forward pass if any input has a tangent.
    ///
    /// # Errors
    /// [`Error::NotOffered`] unless overridden; any reason why the tangents cannot be used.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let _ = (ctx, tangents);
        Err(not_offered(self, "`jvp` (forward mode)"))
    }

    /// Whether the function takes input `i` as an affine function of another tensor, which it finds
    /// in its context. Only functions of this crate can.
    #[doc(hidden)]
    fn takes_affine(&self, i: usize) -> bool {
        let _ = i;
        false
    }

    /// Multiply-accumulates of one application, from the shapes of its inputs and outputs, for
    /// [`summary`](crate::summary()): those of products and convolutions. Zero unless overridden.
    fn macs(&self, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Macs {
        let _ = (inputs, outputs);
        Macs::default()
    }

    /// Computes the first output again, bit for bit, from what was saved for the backward pass.
    /// Called only if the forward pass called [`Context::offer_recompute`].
    ///
    /// # Errors
    /// [`Error::NotOffered`] unless overridden.
    fn recompute(&self, ctx: &Context<T>) -> Result<Tensor<T>, Error> {
        let _ = ctx;
        Err(not_offered(self, "`recompute`"))
    }
}

/// Multiply-accumulates, by what is multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Macs {
    /// Signs with signs: one XNOR and one count of a bit each.
    pub binary: u64,
    /// Numbers with numbers or with signs.
    pub float: u64,
}

fn not_offered<T: Real>(function: &(impl Function<T> + ?Sized), pass: &'static str) -> Error {
    Error::NotOffered {
        function: function.name(),
        pass,
    }
}

/// Names the inputs of a function or of a module: `let [x, w] = inputs("linear", given)?`.
///
/// # Errors
/// [`Error::Count`] if the number of inputs is another.
pub fn inputs<'a, X, const N: usize>(
    what: &'static str,
    given: &[&'a X],
) -> Result<[&'a X; N], Error> {
    given.try_into().map_err(|_| Error::Count {
        what,
        expected: N,
        found: given.len(),
    })
}

/// Derivatives passed to a function: of its outputs (gradients, to `backward`) or of its inputs
/// (tangents, to `jvp`).
///
/// An undefined derivative is zero: the gradient of an output that the loss does not depend on, the
/// tangent of an input that does not vary. [`Derivatives::get`] shows it as `None`,
/// [`Derivatives::take_dense`] as zeros. At least one derivative is defined.
#[derive(Debug)]
pub struct Derivatives<T: Real> {
    values: Vec<Option<Tensor<T>>>,
    shapes: Vec<Vec<usize>>,
}

impl<T: Real> Derivatives<T> {
    pub(crate) fn new(values: Vec<Option<Tensor<T>>>, shapes: Vec<Vec<usize>>) -> Self {
        Self { values, shapes }
    }

    /// Derivative `i`, or `None` if it is undefined.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&Tensor<T>> {
        self.values.get(i)?.as_ref()
    }

    /// Takes derivative `i` out, so that it can be changed in place.
    #[must_use]
    pub fn take(&mut self, i: usize) -> Option<Tensor<T>> {
        self.values.get_mut(i)?.take()
    }

    /// Takes derivative `i` out, zeros if it is undefined, so that it can be changed in place.
    ///
    /// # Errors
    /// [`Error::Count`] if there is no such output or input.
    pub fn take_dense(&mut self, i: usize) -> Result<Tensor<T>, Error> {
        let shape = self.shapes.get(i).ok_or(Error::Count {
            what: "derivatives passed to the function",
            expected: i + 1,
            found: self.shapes.len(),
        })?;
        match self.values.get_mut(i).and_then(Option::take) {
            Some(value) => Ok(value),
            None => Tensor::full(T::zero(), shape),
        }
    }

    /// The derivative of the only output, or input, of a function; owned, so that it can be changed
    /// in place.
    ///
    /// # Errors
    /// [`Error::Count`] if there are more.
    pub fn single(self) -> Result<Tensor<T>, Error> {
        let found = self.values.len();
        match <[_; 1]>::try_from(self.values) {
            Ok([Some(value)]) => Ok(value),
            _ => Err(Error::Count {
                what: "derivatives passed to a function of a single one",
                expected: 1,
                found,
            }),
        }
    }
}
