//! The trait of layers and networks.

use super::Param;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// A layer or a network: computes on the tape of its input, and shows its parameters (trained by
/// gradients) and buffers (other state, such as running statistics) under dotted names.
///
/// A layer implements [`params`](Module::params) and [`params_mut`](Module::params_mut), and the
/// buffers if it has any. A network made of others implements only `forward`,
/// [`children`](Module::children) and [`children_mut`](Module::children_mut), the last two by
/// [`children!`](crate::children):
///
/// ```
/// use bnn_autograd::nn::{BinaryLinear, Linear, Module};
/// use bnn_autograd::{Error, Rng, Var, children};
///
/// struct Net {
///     hidden: BinaryLinear,
///     scores: Linear,
/// }
///
/// impl Module for Net {
///     fn forward(&mut self, x: &Var) -> Result<Var, Error> {
///         let x = self.hidden.forward(x)?;
///         self.scores.forward(&x)
///     }
///     children!(hidden, scores);
/// }
/// # fn main() -> Result<(), Error> {
/// let mut rng = Rng::new(1);
/// let net = Net {
///     hidden: BinaryLinear::new(8, 4, &mut rng)?,
///     scores: Linear::new(4, 2, &mut rng)?,
/// };
/// let mut names = Vec::new();
/// net.params(&mut |name, _| names.push(name.to_string()));
/// assert_eq!(names, ["hidden.weight", "scores.weight", "scores.bias"]);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer",
    note = "a layer is a value of a type from `nn`, such as `nn::Flatten` for `ops::flatten` or \
            `nn::HardTanh` for `ops::hard_tanh`",
    note = "any struct becomes a layer by `impl Module for ..` with `forward`"
)]
pub trait Module<T: Real = f32> {
    /// Computes the output; in training also updates running statistics.
    ///
    /// A module of several inputs implements [`Module::forward_many`] and calls it here with the
    /// one input, `self.forward_many(&[x])`, which is then an error that says how many it takes.
    ///
    /// # Errors
    /// Those of the operations, mostly for an input of the wrong shape.
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error>;

    /// Computes the output from any number of inputs; from exactly one unless overridden.
    ///
    /// ```
    /// use bnn_autograd::function::inputs;
    /// use bnn_autograd::nn::{BinaryLinear, Linear, Module};
    /// use bnn_autograd::{Error, Rng, Tape, Tensor, Var, children, ops};
    ///
    /// /// Scores of an image and a table row.
    /// struct TwoTowers {
    ///     image: BinaryLinear,
    ///     row: BinaryLinear,
    ///     scores: Linear,
    /// }
    ///
    /// impl Module for TwoTowers {
    ///     fn forward(&mut self, x: &Var) -> Result<Var, Error> {
    ///         self.forward_many(&[x])
    ///     }
    ///     fn forward_many(&mut self, given: &[&Var]) -> Result<Var, Error> {
    ///         let [image, row] = inputs("inputs of TwoTowers", given)?;
    ///         let towers = [&self.image.forward(image)?, &self.row.forward(row)?];
    ///         self.scores.forward(&ops::concat(&towers)?)
    ///     }
    ///     children!(image, row, scores);
    /// }
    ///
    /// # fn main() -> Result<(), Error> {
    /// let mut rng = Rng::new(1);
    /// let mut net = TwoTowers {
    ///     image: BinaryLinear::new(64, 8, &mut rng)?,
    ///     row: BinaryLinear::new(5, 3, &mut rng)?,
    ///     scores: Linear::new(11, 2, &mut rng)?,
    /// };
    /// let tape = Tape::new();
    /// let image = tape.constant(Tensor::full(0.5, &[1, 64])?);
    /// let row = tape.constant(Tensor::full(0.5, &[1, 5])?);
    /// assert_eq!(net.forward_many(&[&image, &row])?.shape(), [1, 2]);
    /// let error = net.forward(&image).unwrap_err();
    /// assert_eq!(error.to_string(), "inputs of TwoTowers: expected 2, found 1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Count`] for another number of inputs; those of [`Module::forward`].
    fn forward_many(&mut self, inputs: &[&Var<T>]) -> Result<Var<T>, Error> {
        match inputs {
            [x] => self.forward(x),
            _ => Err(Error::Count {
                what: "inputs of a module",
                expected: 1,
                found: inputs.len(),
            }),
        }
    }

    /// The kind of layer, for display; the type's name unless overridden.
    fn kind(&self) -> &'static str {
        let path = std::any::type_name::<Self>();
        let path = path.split('<').next().unwrap_or(path);
        path.rsplit("::").next().unwrap_or(path)
    }

    /// Describes what the layer computes in evaluation, for [`export`](crate::export::export): with
    /// the methods of [`Lowering`], or by lowering the layers that it consists of.
    ///
    /// # Errors
    /// [`ExportError::Layer`], with the layer's name, unless overridden; those of [`Lowering`].
    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        let mut parts = false;
        self.children(&mut |_, _| parts = true);
        Err(to.refusal(match parts {
            true => "it does not say in which order its layers follow (`Module::lower`)",
            false => "the runner of model files has no such layer",
        }))
    }

    /// Shows every child module with its name, always in the same order.
    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module<T>)) {
        let _ = visit;
    }

    /// Shows every child module, mutable, in the order of [`Module::children`].
    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module<T>)) {
        let _ = visit;
    }

    /// Shows every parameter with its dotted name, always in the same order.
    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        self.children(&mut |child, module| {
            module.params(&mut |name, param| visit(&format!("{child}.{name}"), param));
        });
    }

    /// Shows every parameter, mutable, in the order of [`Module::params`].
    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        self.children_mut(&mut |child, module| {
            module.params_mut(&mut |name, param| visit(&format!("{child}.{name}"), param));
        });
    }

    /// Shows every buffer with its dotted name, always in the same order.
    fn buffers(&self, visit: &mut dyn FnMut(&str, &Tensor<T>)) {
        self.children(&mut |child, module| {
            module.buffers(&mut |name, buffer| visit(&format!("{child}.{name}"), buffer));
        });
    }

    /// Shows every buffer, mutable, in the order of [`Module::buffers`]. Its shape must not change.
    fn buffers_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Tensor<T>)) {
        self.children_mut(&mut |child, module| {
            module.buffers_mut(&mut |name, buffer| visit(&format!("{child}.{name}"), buffer));
        });
    }

    /// Switches between training (`true`, the initial mode) and evaluation.
    fn set_training(&mut self, training: bool) {
        self.children_mut(&mut |_, module| module.set_training(training));
    }

    /// Whether this layer itself, apart from its children, is in training mode; `None` if it
    /// computes the same in both modes. A layer that overrides [`Module::set_training`] overrides
    /// this too.
    fn is_training(&self) -> Option<bool> {
        None
    }

    /// Forgets the gradients of all parameters.
    fn zero_grad(&mut self) {
        self.params_mut(&mut |_, param| param.clear_grad());
    }
}

/// Implements [`Module::children`] and [`Module::children_mut`] of a struct, given the fields that
/// are modules, in an `impl Module for ..` of `f32`; see [`Module`].
#[macro_export]
macro_rules! children {
    ($($field:ident),+ $(,)?) => {
        fn children(&self, visit: &mut dyn FnMut(&str, &dyn $crate::nn::Module)) {
            $(visit(stringify!($field), &self.$field);)+
        }

        fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn $crate::nn::Module)) {
            $(visit(stringify!($field), &mut self.$field);)+
        }
    };
}
