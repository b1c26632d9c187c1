//! From a trained network to a model file that runs on bits, with the very same results.
//!
//! [`export`] asks the network what it computes, layer by layer ([`Module::lower`]), and puts
//! products of signs together with what follows them. Affine steps (batch normalisation, biases,
//! scales) and the sign of the next layer become one integer comparison, found by searching the
//! least sum for which the very `f32` expression of evaluation is not negative. The affine step at
//! the end of a network stays what evaluation computes.
//!
//! A network that is no such chain, because numbers run past its products, becomes a graph
//! (`graph`), node by node, each of which computes in exactly the roundings of evaluation.
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
mod graph;
mod images;
mod lowering;
mod nodes;
mod operations;
mod product;
mod rows;

pub use config::ExportConfig;
pub use error::ExportError;
pub use graph::Branch;
pub(crate) use graph::MOST_TAPS;
pub use lowering::Lowering;

use crate::nn::Module;
use compare::{Samples, compare};
use lowering::Lowered;

/// The bytes of a model file that computes what `model` does in evaluation, whatever mode it is in:
/// its hidden bits and its outputs equal those of the tape, bit for bit. `config` is the type of
/// the samples, or an [`ExportConfig`] that says more. File and model are compared on samples,
/// random ones or yours. The modes of the model and its buffers are afterwards as before.
///
/// A chain of products of signs becomes a file of version 1, in which layers hand bits to each
/// other. It consists of
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
/// that implement [`Module::lower`].
///
/// A network in which real numbers run beside the bits becomes a graph, a file of version 2. It may
/// have, besides,
/// - shortcuts: [`Residual`](crate::nn::Residual), and in a `lower` of your own
///   [`Lowering::branch`], [`Lowering::add`] and [`Lowering::concat`];
/// - [`ReLU`](crate::nn::ReLU), [`PReLU`](crate::nn::PReLU), [`RPReLU`](crate::nn::RPReLU);
///   affine steps, clips and pools of numbers, also means
///   ([`AvgPool2d`](crate::nn::AvgPool2d), [`GlobalAvgPool`](crate::nn::GlobalAvgPool));
/// - weights of 8 bits: [`Int8Conv2d`](crate::nn::Int8Conv2d) as the first layer, and
///   [`Int8Linear`](crate::nn::Int8Linear);
/// - float weights, for hosts: [`Linear`](crate::nn::Linear) and [`Conv2d`](crate::nn::Conv2d),
///   depthwise ones too.
///
/// Neither holds attention or embeddings.
///
/// The file gives out real scores after a last affine step, integer sums after a last product,
/// integers that stand for multiples of a power of two after [`Int8Linear`](crate::nn::Int8Linear)
/// with a [`scores_exponent`](crate::nn::Int8Linear::scores_exponent), bits after a last sign. A
/// network that takes images says of what size they are, as [`Cnn`](crate::models::Cnn) does by
/// [`Lowering::image`], or [`ExportConfig::image`] does.
///
/// ```
/// use bnn_autograd::Rng;
/// use bnn_autograd::export::export;
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Sequential, SignWeightLinear};
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
/// let mut twice = net.then(SignWeightLinear::new(10, 2, &mut rng)?);
/// let refused = export(&mut twice, InputType::Unsigned { depth: 8 }).unwrap_err();
/// let text = refused.to_string();
/// assert!(text.starts_with("layer `4` (SignWeightLinear) cannot be exported: it multiplies numbers"));
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
    let (lowering, lowered) = lowered(model, &config)?;
    let samples = match config.samples {
        Some(samples) => Samples::given(config.input, samples, &lowered.file)?,
        None => Samples::random(config.input, lowering.image, &lowered.file)?,
    };
    compare(model, &lowered, &lowering.operations, &samples)?;
    Ok(lowered.file)
}

/// The network as a chain of layers or, if it is none, as a graph.
fn lowered(
    model: &dyn Module,
    config: &ExportConfig<'_>,
) -> Result<(Lowering, Lowered), ExportError> {
    let mut chain = Lowering::new(model.kind(), config.input)?;
    let begin = |lowering: &mut Lowering| {
        lowering.set_meta(config.meta.to_owned());
        lowering.set_tolerance(config.tolerance)?;
        match config.image {
            Some(image) => lowering.image(image),
            None => Ok(()),
        }
    };
    begin(&mut chain)?;
    let refused = match model.lower(&mut chain).and_then(|()| chain.lowered()) {
        Ok(made) => return Ok((chain, made)),
        Err(refused) => refused,
    };
    let mut graph = Lowering::new(model.kind(), config.input)?.into_graph();
    begin(&mut graph)?;
    let made = model.lower(&mut graph);
    let made = made.and_then(|()| graph.lowered_graph());
    match graph.has_graph_steps {
        true => Ok((graph, made?)),
        // A chain, and what is wrong with it is better told of a chain.
        false => Err(refused),
    }
}

#[cfg(test)]
mod laws;
