//! For the other crates of this workspace only: this module is no part of the public interface and
//! changes without notice.

use core::ffi::CStr;

use crate::Isa;
#[cfg(feature = "alloc")]
use crate::conv::{Conv2d, PackedFilters};
#[cfg(feature = "alloc")]
use crate::model::AlignedBytes;
#[cfg(feature = "alloc")]
use crate::{BitMatrixView, Error, Kernel, PackedWeights};

pub use crate::bits::bits_at;
#[cfg(feature = "std")]
pub use crate::conv::gradients::ImageGradient;
#[cfg(feature = "std")]
pub use crate::f32_product::F32Product;
#[cfg(feature = "std")]
pub use crate::gemm::{WORTH_A_THREAD, single_threaded};
#[cfg(feature = "std")]
pub use crate::kernel::f32_operands::{Bf16Exact, F32Right, F32Rows};
pub use crate::kernel::loops::Loop;
pub use crate::kernel::vectorised;
#[cfg(feature = "alloc")]
pub use crate::model::graph::graph_of;
#[cfg(feature = "graph")]
pub use crate::model::graph::{NodeInfo, fixed, nodes};
#[cfg(feature = "alloc")]
pub use crate::ordered::OrderedWeights;
#[cfg(feature = "std")]
pub use crate::vote::majority;
#[cfg(feature = "conv")]
pub use crate::window::{Axis, axes, padded_sides, padding, windows};

/// [`Isa::name`] as C has it.
#[must_use]
pub const fn isa_c_name(isa: Isa) -> &'static CStr {
    isa.c_name()
}

/// `len` zeros, to be written, at an address where a model file may lie.
///
/// # Errors
/// [`Error::OutOfMemory`].
#[cfg(feature = "alloc")]
pub fn aligned_zeros(len: usize) -> Result<AlignedBytes, Error> {
    AlignedBytes::zeros(len)
}

/// Lays `weights` out for a kernel that need not be the active one, so that tests and benches reach
/// each of them.
///
/// # Errors
/// Those of [`PackedWeights::new`].
#[cfg(feature = "alloc")]
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
#[cfg(feature = "alloc")]
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
#[cfg(feature = "alloc")]
pub fn packed_filters_for_bytes(
    conv: &Conv2d,
    filters: BitMatrixView<'_>,
) -> Result<PackedFilters, Error> {
    PackedFilters::for_bytes(Kernel::active()?, conv, filters, 8)
}
