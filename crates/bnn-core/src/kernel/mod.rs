//! Micro-kernels, one for each instruction set, and the choice among them.
//!
//! A kernel multiplies a *block* of activation rows with a *panel* of [`NR`] weight rows. It has
//! its own layout for both sides: a panel is filled once, when weights are packed; a block is
//! filled once per call and then meets every panel. A kernel also counts the mismatches of two
//! *canonical* rows (rows under the bit law), for weights that are read in place.
//!
//! [`isa`], [`sums`], [`micro_kernel`], [`windows`], [`epilogue`], [`packing`], [`f32_operands`],
//! [`sign_tables`] and [`loops`] are the vocabulary that [`arch`] fills in, and [`types`] gathers
//! it in a [`Kernel`], which [`identity`] names; [`products`] and [`f32_products`] are what a
//! kernel does with it; [`dispatch`] has the table of what `arch` offers, and [`by_name`] chooses a
//! kernel in it.
//!
//! Without an allocator there is one kernel: [`types`] is `only_kernel.rs` then, and [`products`]
//! is `in_place.rs`. Without `std` there is no variable that names a kernel: [`by_name`] is
//! `fastest.rs`.

mod arch;
#[cfg_attr(not(feature = "std"), path = "fastest.rs")]
mod by_name;
mod dispatch;
mod epilogue;
#[cfg(feature = "alloc")]
pub(crate) mod f32_operands;
#[cfg(feature = "alloc")]
mod f32_products;
mod identity;
#[cfg(feature = "graph")]
mod integer_windows;
mod isa;
pub(crate) mod loops;
#[cfg(feature = "alloc")]
pub(crate) mod micro_kernel;
pub(crate) mod packing;
#[cfg_attr(not(feature = "alloc"), path = "in_place.rs")]
mod products;
#[cfg(feature = "alloc")]
pub(crate) mod sign_tables;
mod sums;
#[cfg_attr(not(feature = "alloc"), path = "only_kernel.rs")]
mod types;
#[cfg(feature = "alloc")]
pub(crate) mod windows;

#[cfg(feature = "graph")]
pub(crate) use arch::integers::add_products;
#[cfg(feature = "graph")]
pub(crate) use arch::pairs::{add_each_product, add_to_each, most_of_each};
pub(crate) use arch::portable::pack::{pack as pack_row, unpack as unpack_row};
#[cfg(feature = "conv")]
pub(crate) use arch::portable::small_core::fastest::subtract_mismatches;
pub use dispatch::vectorised;
pub(crate) use epilogue::{Epilogues, Factors};
#[cfg(feature = "graph")]
pub(crate) use integer_windows::{IntegerWindows, LEN, SUMS, WINDOWS};
pub use isa::Isa;
pub(crate) use sums::{NR, Sums};
pub use types::Kernel;

#[cfg(all(test, feature = "alloc"))]
mod laws;
