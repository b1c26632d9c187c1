//! x86-64 with AMX-INT8, the tile unit of Intel's server CPUs since Sapphire Rapids: bits are
//! widened to bytes in the cache, and one instruction multiplies 16 rows with 16 weight rows over
//! 64 elements: 16384 products in 16 cycles, three times what counting bits can do there. Widening
//! pays only with many products per bit, so small products go to the AVX-512 kernel, whose panels
//! these are.
//!
//! [`int8`] multiplies bits, [`bf16`] multiplies `f32` with signs. Both stand on [`tiles`].

mod bf16;
mod bf16_layout;
mod bf16_tiles;
mod int8;
mod tiles;

use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use std::sync::OnceLock;

use super::{avx512, cpu_has};
use crate::kernel::arch::scalar;
use crate::kernel::f32_operands::F32Functions;
use crate::kernel::isa::Isa;
use crate::kernel::micro_kernel::{BlockLayout, Functions, MicroKernel};
use crate::kernel::types::{Kernel, Lighter};
use tiles::TILE;

pub(in crate::kernel) static KERNEL: Kernel = Kernel::new(
    Isa::Amx,
    supported,
    Functions {
        micro_kernel: MicroKernel {
            mr: 2 * TILE,
            block_rows: 256,
            block: Some(BlockLayout {
                words: int8::block_words,
                // SAFETY: a `Kernel` is handed out only if `supported` has found these
                // instructions.
                fill: |rows, words, block| unsafe { int8::fill_block(rows, words, block) },
            }),
            panel_words: scalar::panel_words,
            // SAFETY: a `Kernel` is handed out only if `supported` has found these instructions.
            fill_panel: |rows, words, panel| unsafe {
                avx512::panel::fill_panel(rows, words, panel)
            },
            // SAFETY: a `Kernel` is handed out only if `supported` has found these instructions.
            multiply: |block, panel, sums| unsafe { int8::multiply(block, panel, sums) },
            lay_out_on_the_way: true,
        },
        epilogues: &avx512::epilogue::EPILOGUES,
        // SAFETY: a `Kernel` is handed out only if `supported` has found these instructions.
        count: |a, b| unsafe { avx512::count(a, b) },
        packing: &avx512::pack::PACKING,
        windows: avx512::windows,
    },
)
.with_lighter(Lighter {
    kernel: &avx512::KERNEL,
    takes: small,
})
.with_sign_tables(&avx512::f32_signs::SIGN_TABLES)
.with_f32(F32Functions {
    supported: bf16::supported,
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX-512 BW and BMI2, and its
    // `F32Functions` only if the tiles multiply bfloat16.
    multiply: |a, b, out| unsafe { bf16::multiply(a, b, out) },
});

impl Kernel {
    /// Gives small products to another kernel.
    const fn with_lighter(mut self, lighter: Lighter) -> Self {
        self.lighter = Some(lighter);
        self
    }

    /// Adds a faster way to multiply `f32` with signs.
    const fn with_f32(mut self, functions: F32Functions) -> Self {
        self.f32 = Some(functions);
        self
    }
}

/// Whether the AVX-512 kernel is faster: measured; at the border the two are equal.
fn small(rows: usize, words: usize, outputs: usize) -> bool {
    let work = rows.saturating_mul(words).saturating_mul(outputs);
    rows < 48 || words < 16 || outputs < 256 || work < 1 << 21
}

/// Whether the CPU has AMX, and the system lets this process use it.
fn supported() -> bool {
    static SUPPORTED: OnceLock<bool> = OnceLock::new();
    *SUPPORTED.get_or_init(|| {
        (avx512::KERNEL.supported)()
            && cpu_has!("avx512bw", "avx512vbmi", "bmi2", "xsave")
            && cpu_has_amx()
            && request_tiles()
    })
}

/// CPUID leaf 7 says whether there are tiles and their byte products, XCR0 whether the system saves
/// them.
fn cpu_has_amx() -> bool {
    const TILES_AND_INT8: u32 = 0b11 << 24;
    const TILE_STATE: u64 = 0b11 << 17;
    #[target_feature(enable = "xsave")]
    fn xcr0() -> u64 {
        // SAFETY: `supported` has found XSAVE enabled by the system (OSXSAVE), which `xgetbv`
        // needs.
        unsafe { _xgetbv(0) }
    }
    __cpuid(0).eax >= 7
        && __cpuid_count(7, 0).edx & TILES_AND_INT8 == TILES_AND_INT8
        // SAFETY: `supported` has found XSAVE.
        && unsafe { xcr0() } & TILE_STATE == TILE_STATE
}

/// Linux gives the tile registers' 8 KiB of state per thread only to a process that asks
/// (Documentation/arch/x86/xstate.rst).
fn request_tiles() -> bool {
    const ARCH_PRCTL: usize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XFEATURE_XTILEDATA: usize = 18;
    let status: isize;
    // SAFETY: the system call reads and writes no memory of this process; `syscall` clobbers rcx
    // and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => status,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    status == 0
}
