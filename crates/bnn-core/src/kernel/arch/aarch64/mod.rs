//! 64-bit Arm.

pub(in crate::kernel) mod neon;
