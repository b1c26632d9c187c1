//! Layers over rows: products with latent weights, and what is taken of their numbers.

use super::affine::unbiased;
use super::graph::Over;
use super::operations::Role;
use super::product::Then;
use super::{ExportError, Lowering};
use crate::ops::row_scales;
use crate::real::Real;
use crate::tensor::Tensor;

impl Lowering {
    /// `sign(x) · sign(weight)^T` for latent weights `[n, k]`:
    /// [`ops::binary_linear`](crate::ops::binary_linear).
    ///
    /// # Errors
    /// [`ExportError::Layer`] where `x` is the unsigned input of the model, or has other than `k`
    /// columns; [`ExportError::NotFinite`].
    pub fn binary_linear<T: Real>(&mut self, weight: &Tensor<T>) -> Result<(), ExportError> {
        match self.graph {
            Some(_) => self.graph_binary(weight, Over::Rows)?,
            None => {
                self.check_signs()?;
                self.linear(weight)?;
            }
        }
        self.operations.account(Role::Product);
        Ok(())
    }

    /// [`Lowering::binary_linear`], each output multiplied by the mean of `|weight|` over its row:
    /// [`ops::scaled_binary_linear`](crate::ops::scaled_binary_linear).
    ///
    /// # Errors
    /// Those of [`Lowering::binary_linear`] and [`Lowering::affine`].
    pub(crate) fn scaled_binary_linear<T: Real>(
        &mut self,
        weight: &Tensor<T>,
    ) -> Result<(), ExportError> {
        let (_, k) = weight.matrix("weights of a linear operation")?;
        self.binary_linear(weight)?;
        self.push_affine(&unbiased(&row_scales(weight.data(), k)))
    }

    /// `x · sign(weight)^T` for latent weights `[n, k]`:
    /// [`ops::sign_weight_linear`](crate::ops::sign_weight_linear).
    ///
    /// # Errors
    /// [`ExportError::Layer`] where `x` is neither the numbers of the model's input nor signs,
    /// where it has other than `k` columns, or so many that sums could exceed 2^24, up to which
    /// `f32` is exact; [`ExportError::NotFinite`].
    pub fn sign_weight_linear<T: Real>(&mut self, weight: &Tensor<T>) -> Result<(), ExportError> {
        match self.graph {
            Some(_) => self.graph_signs(weight, Over::Rows)?,
            None => {
                self.check_numbers()?;
                self.linear(weight)?;
            }
        }
        self.operations.account(Role::Product);
        Ok(())
    }

    /// Clipping to [-1, 1], which changes no sign: it leaves no trace in a file where a layer that
    /// takes signs follows.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where it clips the unsigned input of the model, and at the end of the
    /// export where no sign was taken of what it gave out.
    pub(crate) fn hard_tanh(&mut self) -> Result<(), ExportError> {
        if self.graph.is_some() {
            self.graph_clip()?;
            self.operations.account(Role::Clip);
            return Ok(());
        }
        let begins_with_signs = self.begins_with_signs();
        let (layer, kind) = self.place();
        match &mut self.open {
            Some(product) if product.then == Then::Nothing => {
                product.then = Then::Clipped;
                let why = "no layer after it takes the signs of its numbers, and the runner of model files does not clip";
                self.clipped = Some((layer, kind, why));
            }
            None if !begins_with_signs => {
                return Err(self.refusal("it clips the input of the model"));
            }
            _ => {}
        }
        self.operations.account(Role::Clip);
        Ok(())
    }

    /// `sign(x)`, elementwise, with `sign(-0.0) = +1`.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where `x` is the unsigned input of the model.
    pub fn sign(&mut self) -> Result<(), ExportError> {
        if self.graph.is_some() {
            self.graph_sign()?;
            self.operations.account(Role::Sign);
            return Ok(());
        }
        let begins_with_signs = self.begins_with_signs();
        match &mut self.open {
            Some(product) => product.then = Then::Sign,
            None if begins_with_signs => {}
            None => return Err(self.refusal("unsigned inputs all have the sign +1")),
        }
        self.operations.account(Role::Sign);
        Ok(())
    }
}
