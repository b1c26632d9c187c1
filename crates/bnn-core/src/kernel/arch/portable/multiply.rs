//! Blocks and panels in plain Rust.

use super::windows::WINDOWS;
use super::{SMALL_CORE, small_core};
use crate::kernel::arch::BASELINE_PACKING;
use crate::kernel::arch::scalar::{self, by_tiles};
use crate::kernel::epilogue;
use crate::kernel::isa::Isa;
use crate::kernel::micro_kernel::{Block, Functions, MicroKernel};
use crate::kernel::sums::Sums;
use crate::kernel::types::Kernel;

/// Weight rows in a strip.
const W: usize = 4;

pub(in crate::kernel) static KERNEL: Kernel = Kernel::new(
    Isa::Portable,
    || true,
    Functions {
        micro_kernel: if SMALL_CORE {
            small_core::multiply::MICRO_KERNEL
        } else {
            MICRO_KERNEL
        },
        epilogues: &epilogue::PORTABLE,
        count,
        packing: &BASELINE_PACKING,
        windows: || &WINDOWS,
    },
);

const MICRO_KERNEL: MicroKernel = MicroKernel {
    mr: 2,
    block_rows: 64,
    block: None,
    panel_words: scalar::panel_words,
    fill_panel: scalar::fill_panel::<W>,
    multiply,
    lay_out_on_the_way: false,
};

fn multiply(block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
    fn tile<const R: usize>(
        rows: [&[u64]; R],
        strip: &[[u64; W]],
        k: u32,
        sums: &mut [Sums],
        at: usize,
    ) {
        scalar::tile(rows, strip, k, sums, at);
    }
    by_tiles!(block, panel, sums, [2, W], 1, 2 => tile);
}

/// `popcount(a ^ b)` over rows of equal length.
#[inline(always)]
pub(in crate::kernel::arch) fn count(a: &[u64], b: &[u64]) -> u32 {
    if SMALL_CORE {
        return small_core::multiply::count(a, b);
    }
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}
