//! x86-64 with `popcnt`: one 64-bit count per cycle and port, so the scalar tile is near its limit.

use super::{by_rows, cpu_has, scalar};
use crate::kernel::{Isa, Kernel};

const NR: usize = 4;

pub(crate) static KERNEL: Kernel = Kernel {
    isa: Isa::Popcnt,
    supported: || cpu_has!("popcnt"),
    mr: 2,
    nr: NR,
    // SAFETY: a `Kernel` is handed out only after `supported`.
    tile: |rows, panel, counts| unsafe { tile(rows, panel, counts) },
    // SAFETY: as above.
    count: |a, b| unsafe { count(a, b) },
};

#[target_feature(enable = "popcnt")]
fn tile(rows: &[&[u64]], panel: &[u64], counts: &mut [u32]) {
    // 2 x 4 counts fill the 16 general registers together with the pointers.
    #[target_feature(enable = "popcnt")]
    fn of<const MR: usize>(rows: &[&[u64]; MR], panel: &[u64], counts: &mut [u32]) {
        scalar::tile::<MR, NR>(rows, panel, counts);
    }
    by_rows!(rows, 1, 2 => of(panel, counts));
}

#[target_feature(enable = "popcnt")]
fn count(a: &[u64], b: &[u64]) -> u32 {
    scalar::count(a, b)
}
