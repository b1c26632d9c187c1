//! The sizes of a product with weights, and shapes and operation counts derived from them.

use crate::context::Context;
use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// The sizes of a product `[.., k] · [n, k]^T`.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinearShape {
    /// Rows of the input, its leading dimensions flattened.
    pub(super) m: usize,
    /// Output features.
    pub(super) n: usize,
    /// Input features.
    pub(super) k: usize,
}

impl LinearShape {
    pub(super) fn new<T: Real>(x: &Tensor<T>, w: &Tensor<T>) -> Result<Self, Error> {
        Self::of_shapes(x.shape(), w.shape())
    }

    /// The sizes of a function's first two inputs.
    pub(super) fn of<T: Real>(ctx: &Context<T>) -> Result<Self, Error> {
        Self::of_shapes(ctx.input_shape(0)?, ctx.input_shape(1)?)
    }

    /// The sizes by the shapes alone, which looks at no value that is put off.
    pub(super) fn of_shapes(x: &[usize], w: &[usize]) -> Result<Self, Error> {
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
                expected: format!("[.., {k}] for weights [{n}, {k}]{}", mend(x, k)),
                found: x.to_vec(),
            });
        }
        let m = x[..x.len() - 1].iter().product();
        Ok(Self { m, n, k })
    }
}

/// Multiply-accumulates of a product with the weights `[n, k]`, the second input: `k` for each
/// element of the output.
pub(super) fn product_macs(inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> u64 {
    let k = inputs.get(1).and_then(|w| w.last()).copied().unwrap_or(0);
    let elements: usize = outputs.first().map_or(0, |y| y.iter().product());
    elements as u64 * k as u64
}

/// The shape with its last dimension replaced; a scalar's becomes `[n]`.
pub(super) fn with_last(shape: &[usize], n: usize) -> Vec<usize> {
    let leading = &shape[..shape.len().saturating_sub(1)];
    leading.iter().copied().chain([n]).collect()
}

/// How to turn an input of shape `x` into `[.., k]`, if there is an obvious way.
pub(super) fn mend(x: &[usize], k: usize) -> &'static str {
    match x {
        [_, sample @ ..] if sample.len() > 1 && sample.iter().product::<usize>() == k => {
            " (put `nn::Flatten` in front)"
        }
        _ => "",
    }
}
