//! x86-64: what the CPU has is asked at run time with `std`, else known from what the build was
//! told (`-C target-feature`).

#[cfg(bnn_amx)]
pub(in crate::kernel) mod amx;
pub(in crate::kernel) mod avx2;
pub(in crate::kernel) mod avx512;
#[cfg_attr(not(feature = "std"), path = "build_has.rs")]
mod cpu_has;
mod f32_signs;
pub(in crate::kernel) mod loops;
pub(in crate::kernel) mod popcnt;

use cpu_has::cpu_has;
