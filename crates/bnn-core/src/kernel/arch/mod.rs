//! The kernels: a folder for each architecture, in it a file or folder for each instruction set
//! with its `KERNEL`. `unsafe` appears here and nowhere else in the crate.
//!
//! Without an allocator there are no panels, and the portable kernel, which reads canonical rows,
//! is the only one. `build.rs` sets the `cfg`s.

#[cfg(bnn_neon_packing)]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
pub(super) mod aarch64;
#[cfg(any(bnn_armv6m, bnn_armv7em))]
#[expect(unsafe_code, reason = "assembly")]
mod arm;
pub(super) mod portable;
#[cfg(bnn_simd128)]
#[expect(unsafe_code, reason = "vector loads and stores")]
pub(super) mod wasm32;
#[cfg(bnn_x86)]
#[expect(
    unsafe_code,
    reason = "vector intrinsics, target features and tile instructions"
)]
pub(super) mod x86_64;

// Algorithms that several instruction sets share.
#[cfg(any(bnn_x86, bnn_neon, bnn_simd128))]
mod nibble_tables;
#[cfg(feature = "alloc")]
mod scalar;
#[cfg(any(bnn_neon, bnn_simd128))]
mod vector128;
#[cfg(any(bnn_x86, bnn_neon))]
mod windows;
#[cfg(any(bnn_x86, bnn_neon_packing))]
mod words;

/// Packing with the instructions that every CPU of the target has.
#[cfg(bnn_neon_packing)]
pub(super) use aarch64::neon::PACKING as BASELINE_PACKING;
#[cfg(not(bnn_neon_packing))]
pub(super) use portable::pack::PACKING as BASELINE_PACKING;

/// Rows of integers, in the fastest way that the target has.
#[cfg(all(feature = "graph", not(feature = "int8"), bnn_armv7em))]
pub(super) use arm::armv7em_integers as integers;
#[cfg(all(feature = "graph", bnn_armv7em))]
pub(super) use arm::armv7em_pairs as pairs;
#[cfg(all(feature = "int8", bnn_armv7em))]
pub(super) use arm::armv7em_tiles as integers;
#[cfg(all(feature = "graph", not(bnn_armv7em)))]
pub(super) use portable::{integers, pairs};
