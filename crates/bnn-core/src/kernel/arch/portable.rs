//! Plain Rust, for every target; the compiler expands the population count to bit tricks where the
//! CPU has no instruction for it.

#[cfg(feature = "alloc")]
use super::{by_rows, scalar};
use crate::kernel::{Isa, Kernel};

const NR: usize = 4;

pub(crate) static KERNEL: Kernel = Kernel {
    isa: Isa::Portable,
    supported: || true,
    mr: 2,
    nr: NR,
    #[cfg(feature = "alloc")]
    arrange: |_| (),
    #[cfg(feature = "alloc")]
    signs,
    #[cfg(feature = "alloc")]
    planes: scalar::planes::<NR>,
    count,
    #[cfg(feature = "alloc")]
    packing: &super::BASELINE_PACKING,
};

#[cfg(feature = "alloc")]
fn signs(rows: &[&[u64]], panel: &[u64], k: u32, sums: &mut [i32]) {
    fn of<const MR: usize>(rows: &[&[u64]; MR], panel: &[u64], k: u32, sums: &mut [i32]) {
        scalar::signs::<MR, NR>(rows, panel, k, sums);
    }
    by_rows!(rows, 1, 2 => of(panel, k, sums));
}

/// `popcount(a ^ b)` over rows of equal length.
#[inline(always)]
pub(super) fn count(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}
