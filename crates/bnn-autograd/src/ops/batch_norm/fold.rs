//! Statistics of columns, and a normalisation folded to one factor and one summand per column.

use crate::buffer::take_buffer;
use crate::error::Error;
use crate::parallel::{for_row_pairs, sums_by_columns};
use crate::real::Real;
use crate::tensor::Tensor;

/// Mean and variance of every column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnStats<T: Real = f32> {
    /// `[n]`: the mean.
    pub mean: Tensor<T>,
    /// `[n]`: the variance, divided by the number of rows (biased).
    pub var: Tensor<T>,
}

/// A normalisation folded to `y = scale * x + bias` per column.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine<T: Real = f32> {
    /// One factor per column.
    pub scale: Vec<T>,
    /// One summand per column.
    pub bias: Vec<T>,
}

/// Mean and biased variance of every column of `[.., n]`, leading dimensions flattened to rows.
/// Summed in `f64`, in an order that depends on the shape alone.
///
/// One pass: sums of the distances from the first row and of their squares. That row is a sample as
/// well, so that the square of the mean distance is at most `rows` times the variance, and the
/// difference of the two sums loses no more than `log2(rows)` of 53 bits. Sums of integers are
/// exact.
pub(super) fn column_stats<T: Real>(x: &Tensor<T>) -> ColumnStats<T> {
    let (rows, n) = x.rows_cols();
    let first: Vec<f64> = x.data()[..n].iter().map(|x| x.as_f64()).collect();
    let [sums, squares] = sums_by_columns(rows, n, |row, block, [sums, squares]| {
        let x = &x.data()[row * n..][block.clone()];
        let sums = sums.iter_mut().zip(squares);
        for ((sum, square), (x, first)) in sums.zip(x.iter().zip(&first[block])) {
            let distance = x.as_f64() - first;
            *sum += distance;
            *square += distance * distance;
        }
    });
    stats_of_distances(rows, &first, &sums, &squares)
}

/// The statistics of columns by the sums of the distances from their first elements, and of the
/// squares of these.
pub(in crate::ops) fn stats_of_distances<T: Real>(
    rows: usize,
    first: &[f64],
    sums: &[f64],
    squares: &[f64],
) -> ColumnStats<T> {
    let rows = rows as f64;
    let mean = first
        .iter()
        .zip(sums)
        .map(|(first, sum)| first + sum / rows);
    let var = sums.iter().zip(squares).map(|(sum, square)| {
        let var = (square - sum * sum / rows) / rows;
        // Rounded below 0 at most; `max` would turn NaN to 0.
        if var < 0.0 { 0.0 } else { var }
    });
    ColumnStats {
        mean: Tensor::from_f64s(mean),
        var: Tensor::from_f64s(var),
    }
}

/// `scale = gamma / sqrt(var + eps)` and `bias = beta - mean * scale`, each operation rounded to
/// `T`.
///
/// # Errors
/// [`Error::Shape`] if the four tensors do not all have the shape `[n]` of the mean.
pub fn fold_batch_norm<T: Real>(
    gamma: &Tensor<T>,
    beta: &Tensor<T>,
    stats: &ColumnStats<T>,
    eps: T,
) -> Result<Affine<T>, Error> {
    fold(gamma, beta, &stats.mean, &stats.var, eps)
}

/// [`fold_batch_norm`] of separate tensors.
pub(in crate::ops) fn fold<T: Real>(
    gamma: &Tensor<T>,
    beta: &Tensor<T>,
    mean: &Tensor<T>,
    var: &Tensor<T>,
    eps: T,
) -> Result<Affine<T>, Error> {
    let n = mean.numel();
    Error::check_shape("mean of a batch norm", &[n], mean.shape())?;
    Error::check_shape("variance of a batch norm", &[n], var.shape())?;
    Error::check_shape("gamma of a batch norm", &[n], gamma.shape())?;
    Error::check_shape("beta of a batch norm", &[n], beta.shape())?;
    let pairs = gamma.data().iter().zip(var.data());
    let scale: Vec<T> = pairs.map(|(&g, &v)| g / (v + eps).sqrt()).collect();
    let pairs = beta.data().iter().zip(mean.data());
    let bias = pairs.zip(&scale).map(|((&b, &m), &s)| b - m * s);
    Ok(Affine {
        bias: bias.collect(),
        scale,
    })
}

impl<T: Real> Affine<T> {
    /// `scale * x + bias` for every row of `x`; rounded after the product and after the sum.
    pub(super) fn apply(&self, x: &[T]) -> Vec<T> {
        let mut y = take_buffer(x.len());
        for_row_pairs(&mut y, x, self.scale.len(), |y, x| {
            let columns = self.scale.iter().zip(&self.bias);
            for ((y, &x), (&scale, &bias)) in y.iter_mut().zip(x).zip(columns) {
                *y = scale * x + bias;
            }
        });
        y
    }
}
