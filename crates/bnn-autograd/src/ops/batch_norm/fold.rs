//! Statistics of columns, and a normalisation folded to one factor and one summand per column.

use std::ops::Range;

use crate::affine::Affine;
use crate::error::Error;
use crate::parallel::{Terms, sums_of_terms};
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
    let terms = Distances {
        x: x.data(),
        first: &first,
    };
    let [sums, squares] = sums_of_terms(rows, n, &terms);
    stats_of_distances(rows, &first, &sums, &squares)
}

/// The terms of [`column_stats`].
struct Distances<'a, T> {
    x: &'a [T],
    first: &'a [f64],
}

impl<T: Real> Terms<2> for Distances<'_, T> {
    #[inline(always)]
    fn add(&self, row: usize, block: Range<usize>, [sums, squares]: [&mut [f64]; 2]) {
        let x = &self.x[row * self.first.len()..][block.clone()];
        let sums = sums.iter_mut().zip(squares);
        for ((sum, square), (x, first)) in sums.zip(x.iter().zip(&self.first[block])) {
            let distance = x.as_f64() - first;
            *sum += distance;
            *square += distance * distance;
        }
    }
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
