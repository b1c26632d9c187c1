//! What an import gives.

/// A network as a model file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Imported {
    /// The bytes of the model file.
    pub file: Vec<u8>,
    /// What the format of the network was.
    pub format: &'static str,
    /// How the model was compared with the network.
    pub comparison: Comparison,
    /// What a user of the model must know, a line for each fact.
    pub notes: Vec<String>,
}

/// How a model was compared with the network that it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Comparison {
    /// On samples of random bytes or bits. Up to one in sixteen may have other scores, where a sum
    /// of floats lies within its rounding of a threshold.
    Samples {
        /// Samples that were run.
        samples: usize,
        /// Samples with equal scores, up to the rounding of `f32`.
        equal: usize,
    },
    /// With the definition over integers, on samples of random bytes: every score is equal.
    Exact {
        /// Samples that were run.
        samples: usize,
    },
}
