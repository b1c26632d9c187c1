//! Plain Rust, for every target. If the CPU has no population count, the compiler expands it to bit
//! tricks, on 64-bit targets with vector instructions if they have those; small 32-bit cores have
//! faster ways ([`small_core`]).
//!
//! Without an allocator, products are those of canonical rows: [`multiply`] is `in_place.rs` then.

#[cfg(all(feature = "graph", not(bnn_armv7em)))]
pub(in crate::kernel) mod integers;
#[cfg_attr(not(feature = "alloc"), path = "in_place.rs")]
pub(in crate::kernel) mod multiply;
pub(in crate::kernel) mod pack;
#[cfg(feature = "graph")]
pub(in crate::kernel) mod pairs;
pub(in crate::kernel) mod small_core;
#[cfg(feature = "alloc")]
pub(super) mod windows;

pub(in crate::kernel) use multiply::KERNEL;

/// Whether this is a 32-bit target whose cores have neither a population count nor vectors.
const SMALL_CORE: bool = cfg!(bnn_small_core);
