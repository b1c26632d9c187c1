//! In the place of `multiply` without an allocator: products with canonical rows.

use super::{SMALL_CORE, small_core};
use crate::kernel::isa::Isa;
use crate::kernel::types::Kernel;

pub(in crate::kernel) static KERNEL: Kernel = Kernel::new(Isa::Portable, || true);

/// See [`Kernel::dot_rows`].
pub(in crate::kernel) fn dot_rows(row: &[u64], mut others: &[u64], k: i32, sums: &mut [i32]) {
    if SMALL_CORE {
        return small_core::fastest::dot_rows(row, others, k, sums);
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
