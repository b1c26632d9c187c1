//! Flattening as a layer.

use super::Module;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::tape::Var;

/// `[b, ..]` as `[b, n]`, as needed before a linear layer; see [`ops::flatten`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Flatten;

impl<T: Real> Module<T> for Flatten {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        ops::flatten(x)
    }

    /// The elements of a sample stay in their order.
    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.flatten();
        Ok(())
    }
}
