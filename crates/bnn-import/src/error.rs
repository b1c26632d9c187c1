//! Why a network is not imported.

use bnn_core::model::ModelError;

/// Why a network is not imported. Nothing was written then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file or a folder cannot be read.
    #[error("cannot read {name}")]
    Read {
        /// Its name.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// The bytes are not what their format asks for.
    #[error("{at}: expected {expected}, found {found}")]
    Format {
        /// The part of the file.
        at: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The network asks for more memory or work than the limits allow.
    #[error("{what}: more than the limit of {most}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        most: u64,
    },
    /// A node computes what a model file cannot hold.
    #[error("node {name} of the type {op}: {why}")]
    Node {
        /// The node's name, or that of its output.
        name: String,
        /// Its type.
        op: String,
        /// Why it cannot be brought over.
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
        /// Its value in the model.
        found: f32,
        /// Its value in the network.
        expected: f32,
        /// What may be the reason, or nothing.
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
