//! From a trained network to a model file that runs on bits, with the very same results.
//!
//! [`export`] asks the network what it computes, layer by layer ([`Module::lower`]), and puts
//! products of signs together with what follows them. Affine steps (batch normalisation, biases,
//! scales) and the sign of the next layer become one integer comparison, found by searching the
//! least sum for which the very `f32` expression of evaluation is not negative. The affine step at
//! the end of a network stays what evaluation computes.
//!
//! What a network says in `lower` is not trusted: before a file is returned, the network runs its
//! traced forward pass, whose operations have to be accounted for, and file and network are
//! compared on samples.

mod affine;
mod bytes;
mod chain;
mod compare;
mod config;
mod error;
mod fold;
mod images;
mod lowering;
mod operations;
mod product;

pub use config::ExportConfig;
pub use error::ExportError;
pub use lowering::Lowering;

use crate::nn::Module;
use compare::{Samples, compare};

/// The bytes of a model file that computes what `model` does in evaluation, whatever mode it is in:
/// its hidden bits and its outputs equal those of the tape, bit for bit. `config` is the type of
/// the samples, or an [`ExportConfig`] that says more. File and model are compared on samples,
/// random ones or yours. The modes of the model and its buffers are afterwards as before.
///
/// It can export what consists of
/// - products of signs: [`BinaryLinear`](crate::nn::BinaryLinear),
///   [`BinaryConv2d`](crate::nn::BinaryConv2d), and as the first one
///   [`SignWeightLinear`](crate::nn::SignWeightLinear) or
///   [`SignWeightConv2d`](crate::nn::SignWeightConv2d), or one after
///   [`InputThresholds`](crate::nn::InputThresholds) or [`RSign`](crate::nn::RSign) for
///   [`InputType::Thresholds`](bnn_core::model::InputType::Thresholds);
/// - affine steps after a product: [`BatchNorm`](crate::nn::BatchNorm),
///   [`ChannelScale`](crate::nn::ChannelScale), the scales of
///   [`BinaryLinear::scaled_signs`](crate::nn::BinaryLinear::scaled_signs), several of them one
///   after another; at the end of a network only one, unless a tolerance is allowed;
/// - [`HardTanh`](crate::nn::HardTanh) before a sign, [`RSign`](crate::nn::RSign),
///   [`MaxPool2d`](crate::nn::MaxPool2d), [`Flatten`](crate::nn::Flatten),
///   [`Dropout`](crate::nn::Dropout);
///
/// one after another, in [`Sequential`](crate::nn::Sequential)s nested as you like and in modules
/// that implement [`Module::lower`]. It cannot export layers with float weights
/// ([`Linear`](crate::nn::Linear), [`Conv2d`](crate::nn::Conv2d)), shortcuts
/// ([`Residual`](crate::nn::Residual)) or averages ([`AvgPool2d`](crate::nn::AvgPool2d)).
///
/// The file gives out real scores after a last affine step, integer sums after a last product, bits
/// after a last sign. A network that takes images says of what size they are, as
/// [`Cnn`](crate::models::Cnn) does by [`Lowering::image`], or [`ExportConfig::image`] does.
///
/// ```
/// use bnn_autograd::Rng;
/// use bnn_autograd::export::export;
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Linear, Sequential, SignWeightLinear};
/// use bnn_core::model::InputType;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut rng = Rng::new(1);
/// let mut net = Sequential::new()
///     .then(SignWeightLinear::new(64, 128, &mut rng)?)
///     .then(BatchNorm::new(128)?)
///     .then(BinaryLinear::new(128, 10, &mut rng)?)
///     .then(BatchNorm::new(10)?);
/// let file = export(&mut net, InputType::Unsigned { depth: 8 })?;
/// # assert!(file.len() < 4000);
///
/// let mut float = net.then(Linear::new(10, 2, &mut rng)?);
/// let refused = export(&mut float, InputType::Bits).unwrap_err();
/// assert!(refused.to_string().starts_with("layer `4` (Linear) cannot be exported: its weights are"));
/// # Ok(())
/// # }
/// ```
///
/// Images:
/// ```
/// use bnn_autograd::Rng;
/// use bnn_autograd::export::{ExportConfig, export};
/// use bnn_autograd::nn::{
///     BatchNorm, BinaryConv2d, BinaryLinear, Flatten, MaxPool2d, Sequential, SignWeightConv2d,
/// };
/// use bnn_autograd::ops::{ConvOptions, Padding};
/// use bnn_core::model::InputType;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rng = &mut Rng::new(1);
/// let same = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
/// let mut net = Sequential::new()
///     .then(SignWeightConv2d::new(1, 16, [3, 3], same, rng)?)
///     .then(MaxPool2d::new([2, 2]))
///     .then(BatchNorm::new(16)?)
///     .then(BinaryConv2d::new(16, 32, [3, 3], same, rng)?)
///     .then(BatchNorm::new(32)?)
///     .then(Flatten)
///     .then(BinaryLinear::new(4 * 4 * 32, 10, rng)?)
///     .then(BatchNorm::new(10)?);
/// let input = InputType::Unsigned { depth: 4 };
/// let config = ExportConfig { image: Some([8, 8, 1]), ..input.into() };
/// let file = export(&mut net, config)?;
/// # assert!(!file.is_empty());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ExportError::Layer`], which names the layer that a model file cannot hold;
/// [`ExportError::Operation`], [`ExportError::Untraced`] and [`ExportError::Differs`] where a
/// module's `lower` does not describe its `forward`; [`ExportError::Rounding`] for real scores
/// after several affine steps; [`ExportError::NotFinite`] for a network that diverged;
/// [`ExportError::Sample`] for a given sample that is not of the input type;
/// [`ExportError::Network`] for bits per input outside 1 to 8, a tolerance outside 0 to 1, and
/// samples that the network does not take.
pub fn export<'a>(
    model: &mut dyn Module,
    config: impl Into<ExportConfig<'a>>,
) -> Result<Vec<u8>, ExportError> {
    let config = config.into();
    let mut lowering = Lowering::new(model.kind(), config.input)?;
    lowering.set_meta(config.meta);
    lowering.set_tolerance(config.tolerance)?;
    if let Some(image) = config.image {
        lowering.image(image)?;
    }
    model.lower(&mut lowering)?;
    let lowered = lowering.lowered()?;
    let samples = match config.samples {
        Some(samples) => Samples::given(config.input, samples, &lowered.file)?,
        None => Samples::random(config.input, lowering.image, &lowered.file)?,
    };
    compare(model, &lowered, &lowering.operations, &samples)?;
    Ok(lowered.file)
}

#[cfg(test)]
mod laws;
