//! Plain Rust, for every target. Where the CPU has no population count, the compiler expands it to bit
//! tricks, on 64-bit targets with vector instructions if they have those; for small 32-bit cores there
//! are better ways ([`small_core`]).

#[cfg(feature = "alloc")]
use super::scalar::{self, by_tiles};
use super::small_core;
#[cfg(feature = "alloc")]
use crate::kernel::{Block, Layout, Sums, endings};
use crate::kernel::{Isa, Kernel};

/// Whether this is a 32-bit target whose cores have neither a population count nor vectors.
const SMALL_CORE: bool = cfg!(any(
    target_arch = "arm",
    all(target_arch = "riscv32", not(target_feature = "zbb"))
));

/// Weight rows in a strip.
#[cfg(feature = "alloc")]
const W: usize = 4;

pub(crate) static KERNEL: Kernel = Kernel {
    isa: Isa::Portable,
    supported: || true,
    #[cfg(feature = "alloc")]
    layout: if SMALL_CORE {
        small_core::LAYOUT
    } else {
        LAYOUT
    },
    #[cfg(feature = "alloc")]
    endings: &endings::PORTABLE,
    #[cfg(feature = "alloc")]
    count,
    #[cfg(feature = "alloc")]
    packing: &super::BASELINE_PACKING,
    #[cfg(feature = "std")]
    f32_product: None,
};

#[cfg(feature = "alloc")]
const LAYOUT: Layout = Layout {
    mr: 2,
    block_rows: 64,
    block: None,
    panel_words: scalar::panel_words,
    fill_panel: scalar::fill_panel::<W>,
    multiply,
    lighter: None,
};

#[cfg(feature = "alloc")]
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
#[cfg(feature = "alloc")]
#[inline(always)]
pub(super) fn count(a: &[u64], b: &[u64]) -> u32 {
    if SMALL_CORE {
        return small_core::count(a, b);
    }
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// See [`Kernel::dot_rows`].
#[cfg(not(feature = "alloc"))]
pub(in crate::kernel) fn dot_rows(row: &[u64], mut others: &[u64], k: i32, sums: &mut [i32]) {
    if SMALL_CORE {
        return small_core::dot_rows(row, others, k, sums);
    }
    for sum in sums {
        let Some((other, rest)) = others.split_at_checked(row.len()) else {
            return;
        };
        let words = row.iter().zip(other);
        let count: u32 = words.map(|(a, b)| (a ^ b).count_ones()).sum();
        *sum = k.wrapping_sub((count << 1).cast_signed());
        others = rest;
    }
}
