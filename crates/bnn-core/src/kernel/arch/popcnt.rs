//! x86-64 with `popcnt`: one 64-bit count per cycle and port, so the scalar tile is near its limit.

use super::cpu_has;
use super::portable;
use super::scalar::{self, by_tiles};
use crate::kernel::{Block, Isa, Kernel, Layout, Sums, endings};

/// Weight rows in a strip.
const W: usize = 4;

pub(crate) static KERNEL: Kernel = Kernel {
    isa: Isa::Popcnt,
    supported: || cpu_has!("popcnt"),
    layout: Layout {
        // 2 x 4 counts fill the 16 general registers together with the pointers.
        mr: 2,
        block_rows: 64,
        block: None,
        panel_words: scalar::panel_words,
        fill_panel: scalar::fill_panel::<W>,
        // SAFETY: a `Kernel` is handed out only after `supported`.
        multiply: |block, panel, sums| unsafe { multiply(block, panel, sums) },
        lighter: None,
    },
    endings: &endings::PORTABLE,
    // SAFETY: as above.
    count: |a, b| unsafe { count(a, b) },
    packing: &super::pack_portable::PACKING,
    #[cfg(feature = "std")]
    f32_product: None,
};

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
    portable::count(a, b)
}
