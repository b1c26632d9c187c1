//! For the other crates of this workspace only: this module is no part of the public interface and
//! changes without notice.

#[cfg(feature = "alloc")]
mod owned;

use core::ffi::CStr;

use crate::Isa;

pub use crate::bits::bits_at;
#[cfg(feature = "std")]
pub use crate::gemm::parallel::{WORTH_A_THREAD, single_threaded};
pub use crate::kernel::loops::Loop;
pub use crate::kernel::vectorised;
#[cfg(feature = "graph")]
pub use crate::model::graph::{NodeInfo, NodeMemory, fixed, nodes, output_exponent};
#[cfg(feature = "conv")]
pub use crate::window::{Axis, axes, padded_sides, padding, windows};
#[cfg(feature = "alloc")]
pub use owned::*;

/// [`Isa::name`] as C has it.
#[must_use]
pub const fn isa_c_name(isa: Isa) -> &'static CStr {
    isa.c_name()
}

/// Rows of integers, as the target at hand computes them.
#[cfg(feature = "graph")]
pub mod rows {
    use crate::kernel;

    /// Windows that are multiplied together, elements of each, and sums of each, at most.
    pub const WINDOWS: usize = kernel::WINDOWS;
    pub const LEN: usize = kernel::LEN;
    pub const SUMS: usize = kernel::SUMS;

    /// Adds to the first `outputs` sums of each window over `row` the products of its elements, `len`
    /// of them, with as many weights: those where `weights` begins, and for the sums after the first
    /// `stride` further on each. Windows are `step` apart; how many there are.
    pub fn add_products(
        row: &[i16],
        [step, len]: [usize; 2],
        weights: &[i8],
        stride: usize,
        sums: &mut [[i32; SUMS]; WINDOWS],
        outputs: usize,
    ) -> usize {
        let mut windows = kernel::IntegerWindows::new(step);
        let count = windows.most();
        let to = windows.place(count, len).iter_mut();
        to.zip(row).for_each(|(to, x)| *to = *x);
        kernel::add_products(&windows, weights, stride, sums, outputs);
        count
    }

    /// Adds to the sums of each pixel the products of its elements with `w`, of as many as `w` has.
    /// The elements of a pixel begin `step` after those of the one before, the first ones where `x`
    /// does.
    pub fn add_each_product(sums: &mut [[i32; SUMS]], x: &[i16], step: usize, w: &[i16]) {
        kernel::add_each_product(sums, x, step, w);
    }

    /// Adds to each element that of `x`, saturating.
    pub fn add_to_each(to: &mut [i16], x: &[i16]) {
        kernel::add_to_each(to, x);
    }

    /// Replaces each element by that of `x` where that is greater.
    pub fn most_of_each(to: &mut [i16], x: &[i16]) {
        kernel::most_of_each(to, x);
    }
}
