//! From a trained network to a model file that runs on bits, with the very same results.
//!
//! [`export`] asks the network what it computes, layer by layer ([`Module::lower`]), and puts products
//! of signs together with what follows them: batch normalisation and the sign of the next layer become
//! one integer comparison ([`Threshold::fold`]); the last batch normalisation stays as the affine map
//! that evaluation computes anyway.

mod error;
mod fold;
mod lowering;
mod product;

pub use error::ExportError;
pub use fold::Threshold;
pub use lowering::Lowering;

use bnn_core::model::InputType;

use crate::nn::Module;

/// The bytes of a model file that computes what `model` does in evaluation, whatever mode it is in: its
/// hidden bits and its outputs are equal, bit for bit, to those of the tape, for samples of the type
/// `input`: -1 and +1, or integers from 0. `meta` is text kept in the file.
///
/// It can export what consists of [`SignWeightLinear`](crate::nn::SignWeightLinear) (first),
/// [`BinaryLinear`](crate::nn::BinaryLinear), [`BatchNorm`](crate::nn::BatchNorm) and
/// [`HardTanh`](crate::nn::HardTanh) one after another, in [`Sequential`](crate::nn::Sequential)s nested
/// as you like and in modules that implement [`Module::lower`]. The file gives out real scores behind a
/// last batch normalisation, integer sums behind a last product, bits behind a last sign.
///
/// ```
/// use bnn_autograd::export::export;
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Linear, Sequential, SignWeightLinear};
/// use bnn_autograd::{Rng, write_atomic};
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

#[cfg(test)]
mod export_laws;
