//! What the classification losses have in common: one row of scores and one label per sample, the
//! mean over samples, and a gradient that is known as soon as the loss is.

use rayon::prelude::*;

use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::task_rows;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The loss of one sample: takes its scores and its label, returns the loss and overwrites the
/// scores with its gradient.
pub(super) trait SampleLoss<T>: Send + Sync + 'static {
    const NAME: &'static str;
    fn loss(&self, scores: &mut [T], label: usize) -> f64;
}

/// The mean of `sample` over the rows of `[.., classes]` scores; a scalar.
///
/// Kept for the reverse pass: the gradient itself, as large as the scores.
pub(super) fn mean_loss<T: Real, L: Copy + Into<usize>>(
    scores: &Var<T>,
    labels: &[L],
    sample: impl SampleLoss<T>,
) -> Result<Var<T>, Error> {
    let (rows, classes) = scores.value().rows_cols();
    Error::check_count("labels of a loss", rows, labels.len())?;
    let labels: Vec<usize> = labels.iter().map(|&label| label.into()).collect();
    if let Some(sample) = labels.iter().position(|&label| label >= classes) {
        return Err(Error::Label {
            sample,
            label: labels[sample],
            classes,
        });
    }
    scores.tape().apply(MeanLoss { labels, sample }, &[scores])
}

struct MeanLoss<S> {
    labels: Vec<usize>,
    sample: S,
}

impl<T: Real, S: SampleLoss<T>> Function<T> for MeanLoss<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [scores] = inputs("inputs of a loss", given)?;
        let (rows, classes) = scores.rows_cols();
        let mut grad = scores.clone();
        let task = task_rows(classes);
        let losses: Vec<f64> = grad
            .data_mut()
            .par_chunks_mut(classes)
            .with_min_len(task)
            .zip(&self.labels)
            .map(|(scores, &label)| {
                let loss = self.sample.loss(scores, label);
                for g in scores {
                    *g /= T::from_f64(rows as f64);
                }
                loss
            })
            .collect();
        let mean = losses.iter().sum::<f64>() / rows as f64;
        ctx.save(ctx.varies(0).then_some(grad));
        Ok(vec![Tensor::scalar(T::from_f64(mean))])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?.item()?;
        let mut grad = ctx.saved_tensor(0)?;
        if dy != T::one() {
            grad.data_mut().iter_mut().for_each(|g| *g *= dy);
        }
        Ok(vec![Some(grad)])
    }

    /// The loss is a scalar: its derivative along the tangent is the inner product with the gradient.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let (grad, tangent) = (ctx.saved_tensor(0)?, tangents.single()?);
        let terms = grad.data().iter().zip(tangent.data());
        let sum: f64 = terms.map(|(g, t)| g.as_f64() * t.as_f64()).sum();
        Ok(vec![Some(Tensor::scalar(T::from_f64(sum)))])
    }
}
