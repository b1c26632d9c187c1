//! Clipping to [-1, 1] as a layer.

use super::Module;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::tape::Var;

/// `max(-1, min(1, x))`, elementwise. See [`ops::hard_tanh`].
#[derive(Clone, Copy, Debug, Default)]
pub struct HardTanh;

impl<T: Real> Module<T> for HardTanh {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        ops::hard_tanh(x)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.hard_tanh()
    }
}
