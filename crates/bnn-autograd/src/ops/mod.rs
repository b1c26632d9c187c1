//! Differentiable operations on variables, one file each.

mod batch_norm;
mod binary_linear;
mod compact;
mod cross_entropy;
mod hard_tanh;
mod linear;
mod loss;
mod reduce;
mod sign_weight_linear;
mod squared_hinge;

pub use batch_norm::{
    Affine, BatchStats, batch_norm, batch_norm_eval, batch_stats, fold_batch_norm,
};
pub use binary_linear::binary_linear;
pub use cross_entropy::cross_entropy;
pub use hard_tanh::hard_tanh;
pub use linear::linear;
pub use reduce::{mean, sum};
pub use sign_weight_linear::sign_weight_linear;
pub use squared_hinge::squared_hinge;

use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// The sizes of a product `[.., k] · [n, k]^T`.
#[derive(Clone, Copy, Debug)]
struct LinearShape {
    /// Rows of the input, its leading dimensions flattened.
    m: usize,
    /// Output features.
    n: usize,
    /// Input features.
    k: usize,
}

impl LinearShape {
    fn new<T: Real>(x: &Tensor<T>, w: &Tensor<T>) -> Result<Self, Error> {
        let (n, k) = w.matrix("weights of a linear operation")?;
        let (m, cols) = x.rows_cols();
        if cols != k || x.shape().is_empty() {
            return Err(Error::Shape {
                what: "input of a linear operation",
                expected: format!("[.., {k}] for weights [{n}, {k}]"),
                found: x.shape().to_vec(),
            });
        }
        Ok(Self { m, n, k })
    }
}
