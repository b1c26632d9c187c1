//! Parallel loops whose results do not depend on the number of threads: the tasks depend only on
//! the shape, and one thread computes each sum in a fixed order.

use std::ops::Range;

use bnn_core::internal::{Loop, vectorised};
use rayon::prelude::*;

/// Elements per task of an elementwise loop: some 10 microseconds of work.
pub(crate) const TASK_ELEMENTS: usize = 1 << 14;

/// Columns per task of a column-wise loop: a few cache lines of every row.
const TASK_COLUMNS: usize = 128;

/// Rows per task of a column-wise loop: some 10 microseconds of work for images, which have few
/// columns (channels) and many rows (pixels).
const TASK_ROWS: usize = 2048;

/// Runs a loop with the vectors of the kernel in use. What it calls must be small enough to be
/// inlined; all loops of this module run in here. They are `for` loops, because the function that
/// `Iterator::for_each` is may stay one of its own, without these vectors.
#[inline(always)]
pub(crate) fn wide<R>(body: impl FnOnce() -> R) -> R {
    vectorised(Body(body))
}

struct Body<F>(F);

impl<R, F: FnOnce() -> R> Loop for Body<F> {
    type Output = R;

    #[inline(always)]
    fn run(self) -> R {
        (self.0)()
    }
}

/// Rows of `cols` elements per task of a row-wise loop.
pub(crate) fn task_rows(cols: usize) -> usize {
    (TASK_ELEMENTS / cols).max(1)
}

/// Runs `body` on every row of `x`.
pub(crate) fn for_rows<T: Send>(x: &mut [T], cols: usize, body: impl Fn(&mut [T]) + Sync) {
    x.par_chunks_mut(task_rows(cols) * cols).for_each(|rows| {
        wide(|| {
            for row in rows.chunks_mut(cols) {
                body(row);
            }
        });
    });
}

/// Runs `body` on every row of `x` with the row of `y` at the same index.
pub(crate) fn for_row_pairs<T: Send, U: Sync>(
    x: &mut [T],
    y: &[U],
    cols: usize,
    body: impl Fn(&mut [T], &[U]) + Sync,
) {
    let task = task_rows(cols) * cols;
    x.par_chunks_mut(task)
        .zip(y.par_chunks(task))
        .for_each(|(x, y)| {
            let rows = x.chunks_mut(cols).zip(y.chunks(cols));
            wide(|| {
                for (x, y) in rows {
                    body(x, y);
                }
            });
        });
}

/// Runs `body` on every element of `x`.
pub(crate) fn for_each<T: Send>(x: &mut [T], body: impl Fn(&mut T) + Sync) {
    x.par_chunks_mut(TASK_ELEMENTS).for_each(|x| {
        wide(|| {
            for x in x {
                body(x);
            }
        });
    });
}

/// Runs `body` on every element of `x` with the element of `y` at the same index.
pub(crate) fn for_pairs<T: Send, U: Sync>(x: &mut [T], y: &[U], body: impl Fn(&mut T, &U) + Sync) {
    x.par_chunks_mut(TASK_ELEMENTS)
        .zip(y.par_chunks(TASK_ELEMENTS))
        .for_each(|(x, y)| {
            wide(|| {
                for (x, y) in x.iter_mut().zip(y) {
                    body(x, y);
                }
            });
        });
}

/// `f` of every element.
pub(crate) fn map<T: Sync, U: Send>(x: &[T], f: impl Fn(&T) -> U + Sync + Send) -> Vec<U> {
    x.par_iter().with_min_len(TASK_ELEMENTS).map(f).collect()
}

/// The sum of `term` over the elements, in `f64`: of pieces of a fixed size, which are added in
/// order.
pub(crate) fn sum_of<T: Sync>(x: &[T], term: impl Fn(&T) -> f64 + Sync) -> f64 {
    let pieces = x.par_chunks(TASK_ELEMENTS);
    let sums: Vec<f64> = pieces.map(|x| x.iter().map(&term).sum()).collect();
    sums.into_iter().sum()
}

/// The sum of `term` over pairs of elements, in the order of [`sum_of`].
pub(crate) fn sum_of_pairs<T: Sync, U: Sync>(
    x: &[T],
    y: &[U],
    term: impl Fn(&T, &U) -> f64 + Sync,
) -> f64 {
    let pieces = x.par_chunks(TASK_ELEMENTS).zip(y.par_chunks(TASK_ELEMENTS));
    let sums: Vec<f64> = pieces
        .map(|(x, y)| x.iter().zip(y).map(|(x, y)| term(x, y)).sum())
        .collect();
    sums.into_iter().sum()
}

/// What [`sums_of_terms`] adds up: `N` sums for each column.
pub(crate) trait Terms<const N: usize>: Sync {
    /// Adds the terms of a row, in a block of columns, to the sums of these columns. To be inlined
    /// always: a function by itself would be compiled for the least vectors of the target.
    fn add(&self, row: usize, columns: Range<usize>, sums: [&mut [f64]; N]);
}

/// Sums over the rows of a matrix, `N` for each column. `add` adds the terms of a row, in a block
/// of columns, to the sums of these columns; it must be small enough to be inlined.
pub(crate) fn sums_by_columns<const N: usize>(
    rows: usize,
    cols: usize,
    add: impl Fn(usize, Range<usize>, [&mut [f64]; N]) + Sync,
) -> [Vec<f64>; N] {
    sums_of_terms(rows, cols, &SmallTerms(add))
}

struct SmallTerms<F>(F);

impl<F: Fn(usize, Range<usize>, [&mut [f64]; N]) + Sync, const N: usize> Terms<N>
    for SmallTerms<F>
{
    #[inline(always)]
    fn add(&self, row: usize, columns: Range<usize>, sums: [&mut [f64]; N]) {
        (self.0)(row, columns, sums);
    }
}

/// Sums of terms over the rows of a matrix, `N` for each column. A band of rows is added up in row
/// order, and then the bands in theirs.
pub(crate) fn sums_of_terms<const N: usize>(
    rows: usize,
    cols: usize,
    terms: &impl Terms<N>,
) -> [Vec<f64>; N] {
    let bands = rows.div_ceil(TASK_ROWS);
    let tasks: Vec<[Vec<f64>; N]> = (0..cols.div_ceil(TASK_COLUMNS) * bands)
        .into_par_iter()
        .map(|task| {
            let (block, band) = (task / bands * TASK_COLUMNS, task % bands * TASK_ROWS);
            vectorised(Band {
                rows: band..rows.min(band + TASK_ROWS),
                columns: block..cols.min(block + TASK_COLUMNS),
                terms,
            })
        })
        .collect();
    let mut all = std::array::from_fn(|_| Vec::with_capacity(cols));
    for bands in tasks.chunks(bands) {
        let Some((first, others)) = bands.split_first() else {
            continue; // chunks are not empty
        };
        for (n, all) in all.iter_mut().enumerate() {
            let mut total = first[n].clone();
            for band in others {
                let pairs = total.iter_mut().zip(&band[n]);
                pairs.for_each(|(sum, x)| *sum += x);
            }
            all.extend(total);
        }
    }
    all
}

/// The sums of a band of rows in a block of columns.
struct Band<'a, F, const N: usize> {
    rows: Range<usize>,
    columns: Range<usize>,
    terms: &'a F,
}

impl<F: Terms<N>, const N: usize> Loop for Band<'_, F, N> {
    type Output = [Vec<f64>; N];

    #[inline(always)]
    fn run(self) -> Self::Output {
        let mut sums = std::array::from_fn(|_| vec![0.0; self.columns.len()]);
        for row in self.rows {
            let sums = sums.each_mut().map(|sums| &mut sums[..]);
            self.terms.add(row, self.columns.clone(), sums);
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_several_bands_and_blocks_are_those_of_the_columns() {
        let (rows, cols) = (2 * TASK_ROWS + 3, TASK_COLUMNS + 5);
        let cell = |row: usize, col: usize| ((row * 31 + col * 17) % 101) as f64;
        let [sums, counts] = sums_by_columns(rows, cols, |row, columns, [sums, counts]| {
            for ((sum, count), col) in sums.iter_mut().zip(counts).zip(columns) {
                *sum += cell(row, col);
                *count += 1.0;
            }
        });
        let expected: Vec<f64> = (0..cols)
            .map(|col| (0..rows).map(|row| cell(row, col)).sum())
            .collect();
        assert_eq!(sums, expected);
        assert_eq!(counts, vec![rows as f64; cols]);
    }
}
