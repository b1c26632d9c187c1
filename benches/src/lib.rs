//! What the benchmarks share.

mod f32_gemm;

pub use f32_gemm::{F32Gemm, f32_gemm_best};

/// `n` numbers of both signs, the same in every run.
#[must_use]
pub fn numbers(n: usize) -> Vec<f32> {
    let mut x = 0x9E37_79B9_7F4A_7C15_u64;
    (0..n)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            (x >> 40) as f32 - 8_388_608.0
        })
        .collect()
}
