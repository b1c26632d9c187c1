//! Why a model is not written as ONNX.

use bnn_core::model::ModelError;

/// Why a model is not written as ONNX.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A node computes what neither a standard operator nor one of ours computes.
    #[error("node {index}, {operation}: {why}")]
    Node {
        /// The node's number in the graph; in a chain, the layer's number, from 1 on.
        index: usize,
        /// The name of its operation.
        operation: &'static str,
        /// The reason why it cannot be written.
        why: &'static str,
    },
    /// The file would be larger than ONNX allows.
    #[error("the file would have {bytes} bytes, expected less than 2^31")]
    TooLarge {
        /// The size that the file would have.
        bytes: usize,
    },
    /// The model cannot be read.
    #[error("the model cannot be read")]
    Model(#[from] ModelError),
}
