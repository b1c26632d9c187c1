//! One file per instruction set, each with its `KERNEL`. `unsafe` lives here and nowhere else in
//! the crate.
//!
//! Without an allocator there are no panels, and the portable kernel, which reads canonical rows,
//! is the only one.

#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    target_os = "linux",
    feature = "std"
))]
#[expect(
    unsafe_code,
    reason = "vector intrinsics, target features and tile instructions"
)]
pub(super) mod amx;
#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    target_os = "linux",
    feature = "std"
))]
mod amx_bf16;
#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    target_os = "linux",
    feature = "std"
))]
mod amx_bf16_conv;
#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    target_os = "linux",
    feature = "std"
))]
#[expect(unsafe_code, reason = "tile instructions")]
mod amx_bf16_tiles;
#[cfg(armv6m)]
#[expect(unsafe_code, reason = "assembly")]
mod armv6m;
#[cfg(armv7em)]
#[expect(unsafe_code, reason = "assembly")]
mod armv7em;
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
pub(super) mod avx2;
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
pub(super) mod avx512;
#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    target_os = "linux",
    feature = "std"
))]
#[expect(unsafe_code, reason = "vector loads and stores")]
mod bf16_layout;
#[cfg(not(any(armv6m, armv7em)))]
mod carry_save;
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
mod endings_avx2;
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
mod endings_avx512;
#[cfg(all(target_arch = "aarch64", target_feature = "neon", feature = "alloc"))]
#[expect(unsafe_code, reason = "vector intrinsics")]
pub(super) mod neon;
#[cfg(all(
    feature = "alloc",
    any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_feature = "neon"),
        all(target_arch = "wasm32", target_feature = "simd128")
    )
))]
mod nibble_tables;
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
mod pack_avx2;
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
mod pack_avx512;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
mod pack_neon;
pub(super) mod pack_portable;
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
#[expect(unsafe_code, reason = "a call into a function with target features")]
pub(super) mod popcnt;
pub(super) mod portable;
#[cfg(feature = "alloc")]
pub(super) mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128", feature = "alloc"))]
#[expect(unsafe_code, reason = "vector loads and stores")]
pub(super) mod simd128;
mod small_core;
#[cfg(all(
    feature = "alloc",
    any(
        all(target_arch = "aarch64", target_feature = "neon"),
        all(target_arch = "wasm32", target_feature = "simd128")
    )
))]
mod vector128;
#[cfg(any(
    all(target_arch = "x86_64", feature = "alloc"),
    all(target_arch = "aarch64", target_feature = "neon")
))]
mod words;

/// Packing with what every CPU of the target has.
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
pub(super) use pack_neon::PACKING as BASELINE_PACKING;
#[cfg(not(all(target_arch = "aarch64", target_feature = "neon")))]
pub(super) use pack_portable::PACKING as BASELINE_PACKING;

/// Whether the CPU has the named target features: asked at run time with `std`, else known from
/// what the build was told (`-C target-feature`).
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
macro_rules! cpu_has {
    ($($feature:tt),+) => {{
        #[cfg(feature = "std")]
        { $(std::arch::is_x86_feature_detected!($feature))&&+ }
        #[cfg(not(feature = "std"))]
        { $(cfg!(target_feature = $feature))&&+ }
    }};
}
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
use cpu_has;
