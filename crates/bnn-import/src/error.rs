//! Why a network is not imported.

use bnn_core::model::ModelError;

/// Why a network is not imported. Nothing was written then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file or a folder cannot be read.
    #[error("cannot read {name}")]
    Read {
        /// The name of the file or folder.
        name: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The bytes are not what their format asks for.
    #[error("{at}: expected {expected}, found {found}")]
    Format {
        /// The part of the file.
        at: String,
        /// The content that the format asks for.
        expected: String,
        /// The content that was found.
        found: String,
    },
    /// The network asks for more memory or work than the limits allow.
    #[error("{what}: more than the limit of {most}")]
    Limit {
        /// The memory or work that exceeds its limit.
        what: &'static str,
        /// The limit.
        most: u64,
    },
    /// The system does not have the memory.
    #[error("out of memory: {bytes} bytes")]
    Memory {
        /// What was asked for.
        bytes: u64,
    },
    /// A node computes what a model file cannot hold.
    #[error("node {name} of the type {op}: {why}")]
    Node {
        /// The node's name, or that of its output.
        name: String,
        /// The node's type.
        op: String,
        /// The reason why a model file cannot hold the node.
        why: String,
    },
    /// The layers do not fit the format.
    #[error("the network does not fit a model file")]
    Model(#[from] ModelError),
    /// The model does not compute what the network computes.
    #[error(
        "{different} of {samples} samples have other scores than the network's float \
         interpretation; the first is sample {first}: output {output} is {found}, expected \
         {expected}{hint}"
    )]
    Different {
        /// Samples with other scores.
        different: usize,
        /// Samples that were run.
        samples: usize,
        /// The first of them.
        first: usize,
        /// The output that differs most there.
        output: usize,
        /// The output's value in the model.
        found: f32,
        /// The output's value in the network.
        expected: f32,
        /// A possible reason, or an empty string.
        hint: &'static str,
    },
}

impl ImportError {
    pub(crate) fn format(
        at: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Format {
            at: at.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }
}

impl From<bnn_core::Error> for ImportError {
    fn from(error: bnn_core::Error) -> Self {
        Self::Model(error.into())
    }
}
