//! The binary linear layer: a handle with packed weights, its forward pass and its gradients.

pub mod new;
pub mod run;

use bnn_core::{BitMatrix, PackedWeights};

/// A binary linear layer: packed weights, a scale and a bias. It never changes, and any number of
/// threads may use it at once. Needs a build with `std`.
#[derive(Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_linear_t {
    /// `[n, k]`, as rows, for the backward pass.
    pub(crate) bits: BitMatrix,
    /// The same as the kernel wants it.
    pub(crate) packed: PackedWeights,
    /// `[n]` each.
    pub(crate) scale: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) clip: f32,
}
