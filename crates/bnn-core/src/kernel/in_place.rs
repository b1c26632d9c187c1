//! In the place of `products` without an allocator: what a kernel does are the functions of the
//! target's baseline. The compiler knows them, so firmware links only the functions that it calls.

use super::arch;
use super::epilogue::{self, Epilogues};
use super::packing::Packing;
use super::types::Kernel;

#[expect(
    dead_code,
    reason = "only products in tiles, which need an allocator, use these"
)]
impl Kernel {
    /// The epilogues of this kernel.
    pub(crate) fn epilogues(&self) -> &'static Epilogues {
        &epilogue::PORTABLE
    }

    /// Rows that are multiplied together in registers.
    pub(crate) fn mr(&self) -> usize {
        1
    }
}

impl Kernel {
    /// Whether it has no instruction that counts bits: of the targets that are built without an
    /// allocator only WebAssembly has one.
    #[inline]
    pub(crate) fn counts_by_arithmetic(&self) -> bool {
        !cfg!(bnn_counts_bits)
    }

    /// The packing functions of this kernel.
    #[inline]
    pub(crate) fn packing(&self) -> &'static Packing {
        &arch::BASELINE_PACKING
    }

    /// Products of +-1 between `row` and each of the rows of the same length in `others`, one after
    /// the other: `sums[i] = k - 2 * popcount(row ^ others[i])`, modulo `2^32`, where `k` is the
    /// number of elements in use. `others` has a row for each sum: sums without one mean nothing.
    pub(crate) fn dot_rows(&self, row: &[u64], others: &[u64], k: i32, sums: &mut [i32]) {
        arch::portable::multiply::dot_rows(row, others, k, sums);
    }
}
