//! x86-64 with `popcnt`: one 64-bit count per cycle and port, so the scalar tile is near its limit.

use super::cpu_has;
use crate::kernel::arch::portable;
use crate::kernel::arch::scalar::{self, by_tiles};
use crate::kernel::epilogue;
use crate::kernel::isa::Isa;
use crate::kernel::micro_kernel::{Block, Functions, MicroKernel};
use crate::kernel::sums::Sums;
use crate::kernel::types::Kernel;

/// Weight rows in a strip.
const W: usize = 4;

pub(in crate::kernel) static KERNEL: Kernel = Kernel::new(
    Isa::Popcnt,
    || cpu_has!("popcnt"),
    Functions {
        micro_kernel: MicroKernel {
            // 2 x 4 counts fill the 16 general registers together with the pointers.
            mr: 2,
            block_rows: 64,
            block: None,
            panel_words: scalar::panel_words,
            fill_panel: scalar::fill_panel::<W>,
            // SAFETY: a `Kernel` is handed out only if `supported` has found the CPU's `popcnt`.
            multiply: |block, panel, sums| unsafe { multiply(block, panel, sums) },
            lay_out_on_the_way: false,
        },
        epilogues: &epilogue::PORTABLE,
        // SAFETY: a `Kernel` is handed out only if `supported` has found the CPU's `popcnt`.
        count: |a, b| unsafe { count(a, b) },
        packing: &portable::pack::PACKING,
        windows: || &portable::windows::WINDOWS,
    },
);

#[target_feature(enable = "popcnt")]
fn multiply(block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
    #[target_feature(enable = "popcnt")]
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

#[target_feature(enable = "popcnt")]
fn count(a: &[u64], b: &[u64]) -> u32 {
    portable::multiply::count(a, b)
}
