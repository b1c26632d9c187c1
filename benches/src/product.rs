//! Products of matrices.

use std::fmt;

use bnn_core::internal::packed_weights;
use bnn_core::{BitMatrix, Error, FloatRows, Kernel, PackedWeights, gemm_bits, gemm_f32, gemm_i32};

use crate::epilogues::Epilogues;
use crate::workload::{Contender, Form, Workload};
use crate::{elements, signs};

/// The shapes `[m, n, k]` that are compared by default.
pub const PRODUCTS: [[usize; 3]; 5] = [
    [1024, 1024, 1024],
    [128, 4096, 4096],
    [64, 1024, 1024],
    [1, 4096, 4096],
    [1, 1024, 1024],
];

/// `m` samples of `k` numbers times the weights of `n` outputs, weights packed for every kernel.
#[derive(Debug)]
pub struct Product {
    shape: [usize; 3],
    a: Vec<f32>,
    b: Vec<f32>,
    bits: BitMatrix,
    weights: Vec<PackedWeights>,
    epilogues: Epilogues,
}

impl Product {
    /// A product of the shape `[m, n, k]`.
    ///
    /// # Errors
    /// A size of 0, a matrix of more than 2^28 elements.
    pub fn new([m, n, k]: [usize; 3]) -> Result<Self, Error> {
        // Checks all sizes before any memory is allocated.
        elements("n * k", n, k)?;
        elements("m * n", m, n)?;
        let (a, b) = (signs("m * k", m, k)?, signs("n * k", n, k)?);
        let rows = BitMatrix::pack(&b, n, k)?;
        let weights = Kernel::available().map(|kernel| packed_weights(kernel, rows.view()));
        Ok(Self {
            shape: [m, n, k],
            bits: BitMatrix::pack(&a, m, k)?,
            weights: weights.collect::<Result<_, _>>()?,
            epilogues: Epilogues::new(m, n)?,
            a,
            b,
        })
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [m, n, k] = self.shape;
        write!(f, "{m}x{n}x{k}")
    }
}

impl Workload for Product {
    fn operations(&self) -> u64 {
        2 * self.shape.iter().map(|size| *size as u64).product::<u64>()
    }

    fn run(&mut self, contender: Contender) -> Result<(), Error> {
        let ([m, n, k], to) = (self.shape, &mut self.epilogues);
        let (form, kernel) = match contender {
            Contender::Floats(library) => {
                return library.multiply(self.shape, &self.a, &self.b, &mut to.floats);
            }
            Contender::Bits(form, kernel) => (form, kernel),
        };
        let weights = self.weights.iter().find(|w| w.kernel() == kernel);
        let weights = weights.ok_or(Error::IsaAbsent {
            name: kernel.isa().name(),
        })?;
        match form {
            Form::BitsToI32 => gemm_i32(self.bits.view(), weights, &mut to.sums, n),
            Form::BitsToBits => {
                let thresholds = to.thresholds.as_slice();
                gemm_bits(
                    self.bits.view(),
                    weights,
                    thresholds,
                    &mut to.bits.view_mut(),
                )
            }
            Form::F32ToF32 => {
                let rows = FloatRows::new(&self.a, m, k, k)?;
                gemm_f32(rows, weights, &to.scale, &to.bias, &mut to.floats, n)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epilogues::agreement::all_compute;

    #[test]
    fn all_contenders_compute_the_same() -> Result<(), Error> {
        for shape in [[1, 1, 1], [1, 33, 65], [3, 17, 130]] {
            let mut product = Product::new(shape)?;
            let [_, _, k] = shape;
            let rows = product.a.chunks(k);
            let columns = |a| product.b.chunks(k).map(move |b| dot(a, b));
            let expected: Vec<f32> = rows.flat_map(columns).collect();
            let contenders = Contender::floats().chain(Contender::bits());
            all_compute(&expected, contenders, &mut product, |p| &mut p.epilogues)?;
        }
        Ok(())
    }

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn sizes_that_cannot_be_are_errors() {
        for shape in [
            [0, 1, 1],
            [1, 0, 1],
            [1, 1, 0],
            [1 << 20, 1 << 20, 1],
            [usize::MAX; 3],
        ] {
            assert!(Product::new(shape).is_err(), "{shape:?}");
        }
    }
}
