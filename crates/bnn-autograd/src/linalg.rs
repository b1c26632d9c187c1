//! Products of float matrices, and of floats with sign bits, for layers and their gradients.
//!
//! The output is cut into tiles of a fixed size. One thread computes each tile and adds its terms
//! in a fixed order, so results are the same bits for any number of threads.

use std::ops::Range;

use bnn_core::conv::{PackedFilters, conv2d_f32, conv2d_i32};
use bnn_core::internal::{Bf16Exact, F32Product, F32Right, F32Rows};
use bnn_core::{BitMatrixView, PackedWeights, gemm_f32, gemm_i32};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use crate::bits::expand_signs;
use crate::buffer::{Buffer, take_buffer};
use crate::parallel::for_pairs;
use crate::real::Real;

/// A row-major matrix without gaps over borrowed elements, or its transpose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mat<'a, T> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    /// Whether the rows of `data` are the columns of the matrix.
    transposed: bool,
}

/// A row-major matrix without gaps; `data` has `rows * cols` elements.
pub(crate) fn mat<T>(data: &[T], rows: usize, cols: usize) -> Mat<'_, T> {
    debug_assert_eq!(data.len(), rows * cols);
    Mat {
        data,
        rows,
        cols,
        transposed: false,
    }
}

impl<'a, T> Mat<'a, T> {
    /// The transpose, which costs nothing.
    pub(crate) fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            transposed: !self.transposed,
        }
    }

    /// The matrix as `f32`, if that is the type of its elements.
    fn as_f32s(self) -> Option<Mat<'a, f32>>
    where
        T: Real,
    {
        Some(Mat {
            data: T::as_f32s(self.data)?,
            rows: self.rows,
            cols: self.cols,
            transposed: self.transposed,
        })
    }

    /// The matrix as a view of `ndarray`.
    pub(crate) fn view(self) -> ArrayView2<'a, T> {
        let shape = match self.transposed {
            false => (self.rows, self.cols),
            true => (self.cols, self.rows),
        };
        match ArrayView2::from_shape(shape, self.data) {
            Ok(view) if self.transposed => view.reversed_axes(),
            Ok(view) => view,
            // All callers take the sizes from a shape that the elements fill.
            Err(_) => unreachable!("{} elements for a {shape:?} matrix", self.data.len()),
        }
    }
}

/// Rows of a tile.
const TILE_ROWS: usize = 512;

/// Columns of a tile, whole words of bits. Each tile packs its rows of the left operand again,
/// which is cheap only relative to this many columns.
const TILE_COLS: usize = 256;

/// Terms of the sums whose sign bits are expanded at a time; also whole words of bits.
/// 1024 x 256 `f32` are 1 MiB of scratch per thread, which stays in the L2 cache.
const DEPTH: usize = 1024;

/// `a · b`, row-major `[a.rows, b.cols]`.
pub(crate) fn matmul<T: Real>(a: Mat<'_, T>, b: Mat<'_, T>) -> Vec<T> {
    let mut out = take_buffer(a.rows * b.cols);
    if fast_product(a, Right::Floats(b), &mut out) {
        return out;
    }
    let (a, b) = (a.view(), b.view());
    in_tiles(a.nrows(), b.ncols(), &mut out, |rows, cols, tile| {
        let (a, b) = (a.slice(s![rows, ..]), b.slice(s![.., cols]));
        general_mat_mul(T::one(), &a, &b, T::zero(), tile);
    });
    out
}

/// `a · sign(bits)` for bits `[a.cols, n]`, row-major `[a.rows, n]`.
pub(crate) fn matmul_signs<T: Real>(a: Mat<'_, T>, bits: BitMatrixView<'_>) -> Vec<T> {
    let mut out = take_buffer(a.rows * bits.cols());
    matmul_signs_to(a, bits, &mut out);
    out
}

/// [`matmul_signs`] to every element of `out`.
pub(crate) fn matmul_signs_to<T: Real>(a: Mat<'_, T>, bits: BitMatrixView<'_>, out: &mut [T]) {
    if fast_product(a, Right::Signs(bits), out) {
        return;
    }
    let a = a.view();
    in_tiles(a.nrows(), bits.cols(), out, |rows, cols, tile| {
        by_depth(a.slice(s![rows, ..]), tile, |terms, panel| {
            let (k, n) = (terms.len(), cols.len());
            expand_signs(bits, terms, cols.clone(), &mut panel[..k * n]);
            mat(&panel[..k * n], k, n).view()
        });
    });
}

/// `a · sign(bits)^T` for bits `[n, a.cols]`, row-major `[a.rows, n]`.
pub(crate) fn matmul_signs_transposed<T: Real>(a: Mat<'_, T>, bits: BitMatrixView<'_>) -> Vec<T> {
    let mut out = take_buffer(a.rows * bits.rows());
    matmul_signs_transposed_to(a, bits, &mut out);
    out
}

/// [`matmul_signs_transposed`] to every element of `out`.
pub(crate) fn matmul_signs_transposed_to<T: Real>(
    a: Mat<'_, T>,
    bits: BitMatrixView<'_>,
    out: &mut [T],
) {
    if fast_product(a, Right::SignsTransposed(bits), out) {
        return;
    }
    let a = a.view();
    in_tiles(a.nrows(), bits.rows(), out, |rows, cols, tile| {
        by_depth(a.slice(s![rows, ..]), tile, |terms, panel| {
            let (k, n) = (terms.len(), cols.len());
            expand_signs(bits, cols.clone(), terms, &mut panel[..k * n]);
            mat(&panel[..k * n], n, k).t().view()
        });
    });
}

/// The right side of a product.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Right<'a, T> {
    Floats(Mat<'a, T>),
    Signs(BitMatrixView<'a>),
    SignsTransposed(BitMatrixView<'a>),
}

impl<'a, T: Real> Right<'a, T> {
    /// The operand as `f32`, if that is the type of its numbers.
    fn as_f32s(self) -> Option<Right<'a, f32>> {
        Some(match self {
            Self::Floats(b) => Right::Floats(b.as_f32s()?),
            Self::Signs(bits) => Right::Signs(bits),
            Self::SignsTransposed(bits) => Right::SignsTransposed(bits),
        })
    }
}

/// Writes `a · b` to `out` if this CPU has a faster way than the float GEMM for the type and such a
/// `b`. Returns whether it has; if not, nothing is written.
fn fast_product<T: Real>(a: Mat<'_, T>, b: Right<'_, T>, out: &mut [T]) -> bool {
    match (a.as_f32s(), b.as_f32s(), T::as_f32s_mut(out)) {
        (Some(a), Some(b), Some(out)) => fast_product_f32(a, b, out).is_some(),
        _ => false,
    }
}

fn fast_product_f32(a: Mat<'_, f32>, b: Right<'_, f32>, out: &mut [f32]) -> Option<()> {
    let columns;
    let (right, n) = match b {
        Right::Floats(b) if b.transposed => return None,
        Right::Floats(b) => (F32Right::Bf16Exact(Bf16Exact::new(b.data, b.cols)?), b.cols),
        Right::Signs(bits) => (F32Right::Signs(bits), bits.cols()),
        Right::SignsTransposed(bits) => {
            columns = bits.transposed().ok()?;
            (F32Right::Signs(columns.view()), bits.rows())
        }
    };
    let product = F32Product::new(right).ok()??;
    let bands = a.rows.div_ceil(rayon::current_num_threads());
    let band = bands.next_multiple_of(BAND_ROWS);
    let done = out
        .par_chunks_mut(band * n)
        .enumerate()
        .try_for_each(|(i, out)| {
            let (first, rows) = (i * band, out.len() / n);
            let left = match a.transposed {
                false => F32Rows::rows(&a.data[first * a.cols..(first + rows) * a.cols], a.cols),
                true => F32Rows::columns(a.data, a.rows, first, rows),
            };
            product.multiply(left?, out)
        });
    done.ok()
}

/// Rows per task of the fast product. The size of a task changes no bit of the result.
const BAND_ROWS: usize = 32;

/// Writes `sign(x) · sign(w)^T`, `[x.rows, weights.rows]`, to every element of `y`.
pub(crate) fn sign_product<T: Real>(
    x: BitMatrixView<'_>,
    weights: &PackedWeights,
    y: &mut [T],
) -> Result<(), bnn_core::Error> {
    let n = weights.rows();
    if let Some(y) = T::as_f32s_mut(y) {
        // The kernels write floats directly: each sum times 1 plus 0.
        return gemm_f32(x, weights, &vec![1.0; n], &vec![0.0; n], y, n);
    }
    let mut sums = vec![0; y.len()];
    gemm_i32(x, weights, &mut sums, n)?;
    for_pairs(y, &sums, |y, &sum| *y = T::from_i32(sum));
    Ok(())
}

/// Writes the convolution of signs, a row of outputs per window, to every element of `y`.
pub(crate) fn sign_conv2d<T: Real>(
    pixels: BitMatrixView<'_>,
    filters: &PackedFilters,
    y: &mut [T],
) -> Result<(), bnn_core::Error> {
    let n = filters.conv().outputs();
    if let Some(y) = T::as_f32s_mut(y) {
        return conv2d_f32(pixels, filters, &vec![1.0; n], &vec![0.0; n], y, n);
    }
    let mut sums = vec![0; y.len()];
    conv2d_i32(pixels, filters, &mut sums, n)?;
    for_pairs(y, &sums, |y, &sum| *y = T::from_i32(sum));
    Ok(())
}

/// `tile = a · b`, some terms at a time: `expand(terms, scratch)` writes those rows of `b` into the
/// scratch and shows them as a matrix.
fn by_depth<T: Real>(
    a: ArrayView2<'_, T>,
    tile: &mut ArrayViewMut2<'_, T>,
    expand: impl for<'p> Fn(Range<usize>, &'p mut [T]) -> ArrayView2<'p, T>,
) {
    let depth = a.ncols();
    let mut panel = Buffer::new(take_buffer(depth.min(DEPTH) * tile.ncols()));
    for first in (0..depth).step_by(DEPTH) {
        let terms = first..depth.min(first + DEPTH);
        let b = expand(terms.clone(), panel.as_mut_slice());
        let kept = if first == 0 { T::zero() } else { T::one() };
        general_mat_mul(T::one(), &a.slice(s![.., terms]), &b, kept, tile);
    }
}

/// Fills a row-major `[rows, cols]` matrix of which `make(rows, cols, tile)` writes the tiles.
fn in_tiles<T: Real>(
    rows: usize,
    cols: usize,
    out: &mut [T],
    make: impl Fn(Range<usize>, Range<usize>, &mut ArrayViewMut2<'_, T>) + Sync,
) {
    debug_assert_eq!(out.len(), rows * cols);
    let bands = out.par_chunks_mut(TILE_ROWS * cols).enumerate();
    bands.for_each(|(i, band)| {
        let row_range = i * TILE_ROWS..i * TILE_ROWS + band.len() / cols;
        let Ok(mut band) = ArrayViewMut2::from_shape((row_range.len(), cols), band) else {
            unreachable!("a band is made of whole rows")
        };
        let tiles: Vec<_> = band.axis_chunks_iter_mut(Axis(1), TILE_COLS).collect();
        tiles.into_par_iter().enumerate().for_each(|(j, mut tile)| {
            let col_range = j * TILE_COLS..j * TILE_COLS + tile.ncols();
            make(row_range.clone(), col_range, &mut tile);
        });
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws;
