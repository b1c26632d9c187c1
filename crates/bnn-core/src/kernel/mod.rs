//! Micro-kernels, one for each instruction set, and the choice among them.
//!
//! A kernel multiplies a *block* of activation rows with a *panel* of [`NR`] weight rows. It has
//! its own layout for both sides: a panel is filled once, when weights are packed; a block is
//! filled once per call and then meets every panel. A kernel also counts the mismatches of two
//! *canonical* rows (rows under the bit law), for weights that are read in place.
//!
//! [`isa`], [`sums`], [`micro_kernel`], [`windows`], [`epilogue`], [`packing`], [`f32_operands`],
//! [`sign_tables`] and [`loops`] are the vocabulary that [`arch`] fills in, and [`types`] gathers
//! it in a [`Kernel`]; [`products`] and [`f32_products`], or `in_place` without an allocator, are
//! what a kernel does with it; [`dispatch`] has the table of what `arch` offers, and [`by_name`]
//! finds a kernel in it.

mod arch;
#[cfg(any(test, feature = "std"))]
mod by_name;
mod dispatch;
mod epilogue;
#[cfg(feature = "std")]
pub(crate) mod f32_operands;
#[cfg(feature = "std")]
mod f32_products;
#[cfg(not(feature = "alloc"))]
mod in_place;
mod isa;
pub(crate) mod loops;
#[cfg(feature = "alloc")]
mod micro_kernel;
pub(crate) mod packing;
#[cfg(feature = "alloc")]
mod products;
#[cfg(feature = "std")]
pub(crate) mod sign_tables;
mod sums;
mod types;
#[cfg(feature = "alloc")]
pub(crate) mod windows;

pub(crate) use arch::portable::pack::{pack as pack_row, unpack as unpack_row};
pub use dispatch::vectorised;
pub(crate) use epilogue::{Epilogues, Factors};
pub use isa::Isa;
#[cfg(feature = "alloc")]
pub(crate) use micro_kernel::Block;
pub(crate) use sums::{NR, Sums};
pub use types::Kernel;

#[cfg(all(test, feature = "alloc"))]
mod laws;
