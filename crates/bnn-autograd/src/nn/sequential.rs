//! Layers one after another.

use std::fmt;

use super::Module;
use crate::error::Error;
use crate::real::Real;
use crate::tape::Var;

/// Layers applied in order; their names are their positions: `0.weight`, `1.gamma`, ...
pub struct Sequential<T: Real = f32> {
    layers: Vec<Box<dyn Module<T> + Send>>,
}

impl<T: Real> Sequential<T> {
    /// No layers: the identity.
    #[must_use]
    pub fn new() -> Self {
        Self { layers: Vec::new() }
    }

    /// The same with one more layer at the end.
    #[must_use]
    pub fn then(mut self, layer: impl Module<T> + Send + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }
}

impl<T: Real> Module<T> for Sequential<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        self.layers
            .iter_mut()
            .try_fold(x.clone(), |x, layer| layer.forward(&x))
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module<T>)) {
        for (i, layer) in self.layers.iter().enumerate() {
            visit(&i.to_string(), &**layer);
        }
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module<T>)) {
        for (i, layer) in self.layers.iter_mut().enumerate() {
            visit(&i.to_string(), &mut **layer);
        }
    }
}

impl<T: Real> Default for Sequential<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> fmt::Debug for Sequential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequential of {} layers", self.layers.len())
    }
}
