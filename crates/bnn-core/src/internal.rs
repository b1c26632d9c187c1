//! What the sibling crates of this workspace use and nobody else should: no part of the public interface,
//! changed without notice.

pub use crate::bits::bits_at;
#[cfg(feature = "std")]
pub use crate::conv::gradients::F32Gradients;
#[cfg(feature = "std")]
pub use crate::f32_product::F32Product;
#[cfg(feature = "std")]
pub use crate::gemm::WORTH_A_THREAD;
#[cfg(feature = "std")]
pub use crate::kernel::f32_operands::{Bf16Exact, F32Right, F32Rows};
#[cfg(feature = "conv")]
pub use crate::window::{Axis, axes};
