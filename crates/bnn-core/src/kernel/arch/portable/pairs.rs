//! Rows of integers with rows of integers, element by element, in plain Rust.

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

/// Adds to each sum the product of an element of `x` and of `w`, of as many as `w` has.
pub(crate) fn add_each_product(sums: &mut [i32], x: &[i16], w: &[i16]) {
    for ((sum, &x), &w) in sums.iter_mut().zip(x).zip(w) {
        *sum = sum.wrapping_add(i32::from(x).wrapping_mul(w.into()));
    }
}
