//! Windows of bytes in place with AVX2: a group is broadcast against 16 weight rows in two vectors.
//!
//! `vpmaddubsw` multiplies bytes with signs and adds pairs: at most `2 * 255` in a lane of 16 bits,
//! so that [`GROUPS`] groups are added before pairs of lanes become sums of 32 bits.

use core::arch::x86_64::{
    __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_castsi256_ps, _mm256_cmpgt_epi32,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_movemask_ps, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256,
};

use super::{load, window_bits};
use crate::kernel::arch::windows::by_tiles;
use crate::kernel::sums::{NR, Sums};
use crate::kernel::windows::{
    self, BlockWindow, Lanes, PanelOrder, WindowBlock, WindowFunctions, WindowProduct, limits_of,
};
use crate::shape::positive;

/// The functions for windows in place of kernels whose `supported` asks for AVX2.
pub(in super::super) static WINDOWS: WindowFunctions = WindowFunctions {
    bytes: WindowProduct {
        // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
        sums: |block, panel, sums| unsafe { self::sums(block, panel, sums) },
        // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
        reached: |block, panel, limits, out, stride| unsafe {
            reached(block, panel, limits, out, stride)
        },
        order: PanelOrder::Lanes,
    },
    byte_cost: 5,
    bits: Some(WindowProduct {
        // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
        sums: |block, panel, sums| unsafe { window_bits::sums(block, panel, sums) },
        // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2.
        reached: |block, panels, limits, out, stride| unsafe {
            window_bits::reached(block, panels, limits, out, stride)
        },
        order: PanelOrder::NibblePairs,
    }),
    // Longer rows of patches are as fast: their tables serve more outputs.
    most_groups: 40,
    // Fewer leave most lanes of a tile empty.
    least_windows: 24,
};

/// Lanes of a vector.
const LANES: usize = 8;
/// Vectors of a strip of weight rows: with them 4 windows fill 8 of the 16 registers.
const VECTORS: usize = 2;
const STRIPS: usize = NR / (VECTORS * LANES);
/// Groups that fit 16 bits: `64 * 2 * 255 < 2^15`.
const GROUPS: usize = 64;

#[target_feature(enable = "avx2")]
fn sums(block: &WindowBlock<'_>, panel: &[Lanes], sums: &mut [Sums]) {
    if !block.is_inside() {
        return;
    }
    let mut places = sums.iter_mut();
    by_tiles!(block.windows, [4, 2, 1], |windows| {
        let totals = tile(block, windows, panel);
        for (total, sums) in totals.iter().zip(&mut places) {
            let (places, _) = sums.0.as_chunks_mut::<LANES>();
            for (place, total) in places.iter_mut().zip(total.as_flattened()) {
                store(*total, place);
            }
        }
    });
}

#[target_feature(enable = "avx2")]
fn reached(
    block: &WindowBlock<'_>,
    panels: &[Lanes],
    limits: &[[i32; NR]],
    out: &mut [u32],
    stride: usize,
) {
    if !block.is_inside() {
        return;
    }
    for (p, (panel, limits)) in windows::panels(block, panels, limits) {
        let mut places = out
            .chunks_mut(positive(stride))
            .filter_map(|row| row.get_mut(p));
        by_tiles!(block.windows, [4, 2, 1], |windows| {
            let totals = tile(block, windows, panel);
            for ((window, total), place) in windows.iter().zip(&totals).zip(&mut places) {
                let (limits, _) = limits_of(limits, window).as_chunks::<LANES>();
                let mut below = 0;
                for (i, (total, limit)) in total.as_flattened().iter().zip(limits).enumerate() {
                    let less = _mm256_cmpgt_epi32(load(limit), *total);
                    let less = _mm256_movemask_ps(_mm256_castsi256_ps(less)).cast_unsigned();
                    below |= less << (LANES * i);
                }
                *place = !below;
            }
        });
    }
}

/// The sums of `R` windows, all of which lie in the block's memory.
#[inline]
#[target_feature(enable = "avx2")]
fn tile<const R: usize>(
    block: &WindowBlock<'_>,
    windows: &[BlockWindow; R],
    panel: &[Lanes],
) -> [[[__m256i; VECTORS]; STRIPS]; R] {
    let ones = _mm256_set1_epi16(1);
    let mut totals = [[[_mm256_setzero_si256(); VECTORS]; STRIPS]; R];
    for strip in 0..STRIPS {
        for (groups, panel) in block.groups.chunks(GROUPS).zip(panel.chunks(GROUPS)) {
            let mut pairs = [[_mm256_setzero_si256(); VECTORS]; R];
            for (group, lanes) in groups.iter().zip(panel) {
                let (lanes, _) = lanes.as_chunks::<LANES>();
                let weights = [
                    load(&lanes[VECTORS * strip]),
                    load(&lanes[VECTORS * strip + 1]),
                ];
                for (pairs, window) in pairs.iter_mut().zip(windows) {
                    let at = window.first as usize + *group as usize;
                    // SAFETY: the callers have found every group of every window to lie in the
                    // memory, and the load wants no alignment.
                    let x = unsafe { block.bytes.as_ptr().add(at).cast::<i32>().read_unaligned() };
                    let x = _mm256_set1_epi32(x);
                    for (pair, weights) in pairs.iter_mut().zip(weights) {
                        *pair = _mm256_add_epi16(*pair, _mm256_maddubs_epi16(x, weights));
                    }
                }
            }
            for (total, pairs) in totals.iter_mut().zip(pairs) {
                for (total, pair) in total[strip].iter_mut().zip(pairs) {
                    *total = _mm256_add_epi32(*total, _mm256_madd_epi16(pair, ones));
                }
            }
        }
    }
    totals
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(vector: __m256i, sums: &mut [i32; LANES]) {
    // SAFETY: the array is 32 writable bytes, and the store wants no alignment.
    unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), vector) };
}
