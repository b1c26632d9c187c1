//! What allocates, and the vocabulary of it.

use crate::conv::{Conv2d, PackedFilters};
use crate::model::AlignedBytes;
use crate::{BitMatrixView, Error, Kernel, PackedWeights};

pub use crate::conv::gradients::ImageGradient;
pub use crate::f32_product::F32Product;
pub use crate::kernel::f32_operands::{Bf16Exact, F32Right, F32Rows};
pub use crate::model::graph::graph_of;
pub use crate::ordered::OrderedWeights;
pub use crate::vote::majority;

/// `len` zeros, to be written, at an address where a model file may lie.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn aligned_zeros(len: usize) -> Result<AlignedBytes, Error> {
    AlignedBytes::zeros(len)
}

/// Lays `weights` out for a kernel that need not be the active one, so that tests and benches reach
/// each of them.
///
/// # Errors
/// Those of [`PackedWeights::new`].
pub fn packed_weights(
    kernel: &'static Kernel,
    weights: BitMatrixView<'_>,
) -> Result<PackedWeights, Error> {
    PackedWeights::for_kernel(kernel, weights)
}

/// Lays the filters of a convolution out for a kernel that need not be the active one.
///
/// # Errors
/// Those of [`PackedFilters::new`].
pub fn packed_filters(
    kernel: &'static Kernel,
    conv: &Conv2d,
    filters: BitMatrixView<'_>,
) -> Result<PackedFilters, Error> {
    PackedFilters::for_kernel(kernel, conv, filters)
}

/// Lays the filters of a convolution out for images of bytes, in the way that is fastest for them.
///
/// # Errors
/// Those of [`PackedFilters::new`].
pub fn packed_filters_for_bytes(
    conv: &Conv2d,
    filters: BitMatrixView<'_>,
) -> Result<PackedFilters, Error> {
    PackedFilters::for_bytes(Kernel::active()?, conv, filters, 8)
}
