//! Windows of bytes in place with NEON: a group is broadcast against eight weight rows in two
//! vectors.
//!
//! Bytes are taken less 128, so that they and the signs are signed bytes, whose products fit 16
//! bits: at most 128 in a lane, so that [`GROUPS`] groups are added before pairs of lanes become
//! sums of 32 bits. What that takes away, 128 times the sum of a weight row, is given back in the
//! end.

use core::arch::aarch64::{
    int8x16_t, int16x8_t, int32x4_t, vaddq_s32, vaddvq_u32, vandq_u32, vcgeq_s32, vdupq_n_s16,
    vdupq_n_s32, vdupq_n_u32, vget_low_s8, vld1q_s8, vld1q_s32, vld1q_u32, vmlal_high_s8, vmlal_s8,
    vpaddlq_s16, vpaddq_s32, vreinterpretq_s8_u32, vst1q_s32, vsubq_s32,
};

use crate::kernel::arch::windows::by_tiles;
use crate::kernel::sums::{NR, Sums};
use crate::kernel::windows::{
    self, BlockWindow, GROUP, Lanes, PanelOrder, WindowBlock, WindowFunctions, WindowProduct,
    limits_of,
};
use crate::shape::positive;

pub(super) static WINDOWS: WindowFunctions = WindowFunctions {
    bytes: WindowProduct {
        sums,
        reached,
        order: PanelOrder::Lanes,
    },
    // Two instructions for 16 products, as with AVX2, whose tiles of bits are the same algorithm.
    byte_cost: 5,
    bits: None,
    most_groups: 0,
    least_windows: usize::MAX,
};

/// Weight rows of a vector.
const LANES: usize = 4;
/// Vectors of a strip of weight rows: with them 4 windows fill 16 of the 32 registers.
const VECTORS: usize = 2;
const STRIPS: usize = NR / (VECTORS * LANES);
/// Groups whose products fit 16 bits: `255 * 128 < 2^15`.
const GROUPS: usize = 255;
/// Every byte less 128, of bytes that wrap around.
const LESS_128: u32 = 0x8080_8080;

/// Sums of the products of a vector: those of its first and of its last eight bytes.
type Pairs = [int16x8_t; 2];
/// The totals of a panel's weight rows.
type Totals = [int32x4_t; NR / LANES];

fn sums(block: &WindowBlock<'_>, panel: &[Lanes], sums: &mut [Sums]) {
    if !block.is_inside() {
        return;
    }
    let taken_away = taken_away(panel);
    let mut places = sums.iter_mut();
    by_tiles!(block.windows, [4, 2, 1], |windows| {
        let totals = tile(block, windows, panel, &taken_away);
        for (totals, sums) in totals.into_iter().zip(&mut places) {
            let (places, _) = sums.0.as_chunks_mut::<LANES>();
            for (total, place) in totals.into_iter().zip(places) {
                // SAFETY: NEON is enabled for the whole build if this module is compiled; the array
                // is 16 writable bytes, and the store wants no alignment.
                unsafe { vst1q_s32(place.as_mut_ptr(), total) };
            }
        }
    });
}

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
        let taken_away = taken_away(panel);
        let mut places = out
            .chunks_mut(positive(stride))
            .filter_map(|row| row.get_mut(p));
        by_tiles!(block.windows, [4, 2, 1], |windows| {
            let totals = tile(block, windows, panel, &taken_away);
            for ((window, totals), place) in windows.iter().zip(totals).zip(&mut places) {
                let (limits, _) = limits_of(limits, window).as_chunks::<LANES>();
                let pairs = totals.into_iter().zip(limits).rev();
                *place = pairs.fold(0, |bits, (total, limits)| {
                    bits << LANES | at_least(total, limits)
                });
            }
        });
    }
}

/// Bit `i`: whether lane `i` is at least limit `i`.
#[inline(always)]
fn at_least(total: int32x4_t, limits: &[i32; LANES]) -> u32 {
    const BITS: [u32; LANES] = [1, 2, 4, 8];
    // SAFETY: NEON is enabled for the whole build; the arrays are 16 readable bytes, and the loads
    // want no alignment.
    unsafe {
        let reached = vcgeq_s32(total, vld1q_s32(limits.as_ptr()));
        vaddvq_u32(vandq_u32(reached, vld1q_u32(BITS.as_ptr())))
    }
}

/// -128 times the sum of each weight row.
fn taken_away(panel: &[Lanes]) -> Totals {
    let (x, mut totals) = (broadcast(LESS_128), no_totals());
    for panel in panel.chunks(GROUPS) {
        for (v, total) in totals.iter_mut().enumerate() {
            let sums = panel.iter().fold(no_pairs(), |sums, lanes| {
                add_products(x, load(lanes, v), sums)
            });
            *total = add_total(*total, sums);
        }
    }
    totals
}

/// The sums of `R` windows, all of which lie in the block's memory.
#[inline(always)]
fn tile<const R: usize>(
    block: &WindowBlock<'_>,
    windows: &[BlockWindow; R],
    panel: &[Lanes],
    taken_away: &Totals,
) -> [Totals; R] {
    let bytes = windows.map(|window| block.bytes.get(window.first as usize..).unwrap_or_default());
    let mut totals = [no_totals(); R];
    for strip in 0..STRIPS {
        for (groups, panel) in block.groups.chunks(GROUPS).zip(panel.chunks(GROUPS)) {
            let mut pairs = [[no_pairs(); VECTORS]; R];
            for (group, lanes) in groups.iter().zip(panel) {
                let weights = [
                    load(lanes, VECTORS * strip),
                    load(lanes, VECTORS * strip + 1),
                ];
                for (pairs, bytes) in pairs.iter_mut().zip(bytes) {
                    let x = bytes.get(*group as usize..).and_then(|x| x.first_chunk());
                    let x = u32::from_le_bytes(x.copied().unwrap_or([0; GROUP]));
                    let x = broadcast(x ^ LESS_128);
                    for (sums, weights) in pairs.iter_mut().zip(weights) {
                        *sums = add_products(x, weights, *sums);
                    }
                }
            }
            for (totals, pairs) in totals.iter_mut().zip(pairs) {
                for (total, sums) in totals[VECTORS * strip..].iter_mut().zip(pairs) {
                    *total = add_total(*total, sums);
                }
            }
        }
    }
    for totals in &mut totals {
        for (total, taken_away) in totals.iter_mut().zip(taken_away) {
            // SAFETY: NEON is enabled for the whole build.
            *total = unsafe { vsubq_s32(*total, *taken_away) };
        }
    }
    totals
}

#[inline(always)]
fn no_pairs() -> Pairs {
    // SAFETY: NEON is enabled for the whole build.
    [unsafe { vdupq_n_s16(0) }; 2]
}

#[inline(always)]
fn no_totals() -> Totals {
    // SAFETY: NEON is enabled for the whole build.
    [unsafe { vdupq_n_s32(0) }; NR / LANES]
}

/// The weights of vector `v` of a group.
#[inline(always)]
fn load(lanes: &Lanes, v: usize) -> int8x16_t {
    let (vectors, _) = lanes.as_chunks::<LANES>();
    // SAFETY: NEON is enabled for the whole build; the array is 16 readable bytes, and the load
    // wants no alignment.
    unsafe { vld1q_s8(vectors[v].as_ptr().cast()) }
}

/// The group in each lane.
#[inline(always)]
fn broadcast(group: u32) -> int8x16_t {
    // SAFETY: NEON is enabled for the whole build.
    unsafe { vreinterpretq_s8_u32(vdupq_n_u32(group)) }
}

#[inline(always)]
fn add_products(x: int8x16_t, weights: int8x16_t, [low, high]: Pairs) -> Pairs {
    // SAFETY: NEON is enabled for the whole build.
    unsafe {
        [
            vmlal_s8(low, vget_low_s8(x), vget_low_s8(weights)),
            vmlal_high_s8(high, x, weights),
        ]
    }
}

/// Adds the sum of each weight row's four products.
#[inline(always)]
fn add_total(total: int32x4_t, [low, high]: Pairs) -> int32x4_t {
    // SAFETY: NEON is enabled for the whole build.
    unsafe { vaddq_s32(total, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high))) }
}
