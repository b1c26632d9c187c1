//! Fixed-point numbers in a graph.

use bnn_core::model::graph::{NodeEpilogue, Operation, Values};

use super::TensorElements;
use crate::export::operations::Role;
use crate::export::{ExportError, Lowering};
use crate::ops::FixedAffine;
use crate::real::Real;

impl Lowering {
    /// Rounding to fixed-point numbers: [`FixedPoint`](crate::nn::FixedPoint).
    ///
    /// # Errors
    /// [`ExportError::Layer`] where the values at hand are no fixed-point numbers, or no sum or
    /// mean of such, with this exponent.
    pub(crate) fn fixed_point(&mut self, exponent: i8) -> Result<(), ExportError> {
        self.is_graph()?;
        match self.elements() {
            // The file has rounded them where it made them.
            TensorElements::Fixed(found) if found == exponent => self.nodes().unrounded = false,
            TensorElements::Fixed(found) => {
                return Err(self.refusal(format!(
                    "it rounds to the exponent {exponent}, and what it takes has {found}"
                )));
            }
            _ => {
                let why = "it rounds what is no fixed-point number; begin with `FixedNorm` after a product";
                return Err(self.refusal(why));
            }
        }
        self.operations.account(Role::Round);
        Ok(())
    }

    /// Batch normalisation in integers: [`FixedNorm`](crate::nn::FixedNorm). `affine` is the scale
    /// and the bias that the step comes near to.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where it does not follow a product of integers;
    /// [`ExportError::NotFinite`].
    pub(crate) fn fixed_affine<T: Real>(
        &mut self,
        affine: [&[T]; 2],
        step: FixedAffine,
    ) -> Result<(), ExportError> {
        self.is_graph()?;
        self.check_finite("scale of output", affine[0])?;
        self.check_finite("bias of output", affine[1])?;
        self.columns(step.factor.len())?;
        let graph = self.nodes();
        let bare = std::mem::take(&mut graph.bare);
        let last = graph.nodes.last_mut().filter(|_| bare);
        let Some((values, epilogue)) = last.and_then(|node| match &mut node.operation {
            Operation::Product { epilogue, .. } => Some((&mut node.values, epilogue)),
            _ => None,
        }) else {
            return Err(self.refusal("it does not follow a product of integers"));
        };
        *epilogue = NodeEpilogue::Fixed {
            factor: step.factor,
            bias: step.bias,
            shift: step.shift,
        };
        *values = Values::Fixed {
            exponent: step.exponent,
        };
        self.operations.account(Role::Affine);
        Ok(())
    }
}
