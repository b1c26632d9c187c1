//! The portable kernel of 32-bit cores without a population count: rows as they are, multiplied by what is the
//! fastest on the core that is built for.

#[cfg(armv6m)]
pub(in crate::kernel) use super::armv6m::dot_rows;
#[cfg(armv7em)]
pub(in crate::kernel) use super::armv7em::dot_rows;
#[cfg(not(any(armv6m, armv7em)))]
pub(in crate::kernel) use super::carry_save::dot_rows;

/// `popcount(a ^ b)` over rows of equal length.
#[cfg(feature = "alloc")]
pub(super) fn count(a: &[u64], b: &[u64]) -> u32 {
    let mut sum = [0];
    dot_rows(a, b, 0, &mut sum);
    sum[0].wrapping_neg().cast_unsigned() / 2
}

#[cfg(feature = "alloc")]
mod packed {
    use super::super::scalar;
    use super::dot_rows;
    use crate::kernel::{Block, Layout, Sums};

    /// One row against one weight row fills the registers, so panels are rows as they are.
    pub(in super::super) const LAYOUT: Layout = Layout {
        mr: 1,
        block_rows: 64,
        block: None,
        panel_words: scalar::panel_words,
        fill_panel: scalar::fill_panel::<1>,
        multiply,
        lighter: None,
    };

    fn multiply(block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
        for (row, sums) in block.layout.chunks_exact(block.words).zip(sums) {
            dot_rows(row, panel, block.k.cast_signed(), &mut sums.0);
        }
    }
}
#[cfg(feature = "alloc")]
pub(super) use packed::LAYOUT;
