//! Differentiable operations on variables, one file each.

mod add;
mod attention;
mod batch_norm;
mod binary_linear;
mod channel_scale;
mod channels;
mod compact;
pub(crate) mod conv2d;
mod cross_entropy;
mod dropout;
mod embedding;
mod hard_tanh;
mod linear;
mod loss;
mod pool2d;
mod prelu;
mod quantize;
mod reduce;
mod reshape;
mod scaled_binary_linear;
mod shift;
mod sign_weight_linear;
mod squared_hinge;

pub use add::add;
pub use attention::binary_attention;
pub use batch_norm::{
    Affine, BatchStats, batch_norm, batch_norm_eval, batch_stats, fold_batch_norm,
};
pub use binary_linear::{
    BinaryLinearForward, BinaryWeights, LinearWeights, binary_linear, binary_linear_packed,
};
pub use channel_scale::channel_scale;
pub(crate) use channels::{column_sums_of, scale_rows};
pub use conv2d::{
    BinaryConv2dForward, ConvOptions, PadValue, Padding, binary_conv2d, conv2d, sign_weight_conv2d,
};
pub use cross_entropy::cross_entropy;
pub(crate) use dropout::check_probability;
pub use dropout::dropout;
pub use embedding::embedding;
pub use hard_tanh::hard_tanh;
pub use linear::linear;
pub use pool2d::{avg_pool2d, global_avg_pool, max_pool2d};
pub use prelu::prelu;
pub use quantize::{
    Estimator, Lsq, ScaledSign, dorefa_activations, dorefa_weights, lsq, scaled_sign, sign, ternary,
};
pub(crate) use reduce::column_sums;
pub use reduce::{mean, sum};
pub use reshape::{flatten, reshape};
pub use scaled_binary_linear::scaled_binary_linear;
pub use shift::shift;
pub use sign_weight_linear::sign_weight_linear;
pub use squared_hinge::squared_hinge;

use crate::bits::apply_mask;
use crate::context::Context;
use crate::error::Error;
use crate::function::Derivatives;
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
        Self::of_shapes(x.shape(), w.shape())
    }

    /// That of a function's first two inputs.
    fn of<T: Real>(ctx: &Context<T>) -> Result<Self, Error> {
        Self::of_shapes(ctx.input_shape(0)?, ctx.input_shape(1)?)
    }

    fn of_shapes(x: &[usize], w: &[usize]) -> Result<Self, Error> {
        let &[n, k] = w else {
            return Err(Error::Shape {
                what: "weights of a linear operation",
                expected: "[n, k]".to_owned(),
                found: w.to_vec(),
            });
        };
        if x.last() != Some(&k) {
            return Err(Error::Shape {
                what: "input of a linear operation",
                expected: format!("[.., {k}] for weights [{n}, {k}]"),
                found: x.to_vec(),
            });
        }
        let m = x[..x.len() - 1].iter().product();
        Ok(Self { m, n, k })
    }
}

/// The derivative where the mask in slot 0 is set, zeros elsewhere.
fn masked<T: Real>(
    ctx: &Context<T>,
    derivatives: Derivatives<T>,
) -> Result<Vec<Option<Tensor<T>>>, Error> {
    let mut d = derivatives.single()?;
    apply_mask(d.data_mut(), ctx.saved_bits(0)?.view());
    Ok(vec![Some(d)])
}

/// Multiply-accumulates of a product with the weights `[n, k]`, the second input: `k` for each element
/// of the output.
fn product_macs(inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> u64 {
    let k = inputs.get(1).and_then(|w| w.last()).copied().unwrap_or(0);
    let elements: usize = outputs.first().map_or(0, |y| y.iter().product());
    elements as u64 * k as u64
}

/// The shape with its last dimension replaced; a scalar's becomes `[n]`.
fn with_last(shape: &[usize], n: usize) -> Vec<usize> {
    let leading = &shape[..shape.len().saturating_sub(1)];
    leading.iter().copied().chain([n]).collect()
}
