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
        /// The kind of the layer.
        kind: &'static str,
        /// The reason why the layer cannot be exported.
        reason: String,
    },
    /// The forward pass applies an operation that no layer has described in
    /// [`Module::lower`](crate::nn::Module::lower).
    #[error(
        "the forward pass of the model applies `{operation}`{}, which no layer accounts for in `Module::lower`",
        again(*accounted)
    )]
    Operation {
        /// The operation's name on the tape.
        operation: &'static str,
        /// How many operations of its kind the layers account for.
        accounted: usize,
    },
    /// The output of the model does not come from its input by operations that the tape has
    /// recorded.
    #[error(
        "the output of the model is not connected with its input on the tape (`detach`, `no_grad`), so that its operations are unknown"
    )]
    Untraced,
    /// A number of a layer is not finite: training has diverged.
    #[error(
        "{}: {what} {index} is {value}, expected a finite number",
        place(layer)
    )]
    NotFinite {
        /// The layer's dotted name.
        layer: String,
        /// What the number is: a weight, a scale, a bias, ..
        what: &'static str,
        /// The index of the number.
        index: usize,
        /// The number's value.
        value: f64,
    },
    /// The scores come from several affine steps, and the one step of a model file rounds
    /// otherwise.
    #[error(
        "{} ({kind}) cannot be exported exactly: the scores pass {steps} affine steps after the last product, and the one scale and bias of a model file differ from them by up to {found:e} of the largest score (output {output}), expected at most {tolerance:e}; leave only one of the steps, or allow a tolerance",
        place(layer)
    )]
    Rounding {
        /// The dotted name of the layer that is the last of the steps.
        layer: String,
        /// The kind of the layer.
        kind: &'static str,
        /// The number of steps.
        steps: usize,
        /// The output with the largest difference.
        output: usize,
        /// The largest difference, as a share of the largest score that this output can have.
        found: f64,
        /// The largest difference allowed.
        tolerance: f64,
    },
    /// A sample to compare with is none that the model takes.
    #[error("sample {sample}, input {input} is {value}, expected {expected}")]
    Sample {
        /// The index of the sample.
        sample: usize,
        /// The index of the input in the sample.
        input: usize,
        /// The input's value.
        value: f32,
        /// The values that the input type takes.
        expected: String,
    },
    /// The file computes otherwise than the model: what `lower` says is not what `forward` does.
    #[error(
        "the file computes otherwise than the model: output {output} of sample {sample} is {file} by the file and {model} by the model, and {differing} of {outputs} outputs differ; `Module::lower` of a layer does not describe its `forward`"
    )]
    Differs {
        /// The first sample with a difference.
        sample: usize,
        /// The first of its outputs with a difference.
        output: usize,
        /// The model's output.
        model: f32,
        /// The file's output.
        file: f32,
        /// How many outputs of all samples differ.
        differing: usize,
        /// The number of outputs of all samples.
        outputs: usize,
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

fn again(accounted: usize) -> String {
    match accounted {
        0 => String::new(),
        n => format!(" after {n} operations of this kind"),
    }
}
