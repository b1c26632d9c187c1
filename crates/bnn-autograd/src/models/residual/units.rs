//! Units that follow one another.

use super::unit::Unit;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::nn::Module;
use crate::tape::Var;

/// Some units of a network, with the numbers that they have there.
#[derive(Clone, Debug)]
pub(super) struct Units {
    /// The number of the first one.
    pub(super) first: usize,
    pub(super) units: Vec<Unit>,
}

impl Units {
    fn name(&self, i: usize) -> String {
        format!("unit.{}", self.first + i)
    }
}

impl Module for Units {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        let mut x = x.clone();
        for i in 0..self.units.len() {
            let name = self.name(i);
            x = self.units[i].forward(&x).map_err(|e| e.in_layer(&name))?;
        }
        Ok(x)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        for (i, unit) in self.units.iter().enumerate() {
            to.layer(&self.name(i), unit)?;
        }
        Ok(())
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        for (i, unit) in self.units.iter().enumerate() {
            visit(&self.name(i), unit);
        }
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module)) {
        let first = self.first;
        for (i, unit) in self.units.iter_mut().enumerate() {
            visit(&format!("unit.{}", first + i), unit);
        }
    }
}
