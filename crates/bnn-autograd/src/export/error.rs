//! Why a network cannot become a model file.

use bnn_core::model::ModelError;

use crate::error::Error;

/// Why a network cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A layer computes what the runner of model files does not, or not at this place.
    #[error("{} ({kind}) cannot be exported: {reason}", place(layer))]
    Layer {
        /// The layer's dotted name; empty for the model itself.
        layer: String,
        /// What kind of layer it is.
        kind: &'static str,
        /// Why.
        reason: String,
    },
    /// A batch normalisation holds a number that is not finite: training has diverged.
    #[error(
        "{}, output {output}: batch norm is {scale} * x + {bias}, expected finite numbers",
        place(layer)
    )]
    NotFinite {
        /// The dotted name of the batch normalisation.
        layer: String,
        /// Which of its outputs.
        output: usize,
        /// The factor.
        scale: f32,
        /// The summand.
        bias: f32,
    },
    /// The network is inconsistent.
    #[error(transparent)]
    Network(#[from] Error),
    /// The file could not be put together.
    #[error(transparent)]
    Model(#[from] ModelError),
}

fn place(layer: &str) -> String {
    match layer {
        "" => "the model".to_owned(),
        layer => format!("layer `{layer}`"),
    }
}
