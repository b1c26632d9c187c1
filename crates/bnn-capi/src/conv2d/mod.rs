//! The binary 2-D convolution: a handle with packed filters, its forward pass and its gradients.

pub mod new;
pub mod options;
pub mod run;

pub use options::bnn_conv2d_options_t;

use bnn_core::BitMatrix;
use bnn_core::conv::PackedFilters;

/// A binary convolution: packed filters, a scale and a bias. It never changes, and any number of
/// threads may use it at once. Needs a build with `std`.
#[derive(Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_conv2d_t {
    /// `[outputs, patch]`, as rows, for the backward pass.
    pub(crate) bits: BitMatrix,
    /// The same as the kernel wants it.
    pub(crate) packed: PackedFilters,
    /// `[outputs]` each.
    pub(crate) scale: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) clip: f32,
}
