//! Epilogues with AVX2.

use core::arch::x86_64::{_mm256_castsi256_ps, _mm256_cmpgt_epi32, _mm256_movemask_ps};

use super::load;
use crate::kernel::epilogue::{self, Epilogues, Factors};
use crate::kernel::sums::{NR, Sums};

pub(in super::super) static EPILOGUES: Epilogues = Epilogues {
    // SAFETY: only kernels whose `supported` asks for AVX2 refer to this table, and a `Kernel`
    // is handed out only if `supported` holds.
    reached: |sums, thresholds| unsafe { reached(sums, thresholds) },
    // SAFETY: only kernels whose `supported` asks for AVX2 refer to this table, and a `Kernel`
    // is handed out only if `supported` holds.
    affine: |sums, factors, out| unsafe { affine(sums, factors, out) },
};

#[target_feature(enable = "avx2")]
fn reached(sums: &Sums, thresholds: &[i32; NR]) -> u32 {
    let (sums, _) = sums.0.as_chunks::<8>();
    let (thresholds, _) = thresholds.as_chunks::<8>();
    let mut below = 0;
    for (i, (sums, thresholds)) in sums.iter().zip(thresholds).enumerate() {
        let less = _mm256_cmpgt_epi32(load(thresholds), load(sums));
        below |= (_mm256_movemask_ps(_mm256_castsi256_ps(less)) as u32) << (8 * i);
    }
    !below
}

#[target_feature(enable = "avx2")]
fn affine(sums: &Sums, factors: &Factors, out: &mut [f32; NR]) {
    epilogue::affine(sums, factors, out);
}
