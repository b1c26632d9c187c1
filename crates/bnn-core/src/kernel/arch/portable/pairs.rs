//! Rows of integers with rows of integers, element by element, in plain Rust.

use crate::kernel::SUMS;

/// Adds to each element that of `x`, saturating.
pub(crate) fn add_to_each(to: &mut [i16], x: &[i16]) {
    for (to, x) in to.iter_mut().zip(x) {
        *to = to.saturating_add(*x);
    }
}

/// Replaces each element by that of `x` where that is greater.
pub(crate) fn most_of_each(to: &mut [i16], x: &[i16]) {
    for (to, x) in to.iter_mut().zip(x) {
        *to = (*to).max(*x);
    }
}

/// Adds to the sums of each pixel the products of its elements with `w`, of as many as `w` has. The
/// elements of a pixel begin `step` after those of the one before, the first ones where `x` does.
pub(crate) fn add_each_product(sums: &mut [[i32; SUMS]], x: &[i16], step: usize, w: &[i16]) {
    let mut at = 0;
    for sums in sums {
        let x = x.get(at..).unwrap_or_default();
        for ((sum, &x), &w) in sums.iter_mut().zip(x).zip(w) {
            *sum = sum.wrapping_add(i32::from(x).wrapping_mul(w.into()));
        }
        at += step;
    }
}
