//! The binary linear layer: a handle with packed weights, its forward pass and its gradients.

pub mod new;

pub mod run;

use bnn_core::{BitMatrix, FloatRows, PackedWeights, gemm_f32};

use crate::boundary::{Handle, Input, Readable};
use crate::error::Error;
use crate::layer::Epilogue;
use crate::shape::{at_most, nonzero};
use crate::threads::pool;

pub use new::bnn_linear_options_t;

/// A binary linear layer: packed weights, a scale and a bias. It never changes, and any number of
/// threads may use it at once. Needs a build with `std`.
#[derive(Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_linear_t {
    /// `[n, k]`, as rows, for the backward pass.
    bits: BitMatrix,
    /// The weights in the kernel's layout.
    packed: PackedWeights,
    epilogue: Epilogue,
}

impl Handle for bnn_linear_t {}

impl Readable for bnn_linear_t {
    type Seen<'call> = &'call Self;

    fn seen(input: Input<'_, Self>) -> &Self {
        input.handle()
    }
}

impl bnn_linear_t {
    fn new(bits: BitMatrix, epilogue: Epilogue) -> Result<Self, Error> {
        let packed = PackedWeights::new(bits.view())?;
        Ok(Self {
            bits,
            packed,
            epilogue,
        })
    }

    fn n(&self) -> usize {
        self.bits.rows()
    }

    fn k(&self) -> usize {
        self.bits.cols()
    }

    /// Elements of a matrix of `m` rows of `cols`.
    fn elements(m: usize, cols: usize) -> Result<usize, Error> {
        let what = "elements of m rows";
        Ok(m.checked_mul(cols)
            .ok_or(bnn_core::Error::Overflow { what })?)
    }

    /// The outputs of `x`, rows of floats or of bits.
    fn forward<'x>(
        &self,
        x: impl Into<bnn_core::Activations<'x>> + Send,
        m: usize,
        y: &mut [f32],
    ) -> Result<(), Error> {
        let Epilogue { scale, bias, .. } = &self.epilogue;
        let product = || gemm_f32(x, &self.packed, scale, bias, y, self.n());
        let words = m.saturating_mul(self.bits.words().len());
        pool::run_products(words, product)
    }

    fn forward_floats(&self, x: &[f32], m: usize, y: &mut [f32]) -> Result<(), Error> {
        self.forward(FloatRows::new(x, m, self.k(), self.k())?, m, y)
    }
}

/// Refuses sizes of weights that no layer can have.
fn check_size(n: usize, k: usize) -> Result<(), Error> {
    nonzero("n", n)?;
    nonzero("k", k)?;
    at_most("k", crate::gemm::MAX_K, k)
}

#[cfg(test)]
mod laws;
