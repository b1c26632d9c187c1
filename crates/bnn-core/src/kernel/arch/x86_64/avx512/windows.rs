//! Windows in place with AVX-512: a group is broadcast against 32 weight rows in two vectors.
//!
//! Bytes need one instruction for 64 products (VNNI). Bits are counted as in the tiles of panels.

use core::arch::x86_64::{
    __m512i, _mm512_cmpge_epi32_mask, _mm512_dpbusd_epi32, _mm512_popcnt_epi32, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_sub_epi32, _mm512_xor_si512,
};

use super::{load_vector, store};
use crate::kernel::arch::windows::by_tiles;
use crate::kernel::sums::{NR, Sums};
use crate::kernel::windows::{
    self, BlockWindow, Lanes, PanelOrder, WindowBlock, WindowFunctions, WindowProduct, limits_of,
};
use crate::shape::positive;

/// The functions for windows in place of CPUs with AVX-512 F, VPOPCNTDQ and VNNI.
pub(super) static WINDOWS: WindowFunctions = WindowFunctions {
    bytes: WindowProduct {
        // SAFETY: a kernel refers to this table only if `supported` has found AVX-512 F and
        // VPOPCNTDQ, and VNNI was found where it was chosen.
        sums: |block, panel, sums| unsafe { self::sums::<true>(block, panel, sums) },
        // SAFETY: a kernel refers to this table only if `supported` has found AVX-512 F and
        // VPOPCNTDQ, and VNNI was found where it was chosen.
        reached: |block, panel, limits, out, stride| unsafe {
            reached::<true>(block, panel, limits, out, stride)
        },
        order: PanelOrder::Lanes,
    },
    byte_cost: 4,
    bits: Some(WindowProduct {
        // SAFETY: a kernel refers to this table only if `supported` has found AVX-512 F and
        // VPOPCNTDQ, and VNNI was found where it was chosen.
        sums: |block, panel, sums| unsafe { self::sums::<false>(block, panel, sums) },
        // SAFETY: a kernel refers to this table only if `supported` has found AVX-512 F and
        // VPOPCNTDQ, and VNNI was found where it was chosen.
        reached: |block, panel, limits, out, stride| unsafe {
            reached::<false>(block, panel, limits, out, stride)
        },
        order: PanelOrder::Lanes,
    }),
    most_groups: usize::MAX,
    least_windows: 1,
};

/// Lanes of a vector.
const LANES: usize = 16;
const VECTORS: usize = NR / LANES;

#[target_feature(enable = "avx512f,avx512vpopcntdq,avx512vnni")]
fn sums<const BYTES: bool>(block: &WindowBlock<'_>, panel: &[Lanes], sums: &mut [Sums]) {
    if !block.is_inside() {
        return;
    }
    let mut places = sums.iter_mut();
    // 8 x 2 sums, 2 vectors of weights and the temporaries fit the 32 registers.
    by_tiles!(block.windows, [8, 4, 2, 1], |windows| {
        for (total, sums) in tile::<BYTES, _>(block, windows, panel)
            .iter()
            .zip(&mut places)
        {
            let (places, _) = sums.0.as_chunks_mut::<LANES>();
            for (place, total) in places.iter_mut().zip(total) {
                store(*total, place);
            }
        }
    });
}

#[target_feature(enable = "avx512f,avx512vpopcntdq,avx512vnni")]
fn reached<const BYTES: bool>(
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
        by_tiles!(block.windows, [8, 4, 2, 1], |windows| {
            let totals = tile::<BYTES, _>(block, windows, panel);
            for ((window, total), place) in windows.iter().zip(&totals).zip(&mut places) {
                let (limits, _) = limits_of(limits, window).as_chunks::<LANES>();
                *place = 0;
                for (i, (total, limit)) in total.iter().zip(limits).enumerate() {
                    let reached = _mm512_cmpge_epi32_mask(*total, load_vector(limit));
                    *place |= u32::from(reached) << (LANES * i);
                }
            }
        });
    }
}

/// The sums of `R` windows, all of which lie in the block's memory.
#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq,avx512vnni")]
fn tile<const BYTES: bool, const R: usize>(
    block: &WindowBlock<'_>,
    windows: &[BlockWindow; R],
    panel: &[Lanes],
) -> [[__m512i; VECTORS]; R] {
    let mut sums = [[_mm512_setzero_si512(); VECTORS]; R];
    for (group, lanes) in block.groups.iter().zip(panel) {
        let (lanes, _) = lanes.as_chunks::<LANES>();
        let weights = [load_vector(&lanes[0]), load_vector(&lanes[1])];
        for (sums, window) in sums.iter_mut().zip(windows) {
            let at = window.first as usize + *group as usize;
            // SAFETY: the callers have found every group of every window to lie in the memory, and
            // the load wants no alignment.
            let x = unsafe { block.bytes.as_ptr().add(at).cast::<i32>().read_unaligned() };
            let x = _mm512_set1_epi32(x);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = if BYTES {
                    _mm512_dpbusd_epi32(*sum, x, weights)
                } else {
                    let differ = _mm512_popcnt_epi32(_mm512_xor_si512(x, weights));
                    _mm512_sub_epi32(*sum, differ)
                };
            }
        }
    }
    sums
}
