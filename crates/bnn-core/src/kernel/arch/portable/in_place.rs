//! In the place of `multiply` without an allocator: products with canonical rows.

use super::{SMALL_CORE, small_core};
use crate::kernel::isa::Isa;
use crate::kernel::types::Kernel;

pub(in crate::kernel) static KERNEL: Kernel = Kernel::new(Isa::Portable, || true);

/// See [`Kernel::dot_rows`].
pub(in crate::kernel) fn dot_rows(row: &[u64], others: &[u64], k: i32, sums: &mut [i32]) {
    if SMALL_CORE {
        return small_core::fastest::dot_rows(row, others, k, sums);
    }
    // Usual lengths have loops without a counter: on rows so short it would take most of the time.
    match row.len() {
        1 => dots_of::<1>(row, others, k, sums),
        2 => dots_of::<2>(row, others, k, sums),
        4 => dots_of::<4>(row, others, k, sums),
        8 => dots_of::<8>(row, others, k, sums),
        words => {
            for (sum, other) in sums.iter_mut().zip(others.chunks_exact(words.max(1))) {
                *sum = dot(row, other, k);
            }
        }
    }
}

/// [`dot_rows`] of rows of `N` words.
fn dots_of<const N: usize>(row: &[u64], others: &[u64], k: i32, sums: &mut [i32]) {
    let Some(row) = row.first_chunk::<N>() else {
        return;
    };
    let (others, _) = others.as_chunks::<N>();
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum = dot(row, other, k);
    }
}

#[inline(always)]
fn dot(row: &[u64], other: &[u64], k: i32) -> i32 {
    let words = row.iter().zip(other);
    let count: u32 = words.map(|(a, b)| (a ^ b).count_ones()).sum();
    k.wrapping_sub((count << 1).cast_signed())
}
