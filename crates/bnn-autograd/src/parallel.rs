//! Parallel loops whose results do not depend on the number of threads: the pieces depend on the
//! shape alone, and every sum is made by one thread in a fixed order.

use std::ops::Range;

use rayon::prelude::*;

/// Elements per task of an elementwise loop: some 10 microseconds of work.
pub(crate) const TASK_ELEMENTS: usize = 1 << 14;

/// Columns per task of a column-wise loop: a few cache lines of every row.
const TASK_COLUMNS: usize = 128;

/// Rows of `cols` elements per task of a row-wise loop.
pub(crate) fn task_rows(cols: usize) -> usize {
    (TASK_ELEMENTS / cols).max(1)
}

/// Runs `body` on every row of `x`.
pub(crate) fn for_rows<T: Send>(x: &mut [T], cols: usize, body: impl Fn(&mut [T]) + Sync) {
    x.par_chunks_mut(task_rows(cols) * cols)
        .for_each(|rows| rows.chunks_mut(cols).for_each(&body));
}

/// Runs `body` on every row of `x` together with the same row of `y`.
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
            rows.for_each(|(x, y)| body(x, y));
        });
}

/// Runs `body` on pieces of `x` together with the same pieces of `y`.
pub(crate) fn for_pairs<T: Send, U: Sync>(x: &mut [T], y: &[U], body: impl Fn(&mut T, &U) + Sync) {
    x.par_chunks_mut(TASK_ELEMENTS)
        .zip(y.par_chunks(TASK_ELEMENTS))
        .for_each(|(x, y)| x.iter_mut().zip(y).for_each(|(x, y)| body(x, y)));
}

/// `f` of every element.
pub(crate) fn map<T: Sync, U: Send>(x: &[T], f: impl Fn(&T) -> U + Sync + Send) -> Vec<U> {
    x.par_iter().with_min_len(TASK_ELEMENTS).map(f).collect()
}

/// The sum of `term` over the elements, in `f64`: of pieces of a fixed size, which are added in order.
pub(crate) fn sum_of<T: Sync>(x: &[T], term: impl Fn(&T) -> f64 + Sync) -> f64 {
    let pieces = x.par_chunks(TASK_ELEMENTS);
    let sums: Vec<f64> = pieces.map(|x| x.iter().map(&term).sum()).collect();
    sums.into_iter().sum()
}

/// As [`sum_of`], of the elements of `x` each with the same one of `y`.
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

/// Splits the columns `0..cols` into blocks, runs `block` on each, and puts the results, one per
/// column, together in order. A block goes through the rows by itself.
pub(crate) fn by_columns<R: Send>(
    cols: usize,
    block: impl Fn(Range<usize>) -> Vec<R> + Sync,
) -> Vec<R> {
    let blocks: Vec<Vec<R>> = (0..cols.div_ceil(TASK_COLUMNS))
        .into_par_iter()
        .map(|i| block(i * TASK_COLUMNS..cols.min((i + 1) * TASK_COLUMNS)))
        .collect();
    blocks.into_iter().flatten().collect()
}
