//! Batch normalisation over the rows of a matrix (Ioffe & Szegedy 2015, arXiv 1502.03167).
//!
//! Training and evaluation compute the same expression, `scale * x + bias` with
//! `scale = gamma / sqrt(var + eps)` and `bias = beta - mean * scale`, rounded after the product and
//! after the sum, never fused; only where the statistics come from differs. Whoever folds a trained
//! layer (into thresholds, say) calls [`fold_batch_norm`] and has the very same numbers.

mod fold;

pub use fold::{Affine, BatchStats, batch_stats, fold_batch_norm};

use super::channels::{add_to_rows, scale_rows};
use super::compact::Compact;
use super::reduce::column_sums;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::{for_row_pairs, sums_by_columns};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Normalises `[.., n]` with the statistics of its own rows, which it returns as well; `gamma` and
/// `beta` are `[n]`.
///
/// Kept for the reverse pass where `x` or `gamma` needs a gradient: 3 numbers per column, and of `x`
/// nothing if it comes from a binary layer, which computes it again from its bits
/// ([`Tape::set_recompute`](crate::Tape::set_recompute)); else 2 bytes per element if all are
/// integers, else `x` itself, shared.
///
/// # Errors
/// [`Error::Shape`] where the shapes do not fit; [`Error::Count`] for fewer than 2 rows, of which
/// there is no variance; [`Error::ForeignVar`].
pub fn batch_norm<T: Real>(
    x: &Var<T>,
    gamma: &Var<T>,
    beta: &Var<T>,
    eps: T,
) -> Result<(Var<T>, BatchStats<T>), Error> {
    let (rows, _) = x.value().rows_cols();
    if rows < 2 {
        return Err(Error::Count {
            what: "rows of a batch norm in training, at least",
            expected: 2,
            found: rows,
        });
    }
    let stats = batch_stats(x.value());
    let function = BatchNorm {
        eps,
        own_statistics: true,
    };
    let y = apply(function, x, gamma, beta, &stats)?;
    Ok((y, stats))
}

/// Normalises `[.., n]` with given statistics, which count as constants.
///
/// Kept for the reverse pass: 1 number per column, and as in [`batch_norm`] where `gamma` needs a
/// gradient.
///
/// # Errors
/// [`Error::Shape`] where the shapes do not fit; [`Error::ForeignVar`].
pub fn batch_norm_eval<T: Real>(
    x: &Var<T>,
    gamma: &Var<T>,
    beta: &Var<T>,
    stats: &BatchStats<T>,
    eps: T,
) -> Result<Var<T>, Error> {
    let function = BatchNorm {
        eps,
        own_statistics: false,
    };
    apply(function, x, gamma, beta, stats)
}

fn apply<T: Real>(
    function: BatchNorm<T>,
    x: &Var<T>,
    gamma: &Var<T>,
    beta: &Var<T>,
    stats: &BatchStats<T>,
) -> Result<Var<T>, Error> {
    let mean = x.tape().constant(stats.mean.clone());
    let var = x.tape().constant(stats.var.clone());
    x.tape().apply(function, &[x, gamma, beta, &mean, &var])
}

struct BatchNorm<T> {
    eps: T,
    /// Whether the statistics are those of the input, so that it acts on the output through them.
    own_statistics: bool,
}

const X: usize = 0;
const GAMMA: usize = 1;
const BETA: usize = 2;

// Slots of the context.
const SCALE: usize = 0;
const INPUT: usize = 1;
const MEAN: usize = 2;
const INVERSE_STD: usize = 3;

impl<T: Real> Function<T> for BatchNorm<T> {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, gamma, beta, mean, var] = inputs("inputs of batch_norm", given)?;
        let (_, n) = x.rows_cols();
        Error::check_shape("statistics of a batch norm", &[n], mean.shape())?;
        let affine = fold::fold(gamma, beta, mean, var, self.eps)?;
        let y = Tensor::trusted(affine.apply(x.data()), x.shape().to_vec());

        let scale = Tensor::trusted(affine.scale, vec![n]);
        ctx.save_for_backward(ctx.needs_input_grad(X).then(|| scale.clone()));
        ctx.save_for_forward(scale);
        if self.looks_at_input(ctx) {
            let inverse_std = var
                .data()
                .iter()
                .map(|&var| T::one() / (var + self.eps).sqrt());
            let inverse_std = Tensor::trusted(inverse_std.collect(), vec![n]);
            ctx.save_for_backward(Compact::save(ctx, X, x));
            ctx.save_for_forward(x.clone());
            ctx.save(mean.clone());
            ctx.save(inverse_std);
        }
        Ok(vec![y])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let [dx, dgamma, dbeta] = if !self.looks_at_input(ctx) {
            self.backward_blind(ctx, dy)?
        } else {
            match Compact::saved(ctx, INPUT)? {
                Compact::Integers(x) => {
                    self.backward_from(ctx, dy, x, |x| T::from_i32(x.into()))?
                }
                Compact::Tensor(x) => self.backward_from(ctx, dy, x.data(), |x| x)?,
            }
        };
        Ok(vec![dx, dgamma, dbeta, None, None])
    }

    /// `dy = scale * (dx - mean(dx) - z * mean(z * dx)) + z * dgamma + dbeta`; with given statistics
    /// without the two means. The first term is the reverse pass, which is its own transpose.
    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let scale = ctx.saved_tensor(SCALE)?;
        let dx = match tangents.take(X) {
            Some(dx) => dx,
            None => Tensor::full(T::zero(), ctx.input_shape(X)?)?,
        };
        if !self.looks_at_input(ctx) {
            let mut dy = scaled(dx, &scale);
            if let Some(dbeta) = tangents.get(BETA) {
                add_to_rows(dy.data_mut(), dbeta.data());
            }
            return Ok(vec![Some(dy)]);
        }
        let (x, mean) = (ctx.saved_tensor(INPUT)?, ctx.saved_tensor(MEAN)?);
        let inverse_std = ctx.saved_tensor(INVERSE_STD)?;
        let columns = Columns {
            x: x.data(),
            number: |x| x,
            mean: mean.data(),
            inverse_std: inverse_std.data(),
        };
        let mut dy = match self.own_statistics {
            true => {
                let (sums, sums_of_z) = columns.param_gradients(dx.data());
                columns.input_gradient(dx, scale.data(), &sums, &sums_of_z)
            }
            false => scaled(dx, &scale),
        };
        if let Some(dgamma) = tangents.get(GAMMA) {
            columns.add_normalised(&mut dy, dgamma.data());
        }
        if let Some(dbeta) = tangents.get(BETA) {
            add_to_rows(dy.data_mut(), dbeta.data());
        }
        Ok(vec![Some(dy)])
    }
}

/// The gradients of the input, gamma and beta.
type Grads<T> = Result<[Option<Tensor<T>>; 3], Error>;

impl<T: Real> BatchNorm<T> {
    /// Whether a pass looks at the elements of the input.
    fn looks_at_input(&self, ctx: &Context<T>) -> bool {
        ctx.varies(GAMMA) || ctx.varies(X) && self.own_statistics
    }

    /// The reverse pass that needs no look at the input.
    fn backward_blind(&self, ctx: &Context<T>, dy: Tensor<T>) -> Grads<T> {
        let (_, n) = dy.rows_cols();
        let needs_beta = ctx.needs_input_grad(BETA);
        let dbeta = needs_beta.then(|| Tensor::from_f64s(column_sums(dy.data(), n)));
        let dx = match ctx.needs_input_grad(X) {
            true => Some(scaled(dy, &ctx.saved_tensor(SCALE)?)),
            false => None,
        };
        Ok([dx, None, dbeta])
    }

    /// The reverse pass that looks at the input `x`, kept as `number`s of some type.
    fn backward_from<E: Copy + Sync>(
        &self,
        ctx: &Context<T>,
        dy: Tensor<T>,
        x: &[E],
        number: impl Fn(E) -> T + Sync,
    ) -> Grads<T> {
        let (mean, inverse_std) = (ctx.saved_tensor(MEAN)?, ctx.saved_tensor(INVERSE_STD)?);
        let columns = Columns {
            x,
            number,
            mean: mean.data(),
            inverse_std: inverse_std.data(),
        };
        let (dbeta, dgamma) = columns.param_gradients(dy.data());
        let dx = match ctx.needs_input_grad(X) {
            false => None,
            true => {
                let scale = ctx.saved_tensor(SCALE)?;
                Some(match self.own_statistics {
                    true => columns.input_gradient(dy, scale.data(), &dbeta, &dgamma),
                    false => scaled(dy, &scale),
                })
            }
        };
        let needed = |i, sums| ctx.needs_input_grad(i).then(|| Tensor::from_f64s(sums));
        Ok([dx, needed(GAMMA, dgamma), needed(BETA, dbeta)])
    }
}

/// The input and its statistics, column by column; `z = (x - mean) * inverse_std`.
struct Columns<'a, T, E, F> {
    x: &'a [E],
    number: F,
    mean: &'a [T],
    inverse_std: &'a [T],
}

impl<T: Real, E: Copy + Sync, F: Fn(E) -> T + Sync> Columns<'_, T, E, F> {
    /// `dbeta = sum(dy)` and `dgamma = sum(dy * z)`.
    fn param_gradients(&self, dy: &[T]) -> (Vec<f64>, Vec<f64>) {
        let n = self.mean.len();
        let sums = sums_by_columns(dy.len() / n, n, |rows, block| {
            let mut sums = vec![[0.0; 2]; block.len()];
            let elements = rows.start * n..rows.end * n;
            let (x, dy) = (&self.x[elements.clone()], &dy[elements]);
            for (x, dy) in x.chunks(n).zip(dy.chunks(n)) {
                let row = x[block.clone()].iter().zip(&dy[block.clone()]);
                let columns = sums.iter_mut().zip(&self.mean[block.clone()]);
                for ((sums, &mean), (&x, dy)) in columns.zip(row) {
                    let centered = (self.number)(x) - mean;
                    sums[0] += dy.as_f64();
                    sums[1] += dy.as_f64() * centered.as_f64();
                }
            }
            sums
        });
        let columns = sums.into_iter().zip(self.inverse_std);
        columns
            .map(|([dbeta, dgamma], inverse_std)| (dbeta, dgamma * inverse_std.as_f64()))
            .unzip()
    }

    /// Adds `z * factor`, one factor per column, to `y`.
    fn add_normalised(&self, y: &mut Tensor<T>, factor: &[T]) {
        let n = self.mean.len();
        for_row_pairs(y.data_mut(), self.x, n, |y, x| {
            let columns = self.mean.iter().zip(self.inverse_std).zip(factor);
            for ((y, &x), ((&mean, &inverse_std), &factor)) in y.iter_mut().zip(x).zip(columns) {
                *y += ((self.number)(x) - mean) * inverse_std * factor;
            }
        });
    }

    /// `dx = scale * (dy - dbeta / m - z * dgamma / m)` for `m` rows, made in place of `dy`.
    fn input_gradient(
        &self,
        mut dy: Tensor<T>,
        scale: &[T],
        dbeta: &[f64],
        dgamma: &[f64],
    ) -> Tensor<T> {
        let (m, n) = dy.rows_cols();
        // dx = scale * dy + slope * (x - mean) + offset
        let lines: Vec<(T, T)> = (0..n)
            .map(|c| {
                let share = -scale[c].as_f64() / m as f64;
                let slope = share * dgamma[c] * self.inverse_std[c].as_f64();
                (T::from_f64(slope), T::from_f64(share * dbeta[c]))
            })
            .collect();
        for_row_pairs(dy.data_mut(), self.x, n, |dy, x| {
            let columns = scale.iter().zip(self.mean).zip(&lines);
            for ((dy, &x), ((&scale, &mean), &(slope, offset))) in dy.iter_mut().zip(x).zip(columns)
            {
                *dy = scale * *dy + (slope * ((self.number)(x) - mean) + offset);
            }
        });
        dy
    }
}

/// Every row times `scale`, elementwise.
fn scaled<T: Real>(mut x: Tensor<T>, scale: &Tensor<T>) -> Tensor<T> {
    scale_rows(x.data_mut(), scale.data());
    x
}
