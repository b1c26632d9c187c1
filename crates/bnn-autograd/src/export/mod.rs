//! From a trained network to a model file that runs on bits, with the very same results.
//!
//! [`export`] asks the network what it computes, layer by layer ([`Module::lower`]), and puts products
//! of signs together with what follows them: batch normalisation and the sign of the next layer become
//! one integer comparison ([`Threshold::fold`]); the last batch normalisation stays as the affine map
//! that evaluation computes anyway.

mod bytes;
mod chain;
mod error;
mod fold;
mod images;
mod lowering;
mod product;

pub use error::ExportError;
pub use fold::Threshold;
pub use lowering::Lowering;

use bnn_core::model::InputType;

use crate::nn::Module;

/// The bytes of a model file that computes what `model` does in evaluation, whatever mode it is in: its
/// hidden bits and its outputs are equal, bit for bit, to those of the tape, for samples of the type
/// `input`: -1 and +1, integers from 0, or bytes that become bits by thresholds. `meta` is text kept in the file.
///
/// It can export what consists of [`SignWeightLinear`](crate::nn::SignWeightLinear) or
/// [`SignWeightConv2d`](crate::nn::SignWeightConv2d) (first), [`BinaryLinear`](crate::nn::BinaryLinear),
/// [`BinaryConv2d`](crate::nn::BinaryConv2d), [`MaxPool2d`](crate::nn::MaxPool2d),
/// [`Flatten`](crate::nn::Flatten), [`BatchNorm`](crate::nn::BatchNorm) and
/// [`HardTanh`](crate::nn::HardTanh) one after another, behind an [`InputThresholds`](crate::nn::InputThresholds) or
/// [`RSign`](crate::nn::RSign) for [`InputType::Thresholds`], in [`Sequential`](crate::nn::Sequential)s nested
/// as you like and in modules that implement [`Module::lower`]. The file gives out real scores behind a
/// last batch normalisation, integer sums behind a last product, bits behind a last sign. A network that
/// takes images says of what size they are, as [`Cnn`](crate::models::Cnn) does by [`Lowering::image`], or
/// is exported by [`export_images`].
///
/// ```
/// use bnn_autograd::export::export;
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Linear, Sequential, SignWeightLinear};
/// use bnn_autograd::Rng;
/// use bnn_core::model::InputType;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut rng = Rng::new(1);
/// let net = Sequential::new()
///     .then(SignWeightLinear::new(64, 128, &mut rng)?)
///     .then(BatchNorm::new(128)?)
///     .then(BinaryLinear::new(128, 10, &mut rng)?)
///     .then(BatchNorm::new(10)?);
/// let file = export(&net, InputType::Unsigned { depth: 8 }, "name=example\n")?;
/// # assert!(file.len() < 4000);
///
/// let refused = export(&net.then(Linear::new(10, 2, &mut rng)?), InputType::Bits, "").unwrap_err();
/// assert!(refused.to_string().starts_with("layer `4` (Linear) cannot be exported: its weights are"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ExportError::Layer`], which names the layer that a model file cannot hold;
/// [`ExportError::NotFinite`] for a network that diverged; [`ExportError::Network`] for bits per input
/// outside 1 to 8.
pub fn export(model: &dyn Module, input: InputType, meta: &str) -> Result<Vec<u8>, ExportError> {
    let mut lowering = Lowering::new(model.kind(), input, meta)?;
    model.lower(&mut lowering)?;
    lowering.finish()
}

/// As [`export`], of a network whose samples are images `[height, width, channels]`.
///
/// ```
/// use bnn_autograd::Rng;
/// use bnn_autograd::export::export_images;
/// use bnn_autograd::nn::{
///     BatchNorm, BinaryConv2d, BinaryLinear, Flatten, MaxPool2d, Sequential, SignWeightConv2d,
/// };
/// use bnn_autograd::ops::{ConvOptions, Padding};
/// use bnn_core::model::InputType;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rng = &mut Rng::new(1);
/// let same = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
/// let net = Sequential::new()
///     .then(SignWeightConv2d::new(1, 16, [3, 3], same, rng)?)
///     .then(MaxPool2d::new([2, 2]))
///     .then(BatchNorm::new(16)?)
///     .then(BinaryConv2d::new(16, 32, [3, 3], same, rng)?)
///     .then(BatchNorm::new(32)?)
///     .then(Flatten)
///     .then(BinaryLinear::new(4 * 4 * 32, 10, rng)?)
///     .then(BatchNorm::new(10)?);
/// let file = export_images(&net, [8, 8, 1], InputType::Unsigned { depth: 4 }, "")?;
/// # assert!(!file.is_empty());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`export`].
pub fn export_images(
    model: &dyn Module,
    image: [usize; 3],
    input: InputType,
    meta: &str,
) -> Result<Vec<u8>, ExportError> {
    let mut lowering = Lowering::new(model.kind(), input, meta)?;
    lowering.image(image)?;
    model.lower(&mut lowering)?;
    lowering.finish()
}

#[cfg(test)]
mod laws;
