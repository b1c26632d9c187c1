//! Endings with AVX2.

use core::arch::x86_64::{
    __m256i, _mm256_castsi256_ps, _mm256_cmpgt_epi32, _mm256_loadu_si256, _mm256_movemask_ps,
};

use crate::kernel::endings::{self, Endings, Factors};
use crate::kernel::{NR, Sums};

pub(super) static ENDINGS: Endings = Endings {
    // SAFETY: a kernel of an instruction set that has AVX2 is handed out only where the CPU has it.
    reached: |sums, thresholds| unsafe { reached(sums, thresholds) },
    // SAFETY: as above.
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
    endings::affine(sums, factors, out);
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(numbers: &[i32; 8]) -> __m256i {
    // SAFETY: the array is 32 readable bytes, and the load wants no alignment.
    unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
}
