//! For the other crates of this workspace only: this module is no part of the public interface and changes
//! without notice.

pub use crate::bits::bits_at;
#[cfg(feature = "std")]
pub use crate::conv::gradients::F32Gradients;
#[cfg(feature = "std")]
pub use crate::f32_product::F32Product;
#[cfg(feature = "std")]
pub use crate::gemm::{WORTH_A_THREAD, single_threaded};
#[cfg(feature = "std")]
pub use crate::kernel::f32_operands::{Bf16Exact, F32Right, F32Rows};
#[cfg(feature = "conv")]
pub use crate::window::{Axis, axes};
