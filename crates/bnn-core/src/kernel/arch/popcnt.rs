//! x86-64 with `popcnt`: one 64-bit count per cycle and port, so the scalar tile is near its limit.

use super::{by_rows, cpu_has, portable, scalar};
use crate::kernel::{Isa, Kernel};

const NR: usize = 4;

pub(crate) static KERNEL: Kernel = Kernel {
    isa: Isa::Popcnt,
    supported: || cpu_has!("popcnt"),
    // 2 x 4 counts fill the 16 general registers together with the pointers.
    mr: 2,
    nr: NR,
    arrange: |_| (),
    // SAFETY: a `Kernel` is handed out only after `supported`.
    signs: |rows, panel, k, sums| unsafe { signs(rows, panel, k, sums) },
    // SAFETY: as above.
    planes: |rows, panel, sums| unsafe { planes(rows, panel, sums) },
    // SAFETY: as above.
    count: |a, b| unsafe { count(a, b) },
    packing: &super::pack_portable::PACKING,
};

#[target_feature(enable = "popcnt")]
fn signs(rows: &[&[u64]], panel: &[u64], k: u32, sums: &mut [i32]) {
    #[target_feature(enable = "popcnt")]
    fn of<const MR: usize>(rows: &[&[u64]; MR], panel: &[u64], k: u32, sums: &mut [i32]) {
        scalar::signs::<MR, NR>(rows, panel, k, sums);
    }
    by_rows!(rows, 1, 2 => of(panel, k, sums));
}

#[target_feature(enable = "popcnt")]
fn planes(rows: &[&[u64]], panel: &[u64], sums: &mut [i32]) {
    scalar::planes::<NR>(rows, panel, sums);
}

#[target_feature(enable = "popcnt")]
fn count(a: &[u64], b: &[u64]) -> u32 {
    portable::count(a, b)
}
