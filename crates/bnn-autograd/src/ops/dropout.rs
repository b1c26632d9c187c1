//! Dropout (Srivastava et al. 2014, JMLR 15).

use bnn_core::BitMatrix;

use crate::bits::apply_mask;
use crate::context::{Context, HeldByFunction};
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Sets each element to zero with probability `p` and multiplies the others by `1 / (1 - p)`, which
/// preserves the expectation. Keeps one bit per element.
///
/// # Errors
/// [`Error::OutOfRange`] for a `p` outside `0 <= p < 1`.
pub fn dropout<T: Real>(x: &Var<T>, p: f64, rng: &mut Rng) -> Result<Var<T>, Error> {
    check_probability(p)?;
    let (rows, cols) = x.value().rows_cols();
    let mut kept = BitMatrix::zeros(rows, cols)?;
    let mut view = kept.view_mut();
    for row in 0..rows {
        for col in 0..cols {
            view.set(row, col, rng.uniform(0.0, 1.0) >= p);
        }
    }
    let factor = T::from_f64(1.0 / (1.0 - p));
    x.tape().apply(Dropout { kept, factor }, &[x])
}

pub(crate) fn check_probability(p: f64) -> Result<(), Error> {
    let inside = (0.0..1.0).contains(&p);
    Error::check_range(
        "probability of dropout",
        "at least 0 and less than 1",
        p,
        inside,
    )
}

struct Dropout<T> {
    kept: BitMatrix,
    factor: T,
}

impl<T: Real> Dropout<T> {
    /// What the function does to values, gradients and tangents.
    fn apply(&self, mut x: Tensor<T>) -> Vec<Tensor<T>> {
        let data = x.data_mut();
        apply_mask(data, self.kept.view());
        data.iter_mut().for_each(|x| *x *= self.factor);
        vec![x]
    }
}

impl<T: Real> Function<T> for Dropout<T> {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of dropout", given)?;
        // The function itself holds the mask; it is counted here.
        ctx.save_for_backward(HeldByFunction {
            bytes: size_of_val(self.kept.words()),
        });
        Ok(self.apply(x.clone()))
    }

    fn backward(
        &self,
        _: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dx = self.apply(grad_outputs.single()?);
        Ok(dx.into_iter().map(Some).collect())
    }

    fn jvp(
        &self,
        _: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = self.apply(tangents.single()?);
        Ok(dy.into_iter().map(Some).collect())
    }
}
