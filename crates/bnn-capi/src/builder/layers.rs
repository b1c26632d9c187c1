//! The layers of a model are added.

use bnn_autograd::Tensor;
use bnn_autograd::export::Lowering;
use bnn_autograd::ops::{Affine, BatchStats, fold_batch_norm};
use bnn_core::model::InputType;

use super::bnn_builder_t;
use crate::boundary::{Input, OptionalInput};
use crate::error::Error;
use crate::shape::nonzero;
use crate::status::bnn_status_t;

fn vector(x: Input<'_, f32>, n: usize) -> Result<Tensor, Error> {
    Ok(Tensor::new(x.read(n)?.to_vec(), &[n])?)
}

fn vector_or(x: Option<Input<'_, f32>>, default: f32, n: usize) -> Result<Tensor, Error> {
    match x {
        Some(x) => vector(x, n),
        None => Ok(Tensor::full(default, &[n])?),
    }
}

export! {
    /// Adds a product with signs of weights, `sum[j] = sum over l < k of sign(x[l]) * sign(w[j, l])`,
    /// where `x` is what the layers so far give out, or the input; the signs of `x` are taken by
    /// themselves. If it is the first layer of a model of unsigned integers, `x[l]` itself stands in
    /// place of its sign.
    ///
    /// - `w`: read, `[n, k]` floats: latent weights, of which the signs count.
    ///
    /// Sums are at most 2^24 in magnitude, up to which training in floats is exact.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, LAYER (`k` is not what the layers so far give out or
    /// the number of thresholds, sums that are too large, or the model is finished).
    pub fn bnn_builder_linear_f32(
        builder: *mut bnn_builder_t,
        w: *const f32,
        n: usize,
        k: usize,
    ) -> bnn_status_t {
        nonzero("n", n)?;
        nonzero("k", k)?;
        builder.lowering()?;
        let elements = n.checked_mul(k);
        let what = "elements of the weights";
        let w = w.read(elements.ok_or(bnn_core::Error::Overflow { what })?)?;
        let w = Tensor::new(w.to_vec(), &[n, k])?;
        let is_unsigned = matches!(builder.input, InputType::Unsigned { .. });
        let on_numbers = builder.layers == 0 && is_unsigned;
        builder.add("linear", |to| match on_numbers {
            true => to.sign_weight_linear(&w),
            false => to.binary_linear(&w),
        })
    }
}

export! {
    /// Adds `scale * x + bias` per column, product and sum rounded to a float each, behind a product:
    /// the scale and the bias of a layer, a folded batch norm. Where a sign follows, it becomes an
    /// integer threshold that is equal to the sign of that very expression for every sum.
    ///
    /// - `scale`: read, `n` floats; NULL for factors of 1.
    /// - `bias`: read, `n` floats; NULL for summands of 0.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE, LAYER (not behind a product or behind
    /// another such layer, `n` is not the product's, or the model is finished).
    pub fn bnn_builder_affine_f32(
        builder: *mut bnn_builder_t,
        scale: OptionalInput,
        bias: OptionalInput,
        n: usize,
    ) -> bnn_status_t {
        nonzero("n", n)?;
        let affine = Affine {
            scale: vector_or(scale, 1.0, n)?.data().to_vec(),
            bias: vector_or(bias, 0.0, n)?.data().to_vec(),
        };
        builder.add("affine", |to| to.affine(&affine))
    }
}

export! {
    /// Adds a batch norm with fixed statistics, as it is in evaluation: with
    /// `a = gamma / sqrt(var + eps)` it is `a * x + (beta - mean * a)`, each operation rounded to a
    /// float. Otherwise as `bnn_builder_affine_f32`.
    ///
    /// - `mean`, `var`: read, `n` floats each: the running statistics.
    /// - `gamma`: read, `n` floats; NULL for factors of 1.
    /// - `beta`: read, `n` floats; NULL for summands of 0.
    ///
    /// Errors: as `bnn_builder_affine_f32`.
    pub fn bnn_builder_batch_norm_f32(
        builder: *mut bnn_builder_t,
        gamma: OptionalInput,
        beta: OptionalInput,
        mean: *const f32,
        var: *const f32,
        eps: f32,
        n: usize,
    ) -> bnn_status_t {
        nonzero("n", n)?;
        let (gamma, beta) = (vector_or(gamma, 1.0, n)?, vector_or(beta, 0.0, n)?);
        let stats = BatchStats { mean: vector(mean, n)?, var: vector(var, n)? };
        let affine = fold_batch_norm(&gamma, &beta, &stats, eps)?;
        builder.add("batch norm", |to| to.affine(&affine))
    }
}

export! {
    /// Adds a sign: at the end of a model it makes the output bits. In front of a product it may be
    /// left out.
    ///
    /// Errors: NULL, MISALIGNED, LAYER (of an unsigned input, or the model is finished).
    pub fn bnn_builder_sign(builder: *mut bnn_builder_t) -> bnn_status_t {
        builder.add("sign", Lowering::sign)
    }
}
