//! Plain Rust, for every target. If the CPU has no population count, the compiler expands it to bit
//! tricks, on 64-bit targets with vector instructions if they have those; small 32-bit cores have
//! faster ways ([`small_core`]).

#[cfg(not(feature = "alloc"))]
mod in_place;
#[cfg(feature = "alloc")]
mod multiply;
pub(in crate::kernel) mod pack;
mod small_core;
#[cfg(feature = "alloc")]
pub(super) mod windows;

#[cfg(not(feature = "alloc"))]
pub(in crate::kernel) use in_place::{KERNEL, dot_rows};
#[cfg(feature = "alloc")]
pub(in crate::kernel) use multiply::KERNEL;
#[cfg(any(bnn_x86, bnn_neon, bnn_simd128))]
pub(super) use multiply::count;
#[cfg(feature = "conv")]
pub(in crate::kernel) use small_core::subtract_mismatches;

/// Whether this is a 32-bit target whose cores have neither a population count nor vectors.
const SMALL_CORE: bool = cfg!(bnn_small_core);
