//! Bytes that become bits by thresholds, and signs of shifted sums.

use bnn_core::model::{InputType, ModelWriter};

use super::lowering::SampleShape;
use super::operations::Role;
use super::product::Shape;
use super::{ExportError, Lowering};
use crate::ops::Affine;
use crate::real::Real;
use crate::tensor::Tensor;

impl Lowering {
    /// `sign(x + shift)` with a shift per channel. At the input of a model of
    /// [`InputType::Thresholds`] the shifts become thresholds of bytes, after a product thresholds
    /// of its sums.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where `x` is neither the bytes of a model of
    /// [`InputType::Thresholds`] nor the sums of a product, where it has another number of
    /// channels, or where no byte reaches a threshold (it would be above 255; one below 0 is as
    /// good as 0); [`ExportError::NotFinite`].
    pub(crate) fn shifted_sign<T: Real>(&mut self, shift: &Tensor<T>) -> Result<(), ExportError> {
        self.check_finite("shift", shift.data())?;
        if self.graph.is_some() {
            self.graph_shifted_sign(shift, threshold)?;
            self.operations.account(Role::Affine);
            self.operations.account(Role::Sign);
            return Ok(());
        }
        if self.open.is_some() {
            self.affine(&Affine {
                scale: vec![T::one(); shift.numel()],
                bias: shift.data().to_vec(),
            })?;
            return self.sign();
        }
        if self.input != InputType::Thresholds {
            let why = "it makes signs of the model's bytes: expected the input to be `InputType::Thresholds`";
            return Err(self.refusal(why));
        }
        if self.thresholds.is_some() {
            return Err(self.refusal("it shifts signs, which model files do not"));
        }
        let channels = match self.values {
            SampleShape::Row => shift.numel(), // the next product says how many there are
            SampleShape::Image([.., channels]) => channels,
            SampleShape::Flat(image) => image.iter().product(),
        };
        if shift.numel() != channels {
            let found = shift.numel();
            return Err(self.refusal(format!(
                "it has {found} channels, the input of the model {channels}"
            )));
        }
        let mut thresholds = Vec::with_capacity(channels);
        for (channel, &shift) in shift.data().iter().enumerate() {
            let threshold = threshold(shift).ok_or_else(|| {
                self.refusal(format!(
                    "channel {channel} is shifted by {shift}: no byte reaches its threshold, expected one of 0 to 255"
                ))
            })?;
            thresholds.push(threshold);
        }
        self.thresholds = Some(thresholds);
        self.operations.account(Role::Affine);
        self.operations.account(Role::Sign);
        Ok(())
    }

    /// Begins the file with the thresholds of the model's bytes, if there are any, for a first
    /// product of this shape with `k` inputs.
    pub(super) fn begin(&mut self, shape: &Shape, k: usize) -> Result<(), ExportError> {
        let Some(thresholds) = &self.thresholds else {
            return Ok(());
        };
        let (found, mut expected) = (thresholds.len(), k);
        if let Shape::Conv2d(conv) = shape {
            expected = conv.channels();
        }
        let of_pixels = match (shape, self.values) {
            // The image has been flattened: each pixel has the same thresholds.
            (Shape::Dense, SampleShape::Flat([.., channels])) => channels == found,
            _ => false,
        };
        if found != expected && !of_pixels {
            return Err(self.refusal(format!(
                "it takes {expected} channels, the thresholds before it are {found}"
            )));
        }
        let each: Vec<u8> = thresholds.iter().copied().cycle().take(expected).collect();
        self.writer = ModelWriter::with_thresholds(&each);
        Ok(())
    }
}

/// The least byte `x` with `x + shift >= 0` as the tape computes it, rounded. Every larger byte
/// fulfils that too, because rounding is monotone. `None` if no byte does.
fn threshold<T: Real>(shift: T) -> Option<u8> {
    (0..=u8::MAX).find(|&x| T::from_i32(x.into()) + shift >= T::zero())
}
