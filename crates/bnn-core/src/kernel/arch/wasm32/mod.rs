//! WebAssembly.

pub(in crate::kernel) mod simd128;
