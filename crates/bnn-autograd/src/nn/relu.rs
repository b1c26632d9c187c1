//! The rectifier as a layer.

use super::Module;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::tape::Var;

/// `max(x, 0)`, elementwise. See [`ops::relu`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ReLU;

impl<T: Real> Module<T> for ReLU {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        ops::relu(x)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.relu()
    }
}
