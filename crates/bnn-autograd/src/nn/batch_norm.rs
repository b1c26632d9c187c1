//! Batch normalisation with its parameters and running statistics.

use super::{Module, Param, ParamKind};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, Affine, ColumnStats};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Batch normalisation of `[.., n]` over its rows: for images `[batch, height, width, channels]`
/// over all pixels, which other frameworks call `BatchNorm2d`.
///
/// In training it uses the statistics of the batch (at least 2 rows) and updates the running ones:
/// `running = (1 - momentum) * running + momentum * batch`, the variance taken unbiased (divided by
/// `rows - 1`). In evaluation it uses the running ones. See [`ops::batch_norm`].
///
/// ```
/// use bnn_autograd::nn::BatchNorm;
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// let layer = BatchNorm::<f32> { eps: 1e-3, ..BatchNorm::new(64)? };
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
///
/// Parameters: `gamma` (starts at 1), `beta` (0). Buffers: `running_mean` (0), `running_var` (1).
#[derive(Clone, Debug)]
pub struct BatchNorm<T: Real = f32> {
    /// The factor per column, `[n]`.
    pub gamma: Param<T>,
    /// The summand per column, `[n]`.
    pub beta: Param<T>,
    /// The running statistics.
    pub running: ColumnStats<T>,
    /// The share of a batch's statistics in the running ones after it, in `0..=1`.
    pub momentum: f64,
    /// The number that keeps the root away from 0; positive, also when rounded to `T`.
    pub eps: f64,
    /// Whether it uses the statistics of the batch; see [`Module::set_training`].
    pub training: bool,
}

impl<T: Real> BatchNorm<T> {
    /// A layer of `features` columns with momentum 0.1 and epsilon 1e-5.
    ///
    /// # Errors
    /// A size of 0 or too large.
    pub fn new(features: usize) -> Result<Self, Error> {
        let zeros = Tensor::full(T::zero(), &[features])?;
        let ones = Tensor::full(T::one(), &[features])?;
        Ok(Self {
            gamma: Param::new(ParamKind::Float, ones.clone()),
            beta: Param::new(ParamKind::Float, zeros.clone()),
            running: ColumnStats {
                mean: zeros,
                var: ones,
            },
            momentum: 0.1,
            eps: 1e-5,
            training: true,
        })
    }

    /// Momentum and epsilon, checked.
    pub(crate) fn constants(&self) -> Result<(T, T), Error> {
        let (momentum, eps) = (self.momentum, self.eps);
        let inside = (0.0..=1.0).contains(&momentum);
        Error::check_range("momentum of a batch norm", "0 to 1", momentum, inside)?;
        let inside = T::from_f64(eps) > T::zero() && eps.is_finite();
        let what = "epsilon of a batch norm";
        Error::check_range(what, "positive and finite", eps, inside)?;
        Ok((T::from_f64(momentum), T::from_f64(eps)))
    }

    /// What evaluation computes, as `scale * x + bias` per column, in exactly these numbers.
    ///
    /// # Errors
    /// [`Error::Shape`] if a buffer has another shape, [`Error::OutOfRange`] for a momentum or an
    /// epsilon outside its range.
    pub(crate) fn affine(&self) -> Result<Affine<T>, Error> {
        let (gamma, beta) = (self.gamma.value(), self.beta.value());
        let (_, eps) = self.constants()?;
        ops::fold_batch_norm(gamma, beta, &self.running, eps)
    }

    /// Moves the running statistics towards those of a batch of `rows` rows.
    pub(crate) fn move_running(&mut self, batch: &ColumnStats<T>, rows: usize, momentum: T) {
        let unbiased = T::from_f64(rows as f64 / (rows as f64 - 1.0));
        let (kept, moved) = (T::one() - momentum, momentum);
        let means = self.running.mean.data_mut().iter_mut();
        for (running, &mean) in means.zip(batch.mean.data()) {
            *running = kept * *running + moved * mean;
        }
        let variances = self.running.var.data_mut().iter_mut();
        for (running, &var) in variances.zip(batch.var.data()) {
            *running = kept * *running + moved * (var * unbiased);
        }
    }
}

impl<T: Real> Module<T> for BatchNorm<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let (momentum, eps) = self.constants()?;
        let (gamma, beta) = (x.tape().param(&self.gamma), x.tape().param(&self.beta));
        if !self.training {
            return ops::batch_norm_eval(x, &gamma, &beta, &self.running, eps);
        }
        let (y, batch) = ops::batch_norm(x, &gamma, &beta, eps)?;
        let (rows, _) = x.value().rows_cols();
        self.move_running(&batch, rows, momentum);
        Ok(y)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.affine(&self.affine()?)
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("gamma", &self.gamma);
        visit("beta", &self.beta);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("gamma", &mut self.gamma);
        visit("beta", &mut self.beta);
    }

    fn buffers(&self, visit: &mut dyn FnMut(&str, &Tensor<T>)) {
        visit("running_mean", &self.running.mean);
        visit("running_var", &self.running.var);
    }

    fn buffers_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Tensor<T>)) {
        visit("running_mean", &mut self.running.mean);
        visit("running_var", &mut self.running.var);
    }

    fn set_training(&mut self, training: bool) {
        self.training = training;
    }

    fn is_training(&self) -> Option<bool> {
        Some(self.training)
    }
}
