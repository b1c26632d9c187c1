//! Helpers of the operations that apply one number to each channel, the last dimension.

use crate::error::Error;
use crate::parallel::{for_rows, sums_by_columns};
use crate::real::Real;
use crate::tensor::Tensor;

/// Checks that there is one number per channel of `x`; `what` names `x`, `kind` the numbers.
pub(super) fn check_channels<T: Real>(
    what: &'static str,
    x: &Tensor<T>,
    kind: &'static str,
    numbers: &Tensor<T>,
) -> Result<(), Error> {
    let (_, channels) = x.rows_cols();
    if numbers.shape() == [channels] {
        return Ok(());
    }
    let expected = match *numbers.shape() {
        [count] => format!("[.., {count}] for {count} {kind}"),
        ref other => format!("[.., c] for {kind} [c], not {other:?}"),
    };
    Err(Error::Shape {
        what,
        expected,
        found: x.shape().to_vec(),
    })
}

/// Adds `row` to every row.
pub(super) fn add_to_rows<T: Real>(x: &mut [T], row: &[T]) {
    for_rows(x, row.len(), |x| {
        for (x, &add) in x.iter_mut().zip(row) {
            *x += add;
        }
    });
}

/// Multiplies every row by `row`, elementwise.
pub(crate) fn scale_rows<T: Real>(x: &mut [T], row: &[T]) {
    for_rows(x, row.len(), |x| {
        for (x, &scale) in x.iter_mut().zip(row) {
            *x *= scale;
        }
    });
}

/// The sum over each column of `term` of the elements of two row-major matrices of `cols` columns,
/// added in `f64`.
pub(crate) fn column_sums_of<T: Real>(
    x: &[T],
    y: &[T],
    cols: usize,
    term: impl Fn(T, T) -> f64 + Sync,
) -> Tensor<T> {
    let [sums] = sums_by_columns(x.len() / cols, cols, |row, block, [sums]| {
        let (x, y) = (&x[row * cols..][block.clone()], &y[row * cols..][block]);
        for (sum, (&x, &y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += term(x, y);
        }
    });
    Tensor::from_f64s(sums)
}
