//! Packing with AVX-512 F: a comparison gives the bits themselves. Only `f32` and transposing gain
//! by that; the other functions are those of AVX2.

use core::arch::x86_64::{_CMP_GE_OQ, _mm512_cmp_ps_mask, _mm512_loadu_ps, _mm512_setzero_ps};

use super::super::avx2;
use crate::kernel::arch::portable;
use crate::kernel::arch::words::by_words;
use crate::kernel::packing::Packing;

/// The functions for packing of kernels whose `supported` asks for AVX-512 F, which implies AVX2.
pub(in super::super) static PACKING: Packing = Packing {
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX-512 F.
    f32: |x, bits| unsafe { pack_f32(x, bits) },
    f64: avx2::pack::PACKING.f64,
    i8: avx2::pack::PACKING.i8,
    at_least: avx2::pack::PACKING.at_least,
    split: avx2::pack::PACKING.split,
    unpack_f32: avx2::pack::PACKING.unpack_f32,
    unpack_f64: avx2::pack::PACKING.unpack_f64,
    unpack_i8: avx2::pack::PACKING.unpack_i8,
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX-512 F.
    transpose: |from, from_words, to, to_words| unsafe {
        transpose(from, from_words, to, to_words)
    },
};

#[target_feature(enable = "avx512f")]
fn pack_f32(x: &[f32], bits: &mut [u64]) {
    by_words!(x, bits, |x| word_of_f32(x));
}

#[inline]
#[target_feature(enable = "avx512f")]
fn word_of_f32(x: &[f32; 64]) -> u64 {
    let (vectors, _) = x.as_chunks::<16>();
    let mut word = 0;
    for (i, x) in vectors.iter().enumerate() {
        // SAFETY: the array is 64 readable bytes, and the load wants no alignment.
        let x = unsafe { _mm512_loadu_ps(x.as_ptr()) };
        // Ordered: false for NaN.
        let plus = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(x, _mm512_setzero_ps());
        word |= u64::from(plus) << (16 * i);
    }
    word
}

#[target_feature(enable = "avx512f")]
fn transpose(from: &[u64], from_words: usize, to: &mut [u64], to_words: usize) {
    portable::pack::transpose::<8>(from, from_words, to, to_words);
}
