//! x86-64: what the CPU has is asked at run time with `std`.

#[cfg(bnn_amx)]
pub(in crate::kernel) mod amx;
pub(in crate::kernel) mod avx2;
pub(in crate::kernel) mod avx512;
#[cfg(feature = "std")]
mod f32_signs;
#[cfg(feature = "std")]
pub(in crate::kernel) mod loops;
pub(in crate::kernel) mod popcnt;

/// Whether the CPU has the named target features: asked at run time with `std`, else known from
/// what the build was told (`-C target-feature`).
macro_rules! cpu_has {
    ($($feature:tt),+) => {{
        #[cfg(feature = "std")]
        { $(std::arch::is_x86_feature_detected!($feature))&&+ }
        #[cfg(not(feature = "std"))]
        { $(cfg!(target_feature = $feature))&&+ }
    }};
}
use cpu_has;
