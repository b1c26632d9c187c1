//! Signs of weights with one scale per output channel.

use bnn_core::{BitMatrix, row_words};
use rayon::prelude::*;

use super::filters;
use crate::bits::pack_mask;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::task_rows;
use crate::real::{Real, sign_of};
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The derivative of `alpha * sign(w)`, where `alpha` is the mean of `|w|` over the weights of an
/// output channel (`||W||_1 / n`), and `g` the gradient of the scaled signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaledSign {
    /// `dw = alpha [|w| <= 1] g`: the magnitude-aware gradient of Bi-Real Net (Liu et al. 2018,
    /// arXiv 1808.00278, section 3.3), in which `alpha` is a constant. The edges are inside,
    /// because an optimizer clips latent weights to them, and they could not leave the edges
    /// otherwise.
    MagnitudeAware,
    /// `dw = (1 / n + alpha [|w| <= 1]) g`: XNOR-Net (Rastegari et al. 2016, arXiv 1603.05279,
    /// section 3.1). Of the derivative of `alpha` it includes, as the paper does, only the effect
    /// of each weight on its own sign.
    XnorNet,
}

impl ScaledSign {
    /// The share of `g` that passes through the `alpha` of `n` weights.
    fn share<T: Real>(self, n: usize) -> T {
        match self {
            Self::MagnitudeAware => T::zero(),
            Self::XnorNet => T::from_f64(1.0 / n as f64),
        }
    }

    /// Multiplies a derivative, elementwise, by the pseudo-gradient of signs with these scales,
    /// `[n]`, where `inside` says whether `|w| <= 1`, `[n, k]`. It acts on each weight alone, so
    /// gradients and tangents go through it in the same way.
    pub(in crate::ops) fn apply<T: Real>(
        self,
        scales: &Tensor<T>,
        inside: &BitMatrix,
        d: &mut [T],
    ) {
        let k = inside.cols();
        let outside = self.share(k);
        d.par_chunks_mut(k)
            .zip(inside.words().par_chunks(row_words(k)))
            .zip(scales.data())
            .with_min_len(task_rows(k))
            .for_each(|((d, words), &scale)| {
                let inside = scale + outside;
                for (d, word) in d.chunks_mut(64).zip(words) {
                    for (j, d) in d.iter_mut().enumerate() {
                        *d *= if word >> j & 1 == 1 { inside } else { outside };
                    }
                }
            });
    }
}

/// [`WeightQuantizer::ScaledSign`](super::WeightQuantizer::ScaledSign).
pub(super) fn scaled_sign<T: Real>(w: &Var<T>, gradient: ScaledSign) -> Result<Var<T>, Error> {
    w.tape().apply(Scaled(gradient), &[w])
}

/// The mean of `|w|` over each row of `k` weights, added up in `f64`, in order.
pub(crate) fn row_scales<T: Real>(w: &[T], k: usize) -> Vec<T> {
    w.par_chunks(k)
        .with_min_len(task_rows(k))
        .map(|row| {
            let sum: f64 = row.iter().map(|w| w.as_f64().abs()).sum();
            T::from_f64(sum / k as f64)
        })
        .collect()
}

struct Scaled(ScaledSign);

struct Kept<T: Real> {
    /// `[n]`.
    scales: Tensor<T>,
    /// `[n, k]`: where `|w| <= 1`.
    inside: BitMatrix,
}

saved_state!(Kept<T> { scales, inside });

impl Scaled {
    fn passed<T: Real>(
        &self,
        ctx: &Context<T>,
        derivatives: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut d = derivatives.single()?;
        let Kept { scales, inside } = ctx.saved_state()?;
        self.0.apply(scales, inside, d.data_mut());
        Ok(vec![Some(d)])
    }
}

impl<T: Real> Function<T> for Scaled {
    fn name(&self) -> &'static str {
        "scaled_sign"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [w] = inputs("inputs of scaled_sign", given)?;
        let (n, k) = filters(w)?;
        let scales = row_scales(w.data(), k);
        let mut y = w.clone();
        y.data_mut()
            .par_chunks_mut(k)
            .zip(&scales)
            .with_min_len(task_rows(k))
            .for_each(|(y, &scale)| y.iter_mut().for_each(|y| *y = sign_of(*y) * scale));
        if ctx.varies(0) {
            ctx.save(Kept {
                scales: Tensor::trusted(scales, vec![n]),
                inside: pack_mask(w.data(), n, k)?,
            });
        }
        Ok(vec![y])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        self.passed(ctx, grad_outputs)
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        self.passed(ctx, tangents)
    }
}
