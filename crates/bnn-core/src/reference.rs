//! The naive reference: element by element, straight from the laws. Every kernel is tested against
//! it; use it to check a port or a binding, never for speed.

#[cfg(feature = "alloc")]
mod conv;

#[cfg(feature = "alloc")]
pub use conv::conv2d;

use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::shape::{equal, nonzero, strided, sum_fits};

/// `c[i, j] = sum over l of a[i, l] * b[j, l]`, elements in {-1, +1}; `a` is `[m, k]`, `b` is
/// `[n, k]`, `c` is `[m, n]` with rows `c_stride` apart.
///
/// # Errors
/// Shapes that do not fit each other, or `c` too short.
pub fn gemm_i32(
    a: BitMatrixView<'_>,
    b: BitMatrixView<'_>,
    c: &mut [i32],
    c_stride: usize,
) -> Result<(), Error> {
    equal("columns of a and b (k)", a.cols(), b.cols())?;
    sum_fits(a.cols(), 1)?;
    strided("output", c.len(), a.rows(), b.rows(), c_stride)?;
    for (i, row) in c.chunks_mut(c_stride).take(a.rows()).enumerate() {
        for (j, sum) in row.iter_mut().take(b.rows()).enumerate() {
            *sum = (0..a.cols())
                .map(|l| if a.get(i, l) == b.get(j, l) { 1 } else { -1 })
                .sum();
        }
    }
    Ok(())
}

/// `c[i, j] = sum over l of x[i, l] * b[j, l]` with bytes `x`, row-major `[m, k]`, and `b` in
/// {-1, +1}, `[n, k]`; `c` is `[m, n]` with rows `c_stride` apart.
///
/// # Errors
/// Shapes that do not fit each other, or `c` too short.
pub fn gemm_u8_i32(
    x: &[u8],
    b: BitMatrixView<'_>,
    c: &mut [i32],
    c_stride: usize,
) -> Result<(), Error> {
    let rows = nonzero("rows of x", x.len() / b.cols())?;
    equal("bytes of x", rows * b.cols(), x.len())?;
    sum_fits(b.cols(), 255)?;
    strided("output", c.len(), rows, b.rows(), c_stride)?;
    for (x, row) in x.chunks(b.cols()).zip(c.chunks_mut(c_stride)) {
        for (j, sum) in row.iter_mut().take(b.rows()).enumerate() {
            let signed = |(l, &x)| {
                if b.get(j, l) == Some(true) {
                    i32::from(x)
                } else {
                    -i32::from(x)
                }
            };
            *sum = x.iter().enumerate().map(signed).sum();
        }
    }
    Ok(())
}
