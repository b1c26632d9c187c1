//! Products of integers in plain Rust.

use crate::kernel::{IntegerWindows, SUMS};

/// Adds to the first `outputs` sums of each window the products of its elements with as many
/// weights: those where `weights` begins, and for the sums after the first `stride` further on each.
/// No sum leaves `i32`; one without weights, or beyond the outputs, means nothing.
pub(crate) fn add_products(
    windows: &IntegerWindows,
    weights: &[i8],
    stride: usize,
    sums: &mut [[i32; SUMS]],
    outputs: usize,
) {
    for (window, sums) in windows.iter().zip(sums) {
        let sums = sums.get_mut(..outputs).unwrap_or_default();
        of_window(window, weights, stride, sums);
    }
}

fn of_window(row: &[i16], weights: &[i8], stride: usize, sums: &mut [i32]) {
    let (quads, rest) = row.as_chunks::<4>();
    let mut at = 0;
    for sum in sums {
        let weights = weights.get(at..).unwrap_or_default();
        let (whole, after) = weights
            .split_at_checked(4 * quads.len())
            .unwrap_or_default();
        let mut total = *sum;
        // Four at a time, so that the loop takes a small part.
        for (x, w) in quads.iter().zip(whole.as_chunks().0) {
            total = total.wrapping_add(dot::<4>(x, w));
        }
        for (x, w) in rest.iter().zip(after) {
            total = total.wrapping_add(dot(&[*x], &[*w]));
        }
        *sum = total;
        at += stride;
    }
}

#[inline(always)]
fn dot<const N: usize>(row: &[i16; N], weights: &[i8; N]) -> i32 {
    let products = row.iter().zip(weights);
    let products = products.map(|(&x, &w)| i32::from(x).wrapping_mul(w.into()));
    products.fold(0, i32::wrapping_add)
}
