//! The product of floats that binary products are measured against.

use std::time::{Duration, Instant};

use ndarray::linalg::{general_mat_mul, general_mat_vec_mul};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// A library that multiplies floats, on one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum F32Gemm {
    /// The crate `gemm`, with AVX-512 where the CPU has it.
    Gemm,
    /// The crate `matrixmultiply`, through `ndarray` (which has its own matrix-vector product).
    MatrixMultiply,
}

impl F32Gemm {
    /// The library's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            F32Gemm::Gemm => "gemm",
            F32Gemm::MatrixMultiply => "matrixmultiply",
        }
    }

    /// `c[i, j] = sum over l of a[i, l] * b[j, l]`, `shape` being `[m, n, k]`, all row-major without
    /// gaps.
    ///
    /// # Panics
    /// Where a slice has another length than its matrix.
    pub fn multiply(self, shape: [usize; 3], a: &[f32], b: &[f32], c: &mut [f32]) {
        let [m, n, k] = shape;
        assert_eq!([a.len(), b.len(), c.len()], [m * k, n * k, m * n]);
        match self {
            F32Gemm::Gemm => multiply_by_gemm(shape, a, b, c),
            F32Gemm::MatrixMultiply => multiply_by_ndarray(shape, a, b, c),
        }
    }
}

#[expect(unsafe_code, reason = "the crate has no other interface")]
fn multiply_by_gemm([m, n, k]: [usize; 3], a: &[f32], b: &[f32], c: &mut [f32]) {
    // SAFETY: the caller has checked that the slices are matrices of these shapes and strides, and `c`,
    // being borrowed mutably, overlaps neither of the others.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.as_ptr(),
            1,
            k as isize,
            b.as_ptr(),
            k as isize,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

fn multiply_by_ndarray([m, n, k]: [usize; 3], a: &[f32], b: &[f32], c: &mut [f32]) {
    let matrix =
        |x, rows, cols| ArrayView2::from_shape((rows, cols), x).expect("lengths were checked");
    let b = matrix(b, n, k);
    if m == 1 {
        general_mat_vec_mul(
            1.0,
            &b,
            &ArrayView1::from(a),
            0.0,
            &mut ArrayViewMut1::from(c),
        );
    } else {
        let mut c = ArrayViewMut2::from_shape((m, n), c).expect("lengths were checked");
        general_mat_mul(1.0, &matrix(a, m, k), &b.t(), 0.0, &mut c);
    }
}

/// The faster of the two for the shape `[m, n, k]` on this machine, by the best of several runs that take
/// turns.
#[must_use]
pub fn f32_gemm_best(shape: [usize; 3], a: &[f32], b: &[f32]) -> F32Gemm {
    let mut c = vec![0.0; shape[0] * shape[1]];
    let mut best = [
        (F32Gemm::Gemm, Duration::MAX),
        (F32Gemm::MatrixMultiply, Duration::MAX),
    ];
    for _ in 0..7 {
        for (library, least) in &mut best {
            let start = Instant::now();
            library.multiply(shape, a, b, &mut c);
            *least = start.elapsed().min(*least);
        }
    }
    let [gemm, other] = best;
    if gemm.1 <= other.1 { gemm.0 } else { other.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_multiply_rows_with_rows() {
        for m in [1, 2] {
            for library in [F32Gemm::Gemm, F32Gemm::MatrixMultiply] {
                let (a, b) = (
                    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
                    [1.0, 0.0, 2.0, 0.0, 1.0, 1.0],
                );
                let mut c = [f32::NAN; 4];
                library.multiply([m, 2, 3], &a[..3 * m], &b, &mut c[..2 * m]);
                assert_eq!(c[..2 * m], [7.0, 5.0, 16.0, 11.0][..2 * m], "{library:?}");
            }
        }
    }
}
