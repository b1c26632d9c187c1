//! The float products that binary products are compared with.

use std::fmt;

use bnn_core::Error;
use ndarray::linalg::{general_mat_mul, general_mat_vec_mul};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::NdTensorView;

/// A library that multiplies matrices of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum F32Gemm {
    /// The crate `matrixmultiply`, through `ndarray` (which has its own matrix-vector product).
    MatrixMultiply,
    /// The crate `rten-gemm`, with AVX-512 if the CPU has it.
    Rten,
}

impl F32Gemm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::MatrixMultiply, Self::Rten];

    /// The library's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            F32Gemm::MatrixMultiply => "matrixmultiply",
            F32Gemm::Rten => "rten-gemm",
        }
    }

    /// `c[i, j] = sum over l of a[i, l] * b[j, l]`, `shape` being `[m, n, k]`, all row-major
    /// without gaps.
    ///
    /// # Errors
    /// A size of 0; a slice that is not as long as its matrix.
    pub fn multiply(
        self,
        shape: [usize; 3],
        a: &[f32],
        b: &[f32],
        c: &mut [f32],
    ) -> Result<(), Error> {
        let [m, n, k] = shape;
        is_matrix("m * k", a, m, k)?;
        is_matrix("n * k", b, n, k)?;
        is_matrix("m * n", c, m, n)?;
        match self {
            F32Gemm::MatrixMultiply => multiply_by_ndarray(shape, a, b, c),
            F32Gemm::Rten => return multiply_by_rten(shape, a, b, c),
        }
        Ok(())
    }
}

/// Weights `[n, k]`, packed for every library that packs.
pub(crate) struct F32Weights {
    n: usize,
    k: usize,
    rows: Vec<f32>,
    rten: PackedBMatrix<f32>,
}

impl F32Weights {
    /// The weights of `rows`, a row of `k` numbers for each of the `n` outputs.
    pub(crate) fn new(n: usize, k: usize, rows: Vec<f32>) -> Self {
        let view = NdTensorView::from_data([n, k], rows.as_slice());
        let rten = GemmExecutor::<f32>::new().prepack_b(view.transposed());
        Self { n, k, rows, rten }
    }

    /// Number of outputs.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// Multiplies `m` rows as [`F32Gemm::multiply`] does.
    ///
    /// # Panics
    /// If a slice is not as long as its matrix.
    pub(crate) fn multiply(&self, library: F32Gemm, m: usize, a: &[f32], c: &mut [f32]) {
        let done = match library {
            F32Gemm::MatrixMultiply => library.multiply([m, self.n, self.k], a, &self.rows, c),
            F32Gemm::Rten => {
                let a = GemmInputA::Unpacked(NdTensorView::from_data([m, self.k], a));
                let b = GemmInputB::Packed(&self.rten);
                let done = GemmExecutor::<f32>::new().gemm(c, a, b, GemmOptions::default());
                done.map_err(|_| Error::Unsupported { what: REFUSED })
            }
        };
        done.expect("all matrices are as large as the product");
    }
}

impl fmt::Debug for F32Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "F32Weights({} x {})", self.n, self.k)
    }
}

const REFUSED: &str = "a product that rten-gemm refuses, expected one that it computes";

fn is_matrix(what: &'static str, x: &[f32], rows: usize, cols: usize) -> Result<(), Error> {
    let expected = rows.checked_mul(cols).ok_or(Error::Overflow { what })?;
    let found = x.len();
    match found {
        0 => Err(Error::Zero { what }),
        _ if found != expected => Err(Error::Mismatch {
            what,
            expected,
            found,
        }),
        _ => Ok(()),
    }
}

fn multiply_by_rten(
    [m, n, k]: [usize; 3],
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
) -> Result<(), Error> {
    // Lengths were checked.
    let (a, b) = (
        NdTensorView::from_data([m, k], a),
        NdTensorView::from_data([n, k], b),
    );
    let gemm = GemmExecutor::<f32>::new();
    let (a, b) = (
        GemmInputA::Unpacked(a),
        GemmInputB::Unpacked(b.transposed()),
    );
    let done = gemm.gemm(c, a, b, GemmOptions::default());
    done.map_err(|_| Error::Unsupported { what: REFUSED })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_multiply_rows_with_rows() -> Result<(), Error> {
        let (a, b) = (
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            [1.0, 0.0, 2.0, 0.0, 1.0, 1.0],
        );
        for m in [1, 2] {
            for library in F32Gemm::ALL {
                let mut c = [f32::NAN; 4];
                library.multiply([m, 2, 3], &a[..3 * m], &b, &mut c[..2 * m])?;
                assert_eq!(c[..2 * m], [7.0, 5.0, 16.0, 11.0][..2 * m], "{library:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn slices_of_another_length_are_refused() {
        let half = 1 << (usize::BITS / 2);
        for library in F32Gemm::ALL {
            for (shape, [a, b, c]) in [
                ([2, 2, 3], [5, 6, 4]),
                ([2, 2, 3], [6, 7, 4]),
                ([2, 2, 3], [6, 6, 3]),
                ([0, 1, 1], [0, 1, 0]),
                ([half, half, half], [0, 0, 0]),
                ([half, half, half], [1, 1, 1]),
            ] {
                let mut out = vec![0.0; c];
                let done = library.multiply(shape, &vec![0.0; a], &vec![0.0; b], &mut out);
                assert!(done.is_err(), "{shape:?} {a} {b} {c}");
            }
        }
    }
}
