//! For the other crates of this workspace only: this module is no part of the public interface and
//! changes without notice.

#[cfg(feature = "alloc")]
mod owned;

use core::ffi::CStr;

use crate::Isa;

pub use crate::bits::bits_at;
#[cfg(feature = "std")]
pub use crate::gemm::parallel::{WORTH_A_THREAD, single_threaded};
pub use crate::kernel::loops::Loop;
pub use crate::kernel::vectorised;
#[cfg(feature = "graph")]
pub use crate::model::graph::{NodeInfo, NodeMemory, fixed, nodes, output_exponent};
#[cfg(feature = "conv")]
pub use crate::window::{Axis, axes, padded_sides, padding, windows};
#[cfg(feature = "alloc")]
pub use owned::*;

/// [`Isa::name`] as C has it.
#[must_use]
pub const fn isa_c_name(isa: Isa) -> &'static CStr {
    isa.c_name()
}
