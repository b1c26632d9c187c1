//! Blocks and panels of small cores: one row against one weight row fills the registers, so panels
//! are rows as they are.

use super::fastest::dot_rows;
use crate::kernel::arch::scalar;
use crate::kernel::micro_kernel::{Block, MicroKernel};
use crate::kernel::sums::Sums;

pub(in super::super) const MICRO_KERNEL: MicroKernel = MicroKernel {
    mr: 1,
    block_rows: 64,
    block: None,
    panel_words: scalar::panel_words,
    fill_panel: scalar::fill_panel::<1>,
    multiply,
    lay_out_on_the_way: false,
};

fn multiply(block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
    for (row, sums) in block.layout.chunks_exact(block.words).zip(sums) {
        dot_rows(row, panel, block.k.cast_signed(), &mut sums.0);
    }
}

/// `popcount(a ^ b)` over rows of equal length.
pub(in super::super) fn count(a: &[u64], b: &[u64]) -> u32 {
    let mut sum = [0];
    dot_rows(a, b, 0, &mut sum);
    sum[0].wrapping_neg().cast_unsigned() / 2
}
