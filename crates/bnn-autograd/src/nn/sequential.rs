//! Layers one after another.

use std::fmt;

use super::Module;
use super::outline::outline;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::real::Real;
use crate::tape::Var;

/// Layers applied in order. A layer's name is its position (`0.weight`, `1.gamma`, ...), or the one
/// it was given.
///
/// ```
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Module, Sequential};
/// use bnn_autograd::{Error, Rng};
///
/// # fn main() -> Result<(), Error> {
/// let mut rng = Rng::new(1);
/// let net = Sequential::new()
///     .named("fc1", BinaryLinear::new(8, 4, &mut rng)?)
///     .then(BatchNorm::new(4)?);
/// let text = "Sequential(
///   fc1: BinaryLinear(weight [4, 8])
///   1: BatchNorm(gamma [4], beta [4])
/// )";
/// assert_eq!(net.to_string(), text);
/// # Ok(())
/// # }
/// ```
pub struct Sequential<T: Real = f32> {
    layers: Vec<(String, BoxedModule<T>)>,
}

type BoxedModule<T> = Box<dyn Module<T> + Send>;

impl Sequential {
    /// A network of `f32` without layers, which returns its input. Of another element type:
    /// `Sequential::<f64>::default()`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<T: Real> Sequential<T> {
    /// Adds a layer at the end.
    #[must_use]
    pub fn then(mut self, layer: impl Module<T> + Send + 'static) -> Self {
        self.push(layer);
        self
    }

    /// Adds a layer with a name at the end. Two layers of one name are an error for everything that
    /// identifies parameters by name, such as checkpoints.
    #[must_use]
    pub fn named(
        mut self,
        name: impl Into<String>,
        layer: impl Module<T> + Send + 'static,
    ) -> Self {
        self.layers.push((name.into(), Box::new(layer)));
        self
    }

    /// Adds a layer at the end.
    pub(crate) fn push(&mut self, layer: impl Module<T> + Send + 'static) {
        let name = self.layers.len().to_string();
        self.layers.push((name, Box::new(layer)));
    }
}

impl<T: Real> Module<T> for Sequential<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let mut layers = self.layers.iter_mut();
        layers.try_fold(x.clone(), |x, (name, layer)| {
            layer.forward(&x).map_err(|error| error.in_layer(name))
        })
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.in_order(self)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module<T>)) {
        for (name, layer) in &self.layers {
            visit(name, &**layer);
        }
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module<T>)) {
        for (name, layer) in &mut self.layers {
            visit(name, &mut **layer);
        }
    }
}

impl<T: Real> Default for Sequential<T> {
    fn default() -> Self {
        Self { layers: Vec::new() }
    }
}

impl<T: Real> fmt::Display for Sequential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        outline(self, f)
    }
}

impl<T: Real> fmt::Debug for Sequential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        outline(self, f)
    }
}
