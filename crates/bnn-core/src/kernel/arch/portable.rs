//! Plain Rust, for every target; the compiler expands the population count to bit tricks where the
//! CPU has no instruction for it.

#[cfg(feature = "alloc")]
use super::scalar::{self, by_tiles};
#[cfg(feature = "alloc")]
use crate::kernel::{Block, Layout, Sums};
use crate::kernel::{Isa, Kernel, endings};

/// Weight rows in a strip.
#[cfg(feature = "alloc")]
const W: usize = 4;

pub(crate) static KERNEL: Kernel = Kernel {
    isa: Isa::Portable,
    supported: || true,
    #[cfg(feature = "alloc")]
    layout: Layout {
        mr: 2,
        block_rows: 64,
        block_words: scalar::block_words,
        fill_block: scalar::fill_block::<2>,
        panel_words: scalar::panel_words,
        fill_panel: scalar::fill_panel::<W>,
        multiply,
        lighter: None,
    },
    endings: &endings::PORTABLE,
    count,
    #[cfg(feature = "alloc")]
    packing: &super::BASELINE_PACKING,
};

#[cfg(feature = "alloc")]
fn multiply(block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
    fn tile<const R: usize>(
        rows: &[[u64; R]],
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
pub(super) fn count(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}
