//! The elementwise product of two tensors.

use super::channel_scale::channel_scale;
use crate::context::{Context, KeptInput};
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::for_pairs;
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `a * b`, elementwise. `b` has the shape of `a`, or is `[c]`, one number for each channel of `a`,
/// `[.., c]`: LayerScale (Touvron et al. 2021, arXiv 2103.17239), and after a
/// [`binary_linear`](super::binary_linear) the learned `alpha` per output of XNOR-Net++ (Bulat &
/// Tzimiropoulos 2019, arXiv 1909.13863, case 1).
///
/// Kept for the reverse pass: each factor if the other needs a gradient, shared or computed again;
/// so nothing of `a` if it comes from a binary layer.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit; [`Error::ForeignVar`].
pub fn mul<T: Real>(a: &Var<T>, b: &Var<T>) -> Result<Var<T>, Error> {
    match b.shape() {
        [_] if a.shape() != b.shape() => channel_scale(a, b),
        _ => a.tape().apply(Mul, &[a, b]),
    }
}

struct Mul;

const A: usize = 0;
const B: usize = 1;

struct Kept<T: Real> {
    /// Kept for the derivative of `b`.
    a: Option<KeptInput<T>>,
    /// Kept for the derivative of `a`.
    b: Option<KeptInput<T>>,
}

saved_state!(Kept<T> { a, b });

impl<T: Real> Function<T> for Mul {
    fn name(&self) -> &'static str {
        "mul"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [a, b] = inputs("inputs of mul", given)?;
        Error::check_shape("second factor", a.shape(), b.shape())?;
        ctx.save_each(|pass| {
            Ok(Kept {
                a: pass.needs(B).then(|| pass.input(A, a)),
                b: pass.needs(A).then(|| pass.input(B, b)),
            })
        })?;
        Ok(vec![times((*a).clone(), b)])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let Kept { a, b } = ctx.saved_state::<Kept<T>>()?;
        let times_dy = |other: &Option<KeptInput<T>>| -> Result<_, Error> {
            let Some(other) = other else { return Ok(None) };
            Ok(Some(times(dy.clone(), &other.tensor()?)))
        };
        Ok(vec![times_dy(b)?, times_dy(a)?])
    }

    /// `dy = da * b + a * db`.
    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let Kept { a, b } = ctx.saved_state::<Kept<T>>()?;
        let mut dy = tangents.take_dense(A)?;
        if let Some(b) = b {
            dy = times(dy, &b.tensor()?);
        }
        if let (Some(a), Some(db)) = (a, tangents.take(B)) {
            dy.add_assign(&times(db, &a.tensor()?));
        }
        Ok(vec![Some(dy)])
    }
}

fn times<T: Real>(mut x: Tensor<T>, y: &Tensor<T>) -> Tensor<T> {
    for_pairs(x.data_mut(), y.data(), |x, &y| *x *= y);
    x
}
