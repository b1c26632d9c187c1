//! The common part of all losses: a mean, whose gradient is known as soon as the loss is. A
//! classification loss has a row of scores and a label per sample; other losses have a target per
//! element.

use rayon::prelude::*;

use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::{TASK_ELEMENTS, task_rows};
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The loss of one sample: takes its scores and its label, returns the loss and replaces the scores
/// by the gradient.
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

/// The mean of `sample` over the rows of `[.., classes]` scores, each given its own number in place
/// of a label; a scalar.
///
/// Kept for the reverse pass: the gradient itself, as large as the scores.
pub(super) fn mean_row_loss<T: Real>(
    scores: &Var<T>,
    sample: impl SampleLoss<T>,
) -> Result<Var<T>, Error> {
    let labels = (0..scores.value().rows_cols().0).collect();
    scores.tape().apply(MeanLoss { labels, sample }, &[scores])
}

/// The gradient of the loss.
struct Kept<T: Real> {
    grad: Tensor<T>,
}

saved_state!(Kept<T> { grad });

struct MeanLoss<S> {
    /// What the loss of each row is told.
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
        if ctx.varies(0) {
            ctx.save(Kept { grad });
        }
        Ok(vec![Tensor::scalar(T::from_f64(mean))])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        backward(ctx, grad_outputs)
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        jvp(ctx, tangents)
    }
}

/// The loss of one element, given its target.
pub(super) trait ElementLoss: Send + Sync + 'static {
    const NAME: &'static str;
    /// The loss and its derivative with respect to `x`.
    fn loss(&self, x: f64, target: f64) -> (f64, f64);
}

/// The mean of a loss over all elements of `x`; a scalar. The targets are constants.
///
/// Kept for the reverse pass: the gradient itself, as large as `x`.
pub(super) fn mean_element_loss<T: Real, L: ElementLoss>(
    x: &Var<T>,
    target: &Tensor<T>,
    loss: L,
) -> Result<Var<T>, Error> {
    Error::check_shape("target of a loss", x.shape(), target.shape())?;
    let target = target.clone();
    x.tape().apply(MeanElementLoss { target, loss }, &[x])
}

struct MeanElementLoss<T: Real, L> {
    target: Tensor<T>,
    loss: L,
}

impl<T: Real, L: ElementLoss> Function<T> for MeanElementLoss<T, L> {
    fn name(&self) -> &'static str {
        L::NAME
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of a loss", given)?;
        let count = x.numel() as f64;
        let mut grad = x.clone();
        // Pieces of a fixed size, whose sums are added in order: the same for any number of
        // threads.
        let pieces = grad.data_mut().par_chunks_mut(TASK_ELEMENTS);
        let pieces = pieces.zip(self.target.data().par_chunks(TASK_ELEMENTS));
        let sums: Vec<f64> = pieces
            .map(|(x, target)| {
                let pairs = x.iter_mut().zip(target);
                let losses = pairs.map(|(x, target)| {
                    let (loss, slope) = self.loss.loss(x.as_f64(), target.as_f64());
                    *x = T::from_f64(slope / count);
                    loss
                });
                losses.sum()
            })
            .collect();
        let mean = sums.iter().sum::<f64>() / count;
        if ctx.varies(0) {
            ctx.save(Kept { grad });
        }
        Ok(vec![Tensor::scalar(T::from_f64(mean))])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        backward(ctx, grad_outputs)
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        jvp(ctx, tangents)
    }
}

fn backward<T: Real>(
    ctx: &Context<T>,
    grad_outputs: Derivatives<T>,
) -> Result<Vec<Option<Tensor<T>>>, Error> {
    let dy = grad_outputs.single()?.item()?;
    let Kept { grad } = ctx.saved_state()?;
    let mut grad: Tensor<T> = grad.clone();
    if dy != T::one() {
        grad.data_mut().iter_mut().for_each(|g| *g *= dy);
    }
    Ok(vec![Some(grad)])
}

/// The loss is a scalar: its derivative along the tangent is the inner product with the gradient.
fn jvp<T: Real>(
    ctx: &Context<T>,
    tangents: Derivatives<T>,
) -> Result<Vec<Option<Tensor<T>>>, Error> {
    let Kept { grad } = ctx.saved_state()?;
    let tangent = tangents.single()?;
    let terms = grad.data().iter().zip(tangent.data());
    let sum: f64 = terms.map(|(g, t)| g.as_f64() * t.as_f64()).sum();
    Ok(vec![Some(Tensor::scalar(T::from_f64(sum)))])
}
