//! Plain Rust, for every target; the compiler expands the population count to bit tricks where the
//! CPU has no instruction for it.

use super::{by_rows, scalar};
use crate::kernel::{Isa, Kernel};

const NR: usize = 4;

pub(crate) static KERNEL: Kernel = Kernel {
    isa: Isa::Portable,
    supported: || true,
    mr: 2,
    nr: NR,
    tile,
    count: scalar::count,
};

fn tile(rows: &[&[u64]], panel: &[u64], counts: &mut [u32]) {
    fn of<const MR: usize>(rows: &[&[u64]; MR], panel: &[u64], counts: &mut [u32]) {
        scalar::tile::<MR, NR>(rows, panel, counts);
    }
    by_rows!(rows, 1, 2 => of(panel, counts));
}
