//! Epilogues with AVX-512 F.

use core::arch::x86_64::_mm512_cmpge_epi32_mask;

use super::load_vector;
use crate::kernel::epilogue::{self, Epilogues, Factors};
use crate::kernel::sums::{NR, Sums};

pub(in super::super) static EPILOGUES: Epilogues = Epilogues {
    // SAFETY: only kernels whose `supported` asks for AVX-512 F refer to this table, and a `Kernel`
    // is handed out only if `supported` holds.
    reached: |sums, thresholds| unsafe { reached(sums, thresholds) },
    // SAFETY: only kernels whose `supported` asks for AVX-512 F refer to this table, and a `Kernel`
    // is handed out only if `supported` holds.
    affine: |sums, factors, out| unsafe { affine(sums, factors, out) },
};

#[target_feature(enable = "avx512f")]
fn reached(sums: &Sums, thresholds: &[i32; NR]) -> u32 {
    let (sums, _) = sums.0.as_chunks::<16>();
    let (thresholds, _) = thresholds.as_chunks::<16>();
    let mut bits = 0;
    for (i, (sums, thresholds)) in sums.iter().zip(thresholds).enumerate() {
        let reached = _mm512_cmpge_epi32_mask(load_vector(sums), load_vector(thresholds));
        bits |= u32::from(reached) << (16 * i);
    }
    bits
}

#[target_feature(enable = "avx512f")]
fn affine(sums: &Sums, factors: &Factors, out: &mut [f32; NR]) {
    epilogue::affine(sums, factors, out);
}
