//! Packing with NEON: a comparison gives a mask per lane, masks are narrowed to bytes, and weights
//! and pairwise sums turn bytes into bits.

use core::arch::aarch64::{
    uint8x16_t, uint16x8_t, vandq_u8, vbslq_f32, vbslq_s8, vcgeq_u8, vcgezq_f32, vcgezq_f64,
    vcgezq_s8, vcombine_u8, vdup_n_u8, vdupq_n_f32, vdupq_n_s8, vdupq_n_u8, vdupq_n_u32,
    vdupq_n_u64, vgetq_lane_u64, vld1q_f32, vld1q_f64, vld1q_s8, vld1q_u8, vld1q_u32, vpaddq_u8,
    vreinterpretq_u8_u16, vreinterpretq_u8_u64, vreinterpretq_u16_u32, vreinterpretq_u32_u64,
    vreinterpretq_u64_u8, vst1q_f32, vst1q_s8, vtstq_u8, vtstq_u32, vuzp1q_u8, vuzp1q_u16,
    vuzp1q_u32,
};

use crate::kernel::arch::portable;
use crate::kernel::arch::words::{by_words, for_words, from_words};
use crate::kernel::packing::Packing;
use crate::shape::row_words;

/// This module is compiled only for builds that may use NEON.
pub(in crate::kernel) static PACKING: Packing = Packing {
    // SAFETY: the target has NEON.
    f32: |x, bits| unsafe { pack_f32(x, bits) },
    // SAFETY: the target has NEON.
    f64: |x, bits| unsafe { pack_f64(x, bits) },
    // SAFETY: the target has NEON.
    i8: |x, bits| unsafe { pack_i8(x, bits) },
    // SAFETY: the target has NEON.
    at_least: |x, threshold, bits| unsafe { pack_at_least(x, threshold, bits) },
    // SAFETY: the target has NEON.
    split: |x, planes| unsafe { split(x, planes) },
    // SAFETY: the target has NEON.
    unpack_f32: |bits, x| unsafe { unpack_f32(bits, x) },
    unpack_f64: portable::pack::PACKING.unpack_f64,
    // SAFETY: the target has NEON.
    unpack_i8: |bits, x| unsafe { unpack_i8(bits, x) },
    transpose: portable::pack::transpose::<8>,
};

#[target_feature(enable = "neon")]
fn pack_f32(x: &[f32], bits: &mut [u64]) {
    by_words!(x, bits, |x| word_of(masks_of_f32(x)));
}

#[target_feature(enable = "neon")]
fn pack_f64(x: &[f64], bits: &mut [u64]) {
    by_words!(x, bits, |x| word_of(masks_of_f64(x)));
}

#[target_feature(enable = "neon")]
fn pack_i8(x: &[i8], bits: &mut [u64]) {
    by_words!(x, bits, |x| {
        let (vectors, _) = x.as_chunks::<16>();
        let mut masks = [vdupq_n_u8(0); 4];
        for (mask, x) in masks.iter_mut().zip(vectors) {
            // SAFETY: the array is 16 readable bytes.
            *mask = vcgezq_s8(unsafe { vld1q_s8(x.as_ptr()) });
        }
        word_of(masks)
    });
}

#[target_feature(enable = "neon")]
fn pack_at_least(x: &[u8], threshold: u8, bits: &mut [u64]) {
    let threshold = vdupq_n_u8(threshold);
    by_words!(x, bits, |x| {
        let mut masks = load(x);
        for mask in &mut masks {
            *mask = vcgeq_u8(*mask, threshold);
        }
        word_of(masks)
    });
}

#[target_feature(enable = "neon")]
fn split(x: &[u8], planes: &mut [u64]) {
    let per_plane = row_words(x.len()).max(1);
    for_words!(x, |w, x| {
        let bytes = load(x);
        let mut bit = 1;
        for word in planes.iter_mut().skip(w).step_by(per_plane) {
            let mut masks = bytes;
            for mask in &mut masks {
                *mask = vtstq_u8(*mask, vdupq_n_u8(bit));
            }
            *word = word_of(masks);
            bit <<= 1;
        }
    });
}

#[inline]
#[target_feature(enable = "neon")]
fn masks_of_f32(x: &[f32; 64]) -> [uint8x16_t; 4] {
    let (vectors, _) = x.as_chunks::<4>();
    let (fours, _) = vectors.as_chunks::<4>();
    let mut masks = [vdupq_n_u8(0); 4];
    for (mask, [a, b, c, d]) in masks.iter_mut().zip(fours) {
        let (low, high) = (halves_of_f32(a, b), halves_of_f32(c, d));
        *mask = vuzp1q_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high));
    }
    masks
}

#[inline]
#[target_feature(enable = "neon")]
fn halves_of_f32(a: &[f32; 4], b: &[f32; 4]) -> uint16x8_t {
    // SAFETY: the arrays are 16 readable bytes each.
    let (a, b) = unsafe { (vld1q_f32(a.as_ptr()), vld1q_f32(b.as_ptr())) };
    // False for NaN.
    let (a, b) = (vcgezq_f32(a), vcgezq_f32(b));
    vuzp1q_u16(vreinterpretq_u16_u32(a), vreinterpretq_u16_u32(b))
}

#[inline]
#[target_feature(enable = "neon")]
fn masks_of_f64(x: &[f64; 64]) -> [uint8x16_t; 4] {
    let (vectors, _) = x.as_chunks::<2>();
    let (fours, _) = vectors.as_chunks::<4>();
    let (eights, _) = fours.as_chunks::<2>();
    let mut masks = [vdupq_n_u8(0); 4];
    for (mask, [low, high]) in masks.iter_mut().zip(eights) {
        let (low, high) = (halves_of_f64(low), halves_of_f64(high));
        *mask = vuzp1q_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high));
    }
    masks
}

#[inline]
#[target_feature(enable = "neon")]
fn halves_of_f64(x: &[[f64; 2]; 4]) -> uint16x8_t {
    let mut masks = [vdupq_n_u32(0); 4];
    for (mask, x) in masks.iter_mut().zip(x) {
        // SAFETY: the array is 16 readable bytes.
        *mask = vreinterpretq_u32_u64(vcgezq_f64(unsafe { vld1q_f64(x.as_ptr()) }));
    }
    let [a, b, c, d] = masks;
    let (low, high) = (vuzp1q_u32(a, b), vuzp1q_u32(c, d));
    vuzp1q_u16(vreinterpretq_u16_u32(low), vreinterpretq_u16_u32(high))
}

/// One bit for each of 64 bytes that are all ones or zero.
#[inline]
#[target_feature(enable = "neon")]
fn word_of(masks: [uint8x16_t; 4]) -> u64 {
    // Byte i of every eight weighs 2^i.
    let weights = vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201));
    let [a, b, c, d] = masks;
    let (a, b) = (vandq_u8(a, weights), vandq_u8(b, weights));
    let (c, d) = (vandq_u8(c, weights), vandq_u8(d, weights));
    let sums = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)))
}

#[inline]
#[target_feature(enable = "neon")]
fn load(x: &[u8; 64]) -> [uint8x16_t; 4] {
    let (vectors, _) = x.as_chunks::<16>();
    let mut loaded = [vdupq_n_u8(0); 4];
    for (to, x) in loaded.iter_mut().zip(vectors) {
        // SAFETY: the array is 16 readable bytes.
        *to = unsafe { vld1q_u8(x.as_ptr()) };
    }
    loaded
}

#[target_feature(enable = "neon")]
fn unpack_f32(bits: &[u64], x: &mut [f32]) {
    let (plus, minus) = (vdupq_n_f32(1.0), vdupq_n_f32(-1.0));
    // SAFETY: the array is 16 readable bytes.
    let bit = unsafe { vld1q_u32([1, 2, 4, 8].as_ptr()) };
    from_words!(bits, x, |word, x| {
        let (vectors, _) = x.as_chunks_mut::<4>();
        for (i, x) in vectors.iter_mut().enumerate() {
            let mask = vtstq_u32(vdupq_n_u32((word >> (4 * i)) as u32), bit);
            // SAFETY: the array is 16 writable bytes.
            unsafe { vst1q_f32(x.as_mut_ptr(), vbslq_f32(mask, plus, minus)) };
        }
    });
}

#[target_feature(enable = "neon")]
fn unpack_i8(bits: &[u64], x: &mut [i8]) {
    let (plus, minus) = (vdupq_n_s8(1), vdupq_n_s8(-1));
    let bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201));
    from_words!(bits, x, |word, x| {
        let (vectors, _) = x.as_chunks_mut::<16>();
        for (i, x) in vectors.iter_mut().enumerate() {
            let bytes = word >> (16 * i);
            let bytes = vcombine_u8(vdup_n_u8(bytes as u8), vdup_n_u8((bytes >> 8) as u8));
            // SAFETY: the array is 16 writable bytes.
            unsafe { vst1q_s8(x.as_mut_ptr(), vbslq_s8(vtstq_u8(bytes, bit), plus, minus)) };
        }
    });
}
