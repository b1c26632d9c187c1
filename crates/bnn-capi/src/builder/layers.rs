//! Adds dense layers, affine steps and signs.

use bnn_autograd::Tensor;
use bnn_autograd::export::Lowering;
use bnn_autograd::ops::{Affine, ColumnStats, fold_batch_norm};

use super::bnn_builder_t;
use crate::boundary::{Input, OptionalInput};
use crate::draft::{out_of_range, room_to_fold};
use crate::error::Error;
use crate::layer::finite;
use crate::memory;
use crate::shape::nonzero;
use crate::status::bnn_status_t;

fn column(x: Input<'_, f32>, n: usize) -> Result<Vec<f32>, Error> {
    memory::copied(x.read(n)?)
}

fn column_or(x: Option<Input<'_, f32>>, default: f32, n: usize) -> Result<Vec<f32>, Error> {
    match x {
        Some(x) => column(x, n),
        None => memory::filled(default, n),
    }
}

fn tensor(column: Vec<f32>) -> Result<Tensor, Error> {
    let shape = [column.len()];
    Ok(Tensor::new(column, &shape)?)
}

/// Latent weights `[n, k]`, every one a finite number.
pub(super) fn weights(w: Input<'_, f32>, n: usize, k: usize) -> Result<Tensor, Error> {
    let what = "elements of the weights";
    let elements = n.checked_mul(k);
    let name = w.name();
    let w = w.read(elements.ok_or(bnn_core::Error::Overflow { what })?)?;
    finite(name, w)?;
    Ok(Tensor::new(memory::copied(w)?, &[n, k])?)
}

export! {
    /// Adds a product with signs of weights, `sum[j] = sum over l < k of sign(x[l]) * sign(w[j,
    /// l])`, where `x` is what the layers so far give out, or the input. If it is the first product
    /// of a model of unsigned integers, `x[l]` itself stands in place of its sign.
    ///
    /// - `w`: read, `[n, k]` floats: latent weights, whose signs count.
    ///
    /// Sums are at most 2^24 in magnitude, up to which training in floats is exact.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE (an element of `w`), LAYER (`k` is not
    /// what the layers so far give out or the number of thresholds, sums that are too large, or the
    /// model is finished).
    pub fn bnn_builder_linear_f32(
        builder: *mut bnn_builder_t,
        w: *const f32,
        n: usize,
        k: usize,
    ) -> bnn_status_t {
        nonzero("n", n)?;
        nonzero("k", k)?;
        builder.open()?;
        let w = weights(w, n, k)?;
        match builder.is_on_numbers() {
            true => builder.add_product("linear", [n, k], |to| to.sign_weight_linear(&w)),
            false => builder.add_product("linear", [n, k], |to| to.binary_linear(&w)),
        }
    }
}

export! {
    /// Adds `scale * x + bias` per column, product and sum rounded to a float each, after a
    /// product: the scale and the bias of a layer, a folded batch norm. Any number of such steps
    /// may follow each other. If a sign follows them, they become an integer threshold per output,
    /// equal to the sign of this very computation for every sum that can occur. At the end of a
    /// model they become one scale and one bias; `bnn_builder_finish` refuses several steps of
    /// which these give other scores, see `bnn_builder_set_tolerance`.
    ///
    /// - `scale`: read, `n` floats; NULL for factors of 1.
    /// - `bias`: read, `n` floats; NULL for summands of 0.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE (also of what it computes), LAYER (not
    /// after a product, `n` is not the product's, or the model is finished).
    pub fn bnn_builder_affine_f32(
        builder: *mut bnn_builder_t,
        scale: OptionalInput,
        bias: OptionalInput,
        n: usize,
    ) -> bnn_status_t {
        nonzero("n", n)?;
        let affine = Affine {
            scale: column_or(scale, 1.0, n)?,
            bias: column_or(bias, 0.0, n)?,
        };
        builder.add_affine("affine", n, |to| to.affine(&affine))
    }
}

export! {
    /// Adds a batch norm in evaluation, with fixed statistics: with `a = gamma / sqrt(var + eps)`
    /// the affine step `a * x + (beta - mean * a)`, each operation rounded to a float. See
    /// `bnn_builder_affine_f32`.
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
        let gamma = tensor(column_or(gamma, 1.0, n)?)?;
        let beta = tensor(column_or(beta, 0.0, n)?)?;
        let stats = ColumnStats { mean: tensor(column(mean, n)?)?, var: tensor(column(var, n)?)? };
        room_to_fold(n)?;
        let affine = fold_batch_norm(&gamma, &beta, &stats, eps)?;
        builder.add_affine("batch norm", n, |to| to.affine(&affine))
    }
}

export! {
    /// Adds a sign by integer thresholds after a product: `+1` where the sum is at least
    /// `thresholds[j]`, else `-1`.
    ///
    /// - `thresholds`: read, `n` numbers. One above the largest sum gives `-1` always.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE (affine steps before it overflow),
    /// LAYER (not after a product, `n` is not the product's, or the model is finished).
    pub fn bnn_builder_threshold_i32(
        builder: *mut bnn_builder_t,
        thresholds: *const i32,
        n: usize,
    ) -> bnn_status_t {
        nonzero("n", n)?;
        let thresholds = thresholds.read(n)?;
        let mut bias = memory::filled(0.0, n)?;
        for (bias, threshold) in bias.iter_mut().zip(thresholds) {
            *bias = least(*threshold);
        }
        let affine = Affine { scale: memory::filled(1.0, n)?, bias };
        builder.add_affine("threshold", n, |to| {
            to.affine(&affine)?;
            to.sign()
        })
    }
}

/// The summand that makes a sum negative below `threshold` and nowhere else. Sums are at most 2^24,
/// up to which floats are exact; a threshold beyond them is as good as any other.
fn least(threshold: i32) -> f32 {
    const MOST: i32 = 1 << 24;
    if threshold.unsigned_abs() <= MOST.unsigned_abs() {
        return -(threshold as f32);
    }
    -2.0 * MOST as f32 * threshold.signum() as f32
}

export! {
    /// Allows the scores of the model to differ from what several affine steps compute. A model
    /// file has one scale and one bias per output, with a rounding each, which cannot always give
    /// the scores of two steps bit for bit. The difference is of some 1e-7, and is checked for
    /// every sum that can occur. Signs are exact in any case.
    ///
    /// - `tolerance`: the largest difference, as a share of the largest score that the output can
    ///   have; from 0, the default, to 1.
    ///
    /// Errors: NULL, MISALIGNED, RANGE, LAYER (the model is finished).
    pub fn bnn_builder_set_tolerance(builder: *mut bnn_builder_t, tolerance: f32) -> bnn_status_t {
        let file = builder.open()?;
        if !(0.0..=1.0).contains(&tolerance) {
            return Err(out_of_range(format!("tolerance is {tolerance}, expected 0 to 1")));
        }
        Ok(file.set_tolerance(tolerance.into())?)
    }
}

export! {
    /// Adds a sign. At the end of a model it makes the output bits; before a product it may be left
    /// out.
    ///
    /// Errors: NULL, MISALIGNED, LAYER (of an unsigned input, or the model is finished).
    pub fn bnn_builder_sign(builder: *mut bnn_builder_t) -> bnn_status_t {
        builder.add("sign", 0, Lowering::sign)
    }
}
