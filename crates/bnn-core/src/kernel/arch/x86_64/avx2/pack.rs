//! Packing with AVX2: a comparison gives a mask per lane, a movemask its bits.

use core::arch::x86_64::{
    __m256i, _CMP_GE_OQ, _mm256_add_epi8, _mm256_and_si256, _mm256_blendv_pd, _mm256_blendv_ps,
    _mm256_castsi256_pd, _mm256_castsi256_ps, _mm256_cmp_pd, _mm256_cmp_ps, _mm256_cmpeq_epi8,
    _mm256_loadu_pd, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_max_epu8, _mm256_movemask_epi8,
    _mm256_movemask_pd, _mm256_movemask_ps, _mm256_or_si256, _mm256_set1_epi8, _mm256_set1_epi32,
    _mm256_set1_epi64x, _mm256_set1_pd, _mm256_set1_ps, _mm256_setr_epi32, _mm256_setr_epi64x,
    _mm256_setzero_pd, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_sllv_epi32, _mm256_sllv_epi64, _mm256_storeu_pd, _mm256_storeu_ps, _mm256_storeu_si256,
};

use crate::kernel::arch::portable;
use crate::kernel::arch::words::{by_words, for_words, from_words};
use crate::kernel::packing::Packing;
use crate::shape::row_words;

/// The functions for packing of kernels whose `supported` asks for AVX2.
pub(in super::super) static PACKING: Packing = Packing {
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
    f32: |x, bits| unsafe { pack_f32(x, bits) },
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
    f64: |x, bits| unsafe { pack_f64(x, bits) },
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
    i8: |x, bits| unsafe { pack_i8(x, bits) },
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
    at_least: |x, threshold, bits| unsafe { pack_at_least(x, threshold, bits) },
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
    split: |x, planes| unsafe { split(x, planes) },
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
    unpack_f32: |bits, x| unsafe { unpack_f32(bits, x) },
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
    unpack_f64: |bits, x| unsafe { unpack_f64(bits, x) },
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
    unpack_i8: |bits, x| unsafe { unpack_i8(bits, x) },
    // AVX2 does not make it faster.
    transpose: portable::pack::transpose::<8>,
};

#[target_feature(enable = "avx2")]
fn pack_f32(x: &[f32], bits: &mut [u64]) {
    by_words!(x, bits, |x| word_of_f32(x));
}

#[target_feature(enable = "avx2")]
fn pack_f64(x: &[f64], bits: &mut [u64]) {
    by_words!(x, bits, |x| word_of_f64(x));
}

#[target_feature(enable = "avx2")]
fn pack_i8(x: &[i8], bits: &mut [u64]) {
    by_words!(x, bits, |x| !signs(load(x)));
}

#[target_feature(enable = "avx2")]
fn pack_at_least(x: &[u8], threshold: u8, bits: &mut [u64]) {
    let threshold = _mm256_set1_epi8(threshold.cast_signed());
    by_words!(x, bits, |x| {
        let mut bytes = load(x);
        for bytes in &mut bytes {
            *bytes = _mm256_cmpeq_epi8(_mm256_max_epu8(*bytes, threshold), *bytes);
        }
        signs(bytes)
    });
}

#[target_feature(enable = "avx2")]
fn split(x: &[u8], planes: &mut [u64]) {
    let per_plane = row_words(x.len()).max(1);
    let depth = planes.len() / per_plane;
    for_words!(x, |w, x| {
        let mut bytes = load(x);
        // The highest plane first: adding a byte to itself brings the bit below it to the top.
        for _ in depth..8 {
            bytes = doubled(bytes);
        }
        for plane in (0..depth).rev() {
            if let Some(word) = planes.get_mut(plane * per_plane + w) {
                *word = signs(bytes);
            }
            bytes = doubled(bytes);
        }
    });
}

#[inline]
#[target_feature(enable = "avx2")]
fn word_of_f32(x: &[f32; 64]) -> u64 {
    let (vectors, _) = x.as_chunks::<8>();
    let mut word = 0;
    for (i, x) in vectors.iter().enumerate() {
        // SAFETY: the array is 32 readable bytes, and the load wants no alignment.
        let x = unsafe { _mm256_loadu_ps(x.as_ptr()) };
        // Ordered: false for NaN.
        let plus = _mm256_cmp_ps::<_CMP_GE_OQ>(x, _mm256_setzero_ps());
        word |= u64::from(_mm256_movemask_ps(plus).cast_unsigned()) << (8 * i);
    }
    word
}

#[inline]
#[target_feature(enable = "avx2")]
fn word_of_f64(x: &[f64; 64]) -> u64 {
    let (vectors, _) = x.as_chunks::<4>();
    let mut word = 0;
    for (i, x) in vectors.iter().enumerate() {
        // SAFETY: the array is 32 readable bytes, and the load wants no alignment.
        let x = unsafe { _mm256_loadu_pd(x.as_ptr()) };
        let plus = _mm256_cmp_pd::<_CMP_GE_OQ>(x, _mm256_setzero_pd());
        word |= u64::from(_mm256_movemask_pd(plus).cast_unsigned()) << (4 * i);
    }
    word
}

/// The highest bits of 64 bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn signs([low, high]: [__m256i; 2]) -> u64 {
    let (low, high) = (_mm256_movemask_epi8(low), _mm256_movemask_epi8(high));
    u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
}

#[inline]
#[target_feature(enable = "avx2")]
fn doubled([low, high]: [__m256i; 2]) -> [__m256i; 2] {
    [_mm256_add_epi8(low, low), _mm256_add_epi8(high, high)]
}

/// Loads 64 bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn load<T: Byte>(x: &[T; 64]) -> [__m256i; 2] {
    let at = x.as_ptr().cast::<__m256i>();
    // SAFETY: the array is 64 readable bytes, and the loads want no alignment.
    unsafe { [_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1))] }
}

/// A type of one byte.
trait Byte {}
impl Byte for u8 {}
impl Byte for i8 {}

#[target_feature(enable = "avx2")]
fn unpack_f32(bits: &[u64], x: &mut [f32]) {
    let (plus, minus) = (_mm256_set1_ps(1.0), _mm256_set1_ps(-1.0));
    // Bit j of a byte to the top of lane j, which is the bit that a blend reads.
    let to_top = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    from_words!(bits, x, |word, x| {
        let (vectors, _) = x.as_chunks_mut::<8>();
        for (i, x) in vectors.iter_mut().enumerate() {
            let byte = _mm256_set1_epi32((word >> (8 * i)) as i32);
            let tops = _mm256_castsi256_ps(_mm256_sllv_epi32(byte, to_top));
            // SAFETY: the array is 32 writable bytes, and the store wants no alignment.
            unsafe { _mm256_storeu_ps(x.as_mut_ptr(), _mm256_blendv_ps(minus, plus, tops)) };
        }
    });
}

#[target_feature(enable = "avx2")]
fn unpack_f64(bits: &[u64], x: &mut [f64]) {
    let (plus, minus) = (_mm256_set1_pd(1.0), _mm256_set1_pd(-1.0));
    let to_top = _mm256_setr_epi64x(63, 62, 61, 60);
    from_words!(bits, x, |word, x| {
        let (vectors, _) = x.as_chunks_mut::<4>();
        for (i, x) in vectors.iter_mut().enumerate() {
            let nibble = _mm256_set1_epi64x((word >> (4 * i)).cast_signed());
            let tops = _mm256_castsi256_pd(_mm256_sllv_epi64(nibble, to_top));
            // SAFETY: the array is 32 writable bytes, and the store wants no alignment.
            unsafe { _mm256_storeu_pd(x.as_mut_ptr(), _mm256_blendv_pd(minus, plus, tops)) };
        }
    });
}

#[target_feature(enable = "avx2")]
fn unpack_i8(bits: &[u64], x: &mut [i8]) {
    let one = _mm256_set1_epi8(1);
    let bit = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
    // Each byte of 32 bits to eight lanes.
    let spread = _mm256_setr_epi64x(
        0,
        0x0101_0101_0101_0101,
        0x0202_0202_0202_0202,
        0x0303_0303_0303_0303,
    );
    from_words!(bits, x, |word, x| {
        let (vectors, _) = x.as_chunks_mut::<32>();
        for (i, x) in vectors.iter_mut().enumerate() {
            let half = _mm256_set1_epi32((word >> (32 * i)) as i32);
            let bits = _mm256_and_si256(_mm256_shuffle_epi8(half, spread), bit);
            // All ones, which is -1, where the bit is 0.
            let minus = _mm256_cmpeq_epi8(bits, _mm256_setzero_si256());
            // SAFETY: the array is 32 writable bytes, and the store wants no alignment.
            unsafe { _mm256_storeu_si256(x.as_mut_ptr().cast(), _mm256_or_si256(minus, one)) };
        }
    });
}
