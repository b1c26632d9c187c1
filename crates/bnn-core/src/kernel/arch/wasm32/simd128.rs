//! WebAssembly with 128-bit vectors; a module either has them or does not, there is nothing to ask.

use core::arch::wasm32::{
    i16x8_add, i32x4_add, i64x2_shuffle, u8x16_add, u8x16_popcnt, u8x16_shl, u8x16_splat,
    u8x16_sub, u8x16_swizzle, u16x8_extadd_pairwise_u8x16, u16x8_extend_high_u8x16,
    u16x8_extend_low_u8x16, u16x8_shr, u32x4_extadd_pairwise_u16x8, u32x4_extract_lane, v128,
    v128_and, v128_load, v128_store, v128_xor,
};

use crate::kernel::arch::vector128::{self, Vector};
use crate::kernel::arch::{BASELINE_PACKING, portable};
use crate::kernel::epilogue;
use crate::kernel::isa::Isa;
use crate::kernel::micro_kernel::Functions;
use crate::kernel::types::Kernel;

pub(in crate::kernel) static KERNEL: Kernel = Kernel::new(
    Isa::Simd128,
    // This module is compiled only for builds that may use the vectors.
    || true,
    Functions {
        micro_kernel: vector128::micro_kernel(|block, panel, sums| {
            vector128::multiply::<v128>(block, panel, sums);
        }),
        epilogues: &epilogue::PORTABLE,
        count,
        packing: &BASELINE_PACKING,
        windows: || &portable::windows::WINDOWS,
    },
);

/// `popcount(a ^ b)`. In engines on x86, which expand `i8x16.popcnt`, the scalar instruction is
/// faster for short rows and about as fast for long ones; those on Arm expand the scalar one.
fn count(a: &[u64], b: &[u64]) -> u32 {
    if a.len() < 64 {
        portable::multiply::count(a, b)
    } else {
        vector128::count::<v128>(a, b)
    }
}

impl Vector for v128 {
    #[inline(always)]
    fn splat(byte: u8) -> Self {
        u8x16_splat(byte)
    }

    #[inline(always)]
    fn load(words: &[u64; 2]) -> Self {
        // SAFETY: the array is 16 readable bytes, and the load wants no alignment.
        unsafe { v128_load(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        v128_xor(self, other)
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        u8x16_add(self, other)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        u8x16_sub(self, other)
    }

    #[inline(always)]
    fn times_16(self) -> Self {
        u8x16_shl(self, 4)
    }

    #[inline(always)]
    fn low(self) -> Self {
        v128_and(self, u8x16_splat(15))
    }

    /// Shifts 16-bit lanes, because a shift of bytes is several instructions on x86.
    #[inline(always)]
    fn high(self) -> Self {
        u16x8_shr(self, 4).low()
    }

    #[inline(always)]
    fn look_up(self, places: Self) -> Self {
        u8x16_swizzle(self, places)
    }

    #[inline(always)]
    fn count_ones(self) -> Self {
        u8x16_popcnt(self)
    }

    #[inline(always)]
    fn add_to(self, sums: &mut [u16; 16]) {
        let (halves, _) = sums.as_chunks_mut::<8>();
        let [low, high] = [halves[0].as_mut_ptr().cast(), halves[1].as_mut_ptr().cast()];
        // SAFETY: each array is 16 readable and writable bytes, and no access wants an alignment.
        unsafe {
            v128_store(low, i16x8_add(v128_load(low), u16x8_extend_low_u8x16(self)));
            v128_store(
                high,
                i16x8_add(v128_load(high), u16x8_extend_high_u8x16(self)),
            );
        }
    }

    #[inline(always)]
    fn add_pairs_to(self, sums: Self) -> Self {
        i16x8_add(sums, u16x8_extadd_pairwise_u8x16(self))
    }

    #[inline(always)]
    fn sum_pairs(self) -> u32 {
        let quarters = u32x4_extadd_pairwise_u16x8(self);
        let halves = i32x4_add(quarters, i64x2_shuffle::<1, 0>(quarters, quarters));
        u32x4_extract_lane::<0>(halves) + u32x4_extract_lane::<1>(halves)
    }
}
