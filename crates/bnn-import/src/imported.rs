//! The result of an import.

use std::path::PathBuf;

/// A network as a model file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Imported {
    /// The bytes of the model file.
    pub file: Vec<u8>,
    /// The format of the network.
    pub format: &'static str,
    /// The comparison of the model with the network.
    pub comparison: Comparison,
    /// The files that [`import`](crate::import()) read, which nobody should write over; empty where
    /// bytes were given.
    pub read: Vec<PathBuf>,
    /// The facts that a user of the model must know, a line each.
    pub notes: Vec<String>,
}

/// The comparison of a model with the network that it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Comparison {
    /// A comparison on samples of random bytes or bits. Up to one in sixteen may have other scores,
    /// because a sum of floats can lie within its rounding error of a threshold.
    Samples {
        /// Samples that were run.
        samples: usize,
        /// Samples with equal scores, up to the rounding of `f32`.
        equal: usize,
    },
    /// A comparison with the definition over integers, on samples of random bytes: every score is
    /// equal.
    Exact {
        /// Samples that were run.
        samples: usize,
    },
}
