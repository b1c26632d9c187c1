//! Affine steps after a product.

use super::fold::{Chain, NO_BIAS};
use super::operations::Role;
use super::product::Then;
use super::{ExportError, Lowering};
use crate::ops::Affine;
use crate::real::Real;
use crate::tensor::Tensor;

impl Lowering {
    /// `scale * x + bias` per column, rounded after the product and after the sum: a batch
    /// normalisation in evaluation, a bias, a scale per channel. Model files compute in `f32`.
    ///
    /// Any number of such steps may follow a product. With a sign after them they become integer
    /// thresholds that are equal to the sign of this very computation for every sum. At the end of
    /// a model they become one scale and one bias, which is an error where it differs from the
    /// steps ([`ExportConfig::tolerance`](super::ExportConfig::tolerance)).
    ///
    /// # Errors
    /// [`ExportError::Layer`] where `x` is not what a product gave out, or has another number of
    /// columns; [`ExportError::NotFinite`].
    pub fn affine<T: Real>(&mut self, affine: &Affine<T>) -> Result<(), ExportError> {
        self.push_affine(affine)?;
        self.operations.account(Role::Affine);
        Ok(())
    }

    /// `scale * x` per column: [`ops::mul`](crate::ops::mul). Otherwise as
    /// [`Lowering::affine`].
    ///
    /// # Errors
    /// Those of [`Lowering::affine`].
    pub(crate) fn scale<T: Real>(&mut self, scale: &Tensor<T>) -> Result<(), ExportError> {
        self.affine(&unbiased(scale.data()))
    }

    /// Sets [`ExportConfig::tolerance`](super::ExportConfig::tolerance), 0 as built.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless it is from 0 to 1.
    pub(crate) fn set_tolerance(&mut self, tolerance: f64) -> Result<(), ExportError> {
        let inside = (0.0..=1.0).contains(&tolerance);
        crate::Error::check_range("tolerance of scores", "0 to 1", tolerance, inside)?;
        self.tolerance = tolerance;
        Ok(())
    }

    /// An affine step that no operation of its own stands for on the tape.
    pub(super) fn push_affine<T: Real>(&mut self, affine: &Affine<T>) -> Result<(), ExportError> {
        if self.graph.is_some() {
            return self.graph_affine(affine);
        }
        let step = Affine {
            scale: self.numbers("scale of output", &affine.scale)?,
            bias: self.numbers("bias of output", &affine.bias)?,
        };
        let Some(product) = self.open.as_ref().filter(|p| p.then == Then::Nothing) else {
            return Err(self.refusal(
                "it does not follow a product of signs, with other affine steps and pools in between at most",
            ));
        };
        let columns = product.weights.rows();
        if let Some(&odd) = [step.scale.len(), step.bias.len()]
            .iter()
            .find(|&&n| n != columns)
        {
            return Err(self.refuse_width(odd));
        }
        // Every step is monotone: what is finite for the extreme sums is so for all in between.
        for output in 0..columns {
            let steps = &product.steps;
            let ends = [-product.most, product.most];
            let ends = ends.map(|sum| Chain { steps, output }.at(sum.into()));
            if let Some(&value) = ends.iter().find(|value| !value.is_finite()) {
                return Err(self.not_finite("largest value of output", output, value.into()));
            }
        }
        let place = self.place();
        if let Some(product) = &mut self.open {
            product.steps.push(step);
        }
        self.last_affine = Some(place);
        Ok(())
    }

    /// Numbers as a model file holds them.
    pub(super) fn numbers<T: Real>(
        &self,
        what: &'static str,
        x: &[T],
    ) -> Result<Vec<f32>, ExportError> {
        let numbers: Vec<f32> = x.iter().map(|x| x.as_f64() as f32).collect();
        match numbers.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(self.not_finite(what, index, x[index].as_f64())),
            None => Ok(numbers),
        }
    }

    pub(super) fn not_finite(&self, what: &'static str, index: usize, value: f64) -> ExportError {
        let (layer, _) = self.place();
        ExportError::NotFinite {
            layer,
            what,
            index,
            value,
        }
    }

    /// Refuses weights of which one is not finite.
    pub(super) fn check_finite<T: Real>(
        &self,
        what: &'static str,
        x: &[T],
    ) -> Result<(), ExportError> {
        match x.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(self.not_finite(what, index, x[index].as_f64())),
            None => Ok(()),
        }
    }
}

/// A step that only multiplies.
pub(super) fn unbiased<T: Real>(scale: &[T]) -> Affine<T> {
    Affine {
        scale: scale.to_vec(),
        bias: vec![T::from_f64(NO_BIAS.into()); scale.len()],
    }
}
