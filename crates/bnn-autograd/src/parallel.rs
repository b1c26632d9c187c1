//! Parallel loops whose results do not depend on the number of threads: the tasks depend only on
//! the shape, and one thread computes each sum in a fixed order.

use std::ops::Range;

use rayon::prelude::*;

/// Elements per task of an elementwise loop: some 10 microseconds of work.
pub(crate) const TASK_ELEMENTS: usize = 1 << 14;

/// Columns per task of a column-wise loop: a few cache lines of every row.
const TASK_COLUMNS: usize = 128;

/// Rows per task of a column-wise loop: some 10 microseconds of work for images, which have few
/// columns (channels) and many rows (pixels).
const TASK_ROWS: usize = 2048;

/// Rows of `cols` elements per task of a row-wise loop.
pub(crate) fn task_rows(cols: usize) -> usize {
    (TASK_ELEMENTS / cols).max(1)
}

/// Runs `body` on every row of `x`.
pub(crate) fn for_rows<T: Send>(x: &mut [T], cols: usize, body: impl Fn(&mut [T]) + Sync) {
    x.par_chunks_mut(task_rows(cols) * cols)
        .for_each(|rows| rows.chunks_mut(cols).for_each(&body));
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
            rows.for_each(|(x, y)| body(x, y));
        });
}

/// Runs `body` on every element of `x`.
pub(crate) fn for_each<T: Send>(x: &mut [T], body: impl Fn(&mut T) + Sync) {
    x.par_chunks_mut(TASK_ELEMENTS)
        .for_each(|x| x.iter_mut().for_each(&body));
}

/// Runs `body` on every element of `x` with the element of `y` at the same index.
pub(crate) fn for_pairs<T: Send, U: Sync>(x: &mut [T], y: &[U], body: impl Fn(&mut T, &U) + Sync) {
    x.par_chunks_mut(TASK_ELEMENTS)
        .zip(y.par_chunks(TASK_ELEMENTS))
        .for_each(|(x, y)| x.iter_mut().zip(y).for_each(|(x, y)| body(x, y)));
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

/// Sums over the rows of a matrix, `N` for each column. `sums` computes those of a band of rows and
/// a block of columns, in row order; the sums of the bands are then added in order.
pub(crate) fn sums_by_columns<const N: usize>(
    rows: usize,
    cols: usize,
    sums: impl Fn(Range<usize>, Range<usize>) -> Vec<[f64; N]> + Sync,
) -> Vec<[f64; N]> {
    let bands = rows.div_ceil(TASK_ROWS);
    let tasks: Vec<Vec<[f64; N]>> = (0..cols.div_ceil(TASK_COLUMNS) * bands)
        .into_par_iter()
        .map(|task| {
            let (block, band) = (task / bands * TASK_COLUMNS, task % bands * TASK_ROWS);
            let columns = block..cols.min(block + TASK_COLUMNS);
            sums(band..rows.min(band + TASK_ROWS), columns)
        })
        .collect();
    let blocks = tasks.chunks(bands).flat_map(|bands| {
        let mut bands = bands.iter().cloned();
        let mut total = bands.next().unwrap_or_default();
        for band in bands {
            let sums = total.as_flattened_mut().iter_mut();
            let pairs = sums.zip(band.as_flattened());
            pairs.for_each(|(sum, x)| *sum += x);
        }
        total
    });
    blocks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_several_bands_and_blocks_are_those_of_the_columns() {
        let (rows, cols) = (2 * TASK_ROWS + 3, TASK_COLUMNS + 5);
        let cell = |row: usize, col: usize| ((row * 31 + col * 17) % 101) as f64;
        let found = sums_by_columns(rows, cols, |rows, columns| {
            let column = |col| rows.clone().map(move |row| cell(row, col));
            let sums = columns.map(|col| [column(col).sum(), column(col).count() as f64]);
            sums.collect()
        });
        let expected: Vec<[f64; 2]> = (0..cols)
            .map(|col| [(0..rows).map(|row| cell(row, col)).sum(), rows as f64])
            .collect();
        assert_eq!(found, expected);
    }
}
