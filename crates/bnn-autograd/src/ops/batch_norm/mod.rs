//! Batch normalisation over the rows of a matrix (Ioffe & Szegedy 2015, arXiv 1502.03167).
//!
//! Training and evaluation compute the same expression, `scale * x + bias` with `scale = gamma /
//! sqrt(var + eps)` and `bias = beta - mean * scale`, rounded after the product and after the sum,
//! never fused; only the source of the statistics differs. Where a trained layer is folded (into
//! thresholds, say), [`fold_batch_norm`] returns exactly these numbers.
//!
//! The output is put off ([`Context::put_off`]): a binary layer takes the signs of the normalised
//! activations, and their range mask, without their being written.

mod fold;

use std::ops::Range;

pub use crate::affine::Affine;
use fold::column_stats;
pub use fold::{ColumnStats, fold_batch_norm};
pub(super) use fold::{fold, stats_of_distances};

use super::channels::{add_to_rows, check_channels, scale_rows};
use super::compact::Compact;
use super::reduce::column_sums;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::{Terms, for_row_pairs, sums_of_terms};
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Normalises `[.., n]` with the statistics of its own rows, which it returns as well; `gamma` and
/// `beta` are `[n]`.
///
/// Kept for the reverse pass if `x` or `gamma` needs a gradient: 3 numbers per column, and `x`.
/// Nothing is kept of an `x` that comes from a binary layer, which computes it again from its bits
/// ([`Tape::set_recompute`](crate::Tape::set_recompute)); of other integers, 2 bytes per element
/// are kept; any other `x` is shared.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit; [`Error::Count`] for fewer than 2 rows, which
/// have no variance; [`Error::ForeignVar`].
pub fn batch_norm<T: Real>(
    x: &Var<T>,
    gamma: &Var<T>,
    beta: &Var<T>,
    eps: T,
) -> Result<(Var<T>, ColumnStats<T>), Error> {
    check_rows(x.value().rows_cols().0)?;
    let stats = column_stats(x.value());
    let function = BatchNorm {
        eps,
        own_statistics: true,
    };
    let y = apply(function, x, gamma, beta, &stats)?;
    Ok((y, stats))
}

/// Checks that there are enough rows for a variance.
pub(super) fn check_rows(rows: usize) -> Result<(), Error> {
    if rows < 2 {
        return Err(Error::Count {
            what: "rows of a batch norm in training, at least",
            expected: 2,
            found: rows,
        });
    }
    Ok(())
}

/// Normalises `[.., n]` with given statistics, which count as constants.
///
/// Kept for the reverse pass: 1 number per column, and what [`batch_norm`] keeps if `gamma` needs a
/// gradient.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit; [`Error::ForeignVar`].
pub fn batch_norm_eval<T: Real>(
    x: &Var<T>,
    gamma: &Var<T>,
    beta: &Var<T>,
    stats: &ColumnStats<T>,
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
    stats: &ColumnStats<T>,
) -> Result<Var<T>, Error> {
    let mean = x.tape().constant(stats.mean.clone());
    let var = x.tape().constant(stats.var.clone());
    x.tape().apply(function, &[x, gamma, beta, &mean, &var])
}

struct BatchNorm<T> {
    eps: T,
    /// Whether the statistics are those of the input, which then also affects the output through
    /// them.
    own_statistics: bool,
}

const X: usize = 0;
const GAMMA: usize = 1;
const BETA: usize = 2;

struct Kept<T: Real> {
    /// Kept for the derivative of the input.
    scale: Option<Tensor<T>>,
    /// If the pass looks at the elements of the input.
    columns: Option<KeptColumns<T>>,
}

struct KeptColumns<T: Real> {
    x: Compact<T>,
    mean: Tensor<T>,
    inverse_std: Tensor<T>,
}

saved_state!(Kept<T> { scale, columns });
saved_state!(KeptColumns<T> { x, mean, inverse_std });

impl<T: Real> Function<T> for BatchNorm<T> {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, gamma, beta, mean, var] = inputs("inputs of batch_norm", given)?;
        check_channels("input of a batch norm", x, "columns of the layer", gamma)?;
        let (_, n) = x.rows_cols();
        Error::check_shape("statistics of a batch norm", &[n], mean.shape())?;
        let affine = fold(gamma, beta, mean, var, self.eps)?;
        let scale = Tensor::trusted(affine.scale.clone(), vec![n]);
        ctx.put_off(affine);
        ctx.save_each(|pass| {
            let looks_at_input = pass.needs(GAMMA) || pass.needs(X) && self.own_statistics;
            Ok(Kept {
                scale: pass.needs(X).then(|| scale.clone()),
                columns: looks_at_input.then(|| KeptColumns {
                    x: Compact::keep(&pass, X, x),
                    mean: mean.clone(),
                    inverse_std: inverse_std(var, self.eps),
                }),
            })
        })?;
        Ok(vec![x.clone()])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let Kept { scale, columns } = ctx.saved_state::<Kept<T>>()?;
        let scale = scale.as_ref();
        let Some(columns) = columns else {
            let (_, n) = dy.rows_cols();
            let needs_beta = ctx.needs_input_grad(BETA);
            let dbeta = needs_beta.then(|| Tensor::from_f64s(column_sums(dy.data(), n)));
            let dx = scale.map(|scale| scaled(dy, scale));
            return Ok(vec![dx, None, dbeta, None, None]);
        };
        let [dx, dgamma, dbeta] = match &columns.x {
            Compact::Integers(x) => {
                self.gradients(ctx, dy, scale, &columns.with(x, |x| T::from_i32(x.into())))
            }
            Compact::Input(x) => {
                let x = x.tensor()?;
                self.gradients(ctx, dy, scale, &columns.with(x.data(), |x| x))
            }
        };
        Ok(vec![dx, dgamma, dbeta, None, None])
    }

    /// `dy = scale * (dx - mean(dx) - z * mean(z * dx)) + z * dgamma + dbeta`; with given
    /// statistics without the two means. The first term is the reverse pass, which is its own
    /// transpose.
    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let Kept { scale, columns } = ctx.saved_state::<Kept<T>>()?;
        let mut dy = tangents.take_dense(X)?;
        match columns {
            None => {
                if let Some(scale) = scale {
                    dy = scaled(dy, scale);
                }
            }
            Some(kept) => {
                let dgamma = tangents.get(GAMMA);
                dy = match &kept.x {
                    Compact::Integers(x) => {
                        let columns = kept.with(x, |x| T::from_i32(x.into()));
                        self.tangent(dy, scale.as_ref(), dgamma, &columns)
                    }
                    Compact::Input(x) => {
                        let x = x.tensor()?;
                        let columns = kept.with(x.data(), |x| x);
                        self.tangent(dy, scale.as_ref(), dgamma, &columns)
                    }
                };
            }
        }
        if let Some(dbeta) = tangents.get(BETA) {
            add_to_rows(dy.data_mut(), dbeta.data());
        }
        Ok(vec![Some(dy)])
    }
}

/// `1 / sqrt(var + eps)`.
pub(super) fn inverse_std<T: Real>(var: &Tensor<T>, eps: T) -> Tensor<T> {
    let inverse = var.data().iter();
    let inverse = inverse.map(|&var| T::one() / (var + eps).sqrt());
    Tensor::trusted(inverse.collect(), var.shape().to_vec())
}

/// The gradient of the input of a batch norm in training, `dx = scale * dy + slope * (x - mean) +
/// offset`, for `rows` rows: slope and offset of each column.
pub(super) fn input_slopes<T: Real>(
    rows: usize,
    scale: &[T],
    inverse_std: &[T],
    dbeta: &[f64],
    dgamma: &[f64],
) -> Vec<(T, T)> {
    let columns = (0..scale.len()).map(|c| {
        let share = -scale[c].as_f64() / rows as f64;
        let slope = share * dgamma[c] * inverse_std[c].as_f64();
        (T::from_f64(slope), T::from_f64(share * dbeta[c]))
    });
    columns.collect()
}

impl<T: Real> BatchNorm<T> {
    /// The gradients of the input, gamma and beta, by a pass that looks at the input.
    fn gradients<E: Copy + Sync>(
        &self,
        ctx: &Context<T>,
        dy: Tensor<T>,
        scale: Option<&Tensor<T>>,
        columns: &NormColumns<'_, T, E, impl Fn(E) -> T + Sync>,
    ) -> [Option<Tensor<T>>; 3] {
        let (dbeta, dgamma) = columns.param_gradients(dy.data());
        let dx = scale.map(|scale| match self.own_statistics {
            true => columns.input_gradient(dy, scale.data(), &dbeta, &dgamma),
            false => scaled(dy, scale),
        });
        let needed = |i, sums| ctx.needs_input_grad(i).then(|| Tensor::from_f64s(sums));
        [dx, needed(GAMMA, dgamma), needed(BETA, dbeta)]
    }

    /// The tangent of the output by those of the input and gamma.
    fn tangent<E: Copy + Sync>(
        &self,
        dx: Tensor<T>,
        scale: Option<&Tensor<T>>,
        dgamma: Option<&Tensor<T>>,
        columns: &NormColumns<'_, T, E, impl Fn(E) -> T + Sync>,
    ) -> Tensor<T> {
        let mut dy = match scale {
            None => dx,
            Some(scale) if self.own_statistics => {
                let (sums, sums_of_z) = columns.param_gradients(dx.data());
                columns.input_gradient(dx, scale.data(), &sums, &sums_of_z)
            }
            Some(scale) => scaled(dx, scale),
        };
        if let Some(dgamma) = dgamma {
            columns.add_normalised(&mut dy, dgamma.data());
        }
        dy
    }
}

impl<T: Real> KeptColumns<T> {
    /// The columns of the input `x`, whose elements `number` converts to numbers.
    fn with<'a, E, F: Fn(E) -> T>(&'a self, x: &'a [E], number: F) -> NormColumns<'a, T, E, F> {
        NormColumns {
            x,
            number,
            mean: self.mean.data(),
            inverse_std: self.inverse_std.data(),
        }
    }
}

/// The input and its statistics, column by column; `z = (x - mean) * inverse_std`.
struct NormColumns<'a, T, E, F> {
    x: &'a [E],
    number: F,
    mean: &'a [T],
    inverse_std: &'a [T],
}

impl<T: Real, E: Copy + Sync, F: Fn(E) -> T + Sync> NormColumns<'_, T, E, F> {
    /// `dbeta = sum(dy)` and `dgamma = sum(dy * z)`.
    fn param_gradients(&self, dy: &[T]) -> (Vec<f64>, Vec<f64>) {
        let n = self.mean.len();
        let terms = ParamGradients { columns: self, dy };
        let [dbeta, mut dgamma] = sums_of_terms(dy.len() / n, n, &terms);
        for (dgamma, inverse_std) in dgamma.iter_mut().zip(self.inverse_std) {
            *dgamma *= inverse_std.as_f64();
        }
        (dbeta, dgamma)
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

    /// `dx = scale * (dy - dbeta / m - z * dgamma / m)` for `m` rows, in place of `dy`.
    fn input_gradient(
        &self,
        mut dy: Tensor<T>,
        scale: &[T],
        dbeta: &[f64],
        dgamma: &[f64],
    ) -> Tensor<T> {
        let (m, n) = dy.rows_cols();
        let slopes = input_slopes(m, scale, self.inverse_std, dbeta, dgamma);
        for_row_pairs(dy.data_mut(), self.x, n, |dy, x| {
            let columns = scale.iter().zip(self.mean).zip(&slopes);
            for ((dy, &x), ((&scale, &mean), &(slope, offset))) in dy.iter_mut().zip(x).zip(columns)
            {
                *dy = scale * *dy + (slope * ((self.number)(x) - mean) + offset);
            }
        });
        dy
    }
}

/// The terms of [`NormColumns::param_gradients`].
struct ParamGradients<'a, T, E, F> {
    columns: &'a NormColumns<'a, T, E, F>,
    dy: &'a [T],
}

impl<T: Real, E: Copy + Sync, F: Fn(E) -> T + Sync> Terms<2> for ParamGradients<'_, T, E, F> {
    #[inline(always)]
    fn add(&self, row: usize, block: Range<usize>, [dbeta, dgamma]: [&mut [f64]; 2]) {
        let NormColumns {
            x, mean, number, ..
        } = self.columns;
        let first = row * mean.len();
        let (x, dy) = (&x[first..][block.clone()], &self.dy[first..][block.clone()]);
        let sums = dbeta.iter_mut().zip(dgamma).zip(&mean[block]);
        for (((dbeta, dgamma), &mean), (&x, dy)) in sums.zip(x.iter().zip(dy)) {
            let centered = number(x) - mean;
            *dbeta += dy.as_f64();
            *dgamma += dy.as_f64() * centered.as_f64();
        }
    }
}

/// Every row times `scale`, elementwise.
fn scaled<T: Real>(mut x: Tensor<T>, scale: &Tensor<T>) -> Tensor<T> {
    scale_rows(x.data_mut(), scale.data());
    x
}
