//! The kernel for vectors of 128 bits, with NEON.

use core::arch::aarch64::{
    uint8x16_t, vaddlvq_u16, vaddq_u8, vaddw_high_u8, vaddw_u8, vandq_u8, vcntq_u8, vdupq_n_u8,
    veorq_u8, vget_low_u8, vld1q_u8, vld1q_u16, vpadalq_u8, vqtbl1q_u8, vreinterpretq_u8_u16,
    vreinterpretq_u16_u8, vshlq_n_u8, vshrq_n_u8, vst1q_u16, vsubq_u8,
};

use super::PACKING;
use crate::kernel::arch::vector128::{self, Vector};
use crate::kernel::epilogue;
use crate::kernel::isa::Isa;
use crate::kernel::micro_kernel::Functions;
use crate::kernel::types::Kernel;

pub(in crate::kernel) static KERNEL: Kernel = Kernel::new(
    Isa::Neon,
    // This module is compiled only for builds that may use NEON.
    || true,
    Functions {
        micro_kernel: vector128::micro_kernel(|block, panel, sums| {
            vector128::multiply::<uint8x16_t>(block, panel, sums);
        }),
        epilogues: &epilogue::PORTABLE,
        count: |a, b| vector128::count::<uint8x16_t>(a, b),
        packing: &PACKING,
        windows: || &super::windows::WINDOWS,
    },
);

impl Vector for uint8x16_t {
    #[inline(always)]
    fn splat(byte: u8) -> Self {
        // SAFETY: NEON is enabled for the whole build if this module is compiled.
        unsafe { vdupq_n_u8(byte) }
    }

    #[inline(always)]
    fn load(words: &[u64; 2]) -> Self {
        // SAFETY: the array is 16 readable bytes, and the load wants no alignment.
        unsafe { vld1q_u8(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: NEON is enabled for the whole build.
        unsafe { veorq_u8(self, other) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: NEON is enabled for the whole build.
        unsafe { vaddq_u8(self, other) }
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: NEON is enabled for the whole build.
        unsafe { vsubq_u8(self, other) }
    }

    #[inline(always)]
    fn times_16(self) -> Self {
        // SAFETY: NEON is enabled for the whole build.
        unsafe { vshlq_n_u8::<4>(self) }
    }

    #[inline(always)]
    fn low(self) -> Self {
        // SAFETY: NEON is enabled for the whole build.
        unsafe { vandq_u8(self, vdupq_n_u8(15)) }
    }

    #[inline(always)]
    fn high(self) -> Self {
        // SAFETY: NEON is enabled for the whole build.
        unsafe { vshrq_n_u8::<4>(self) }
    }

    #[inline(always)]
    fn look_up(self, places: Self) -> Self {
        // SAFETY: NEON is enabled for the whole build.
        unsafe { vqtbl1q_u8(self, places) }
    }

    #[inline(always)]
    fn count_ones(self) -> Self {
        // SAFETY: NEON is enabled for the whole build.
        unsafe { vcntq_u8(self) }
    }

    #[inline(always)]
    fn add_to(self, sums: &mut [u16; 16]) {
        let (halves, _) = sums.as_chunks_mut::<8>();
        let [low, high] = [halves[0].as_mut_ptr(), halves[1].as_mut_ptr()];
        // SAFETY: each array is 16 readable and writable bytes, and no access wants an alignment.
        unsafe {
            vst1q_u16(low, vaddw_u8(vld1q_u16(low), vget_low_u8(self)));
            vst1q_u16(high, vaddw_high_u8(vld1q_u16(high), self));
        }
    }

    #[inline(always)]
    fn add_pairs_to(self, sums: Self) -> Self {
        // SAFETY: NEON is enabled for the whole build.
        unsafe { vreinterpretq_u8_u16(vpadalq_u8(vreinterpretq_u16_u8(sums), self)) }
    }

    #[inline(always)]
    fn sum_pairs(self) -> u32 {
        // SAFETY: NEON is enabled for the whole build.
        unsafe { vaddlvq_u16(vreinterpretq_u16_u8(self)) }
    }
}
