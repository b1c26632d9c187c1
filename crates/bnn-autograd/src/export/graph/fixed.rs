//! Fixed-point numbers in a graph.

use bnn_core::model::graph::{NodeEpilogue, Numbers, Operation, Slopes, Values};

use super::TensorElements;
use crate::export::operations::Role;
use crate::export::{ExportError, Lowering};
use crate::ops::{FixedAffine, FixedRprelu};
use crate::real::Real;
use crate::tensor::Tensor;

impl Lowering {
    /// Rounding to fixed-point numbers: [`FixedPoint`](crate::nn::FixedPoint).
    ///
    /// # Errors
    /// [`ExportError::Layer`] where the values at hand are no fixed-point numbers with this
    /// exponent, no sum or mean of such, and no sums of a product of integers.
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
            _ => self.round_sums(exponent)?,
        }
        self.operations.account(Role::Round);
        Ok(())
    }

    /// Makes the integer sums of the product at hand fixed-point numbers.
    fn round_sums(&mut self, exponent: i8) -> Result<(), ExportError> {
        // `v 2^exponent` is a product with a power of two, or a division by one.
        let Some(factor) = 2_i32.checked_pow(exponent.max(0).unsigned_abs().into()) else {
            return Err(self.refusal(format!("it multiplies sums by 2^{exponent}")));
        };
        let channels = self.nodes().shape().map_or(0, |[.., channels]| channels);
        let step = FixedAffine {
            factor: vec![factor; channels],
            bias: vec![0; channels],
            shift: exponent.min(0).unsigned_abs(),
            exponent,
        };
        match self.end_product(step) {
            None => Ok(()),
            Some(_) => {
                let why = "it rounds what is no fixed-point number; begin with `FixedNorm` after a product";
                Err(self.refusal(why))
            }
        }
    }

    /// Makes a step the end of the product at hand, if there is a bare one; else gives it back.
    fn end_product(&mut self, step: FixedAffine) -> Option<FixedAffine> {
        let graph = self.nodes();
        let bare = std::mem::take(&mut graph.bare);
        let last = graph.nodes.last_mut().filter(|_| bare);
        match last.map(|node| (&mut node.values, &mut node.operation)) {
            Some((values, Operation::Product { epilogue, .. })) => {
                *values = Values::Fixed {
                    exponent: step.exponent,
                };
                *epilogue = fixed_step(step);
                None
            }
            _ => Some(step),
        }
    }

    /// Batch normalisation in integers: [`FixedNorm`](crate::nn::FixedNorm). `affine` is the scale
    /// and the bias that the step comes near to.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where it does not follow integers, of a product or of 16 bits;
    /// [`ExportError::NotFinite`].
    pub(crate) fn fixed_affine<T: Real>(
        &mut self,
        affine: [&[T]; 2],
        step: FixedAffine,
    ) -> Result<(), ExportError> {
        self.is_graph()?;
        self.check_finite("scale of output", affine[0])?;
        self.check_finite("bias of output", affine[1])?;
        self.flatten_now()?;
        let shape = self.columns(step.factor.len())?;
        if let Some(step) = self.end_product(step) {
            if self.settled()? != TensorElements::Fixed(0) {
                let why = "it does not follow a product of integers, or fixed-point numbers of the exponent 0";
                return Err(self.refusal(why));
            }
            let values = Values::Fixed {
                exponent: step.exponent,
            };
            self.step_node(Operation::Affine(fixed_step(step)), values, shape);
        }
        self.operations.account(Role::Affine);
        Ok(())
    }

    /// [`FixedPReLU`](crate::nn::FixedPReLU): slopes of fixed-point numbers.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where the values at hand are no fixed-point numbers with this
    /// exponent; [`ExportError::NotFinite`].
    pub(crate) fn fixed_prelu<T: Real>(
        &mut self,
        slope: &Tensor<T>,
        exponent: i8,
    ) -> Result<(), ExportError> {
        self.rectified([slope; 3], exponent, |numbers| {
            Operation::Prelu(fixed_slopes(numbers.slope))
        })
    }

    /// [`FixedRPReLU`](crate::nn::FixedRPReLU): shifts before, slopes and shifts after of
    /// fixed-point numbers.
    ///
    /// # Errors
    /// Those of [`Lowering::fixed_prelu`].
    pub(crate) fn fixed_rprelu<T: Real>(
        &mut self,
        numbers: [&Tensor<T>; 3],
        exponent: i8,
    ) -> Result<(), ExportError> {
        self.rectified(numbers, exponent, |numbers| Operation::Rprelu {
            before: Numbers::Fixed(numbers.before),
            slope: fixed_slopes(numbers.slope),
            after: Numbers::Fixed(numbers.after),
        })
    }

    fn rectified<T: Real>(
        &mut self,
        numbers: [&Tensor<T>; 3],
        exponent: i8,
        operation: impl FnOnce(FixedRprelu) -> Operation,
    ) -> Result<(), ExportError> {
        self.is_graph()?;
        self.flatten_now()?;
        let mut shape = [0; 3];
        for numbers in numbers {
            self.check_finite("slope or shift of output", numbers.data())?;
            shape = self.columns(numbers.numel())?;
        }
        self.takes_exponent(Some(exponent))?;
        let integers = FixedRprelu::nearest(numbers, exponent);
        self.step_node(operation(integers), Values::Fixed { exponent }, shape);
        self.operations.account(Role::Rectify);
        Ok(())
    }
}

pub(super) fn fixed_step(step: FixedAffine) -> NodeEpilogue {
    NodeEpilogue::Fixed {
        factor: step.factor,
        bias: step.bias,
        shift: step.shift,
    }
}

fn fixed_slopes(slope: Vec<i32>) -> Slopes {
    Slopes::Fixed {
        slope,
        shift: FixedRprelu::SHIFT,
    }
}
