//! The estimators of the gradient of `sign`, and what each of them keeps.

use bnn_core::BitMatrix;

use crate::bits::{apply_mask, pack_affine, pack_mask, pack_signs, pack_signs_and_mask};
use crate::context::{Context, KeptInput};
use crate::error::Error;
use crate::ops::masked::Mask;
use crate::parallel::for_pairs;
use crate::real::Real;
use crate::saved_state;
use crate::tensor::Tensor;

/// The pseudo-gradient of `sign`: a function of `x` that replaces its derivative.
///
/// The forward pass is `sign(x)` for all of them. For the reverse pass, `Clipped` keeps 1 bit per
/// element and `Identity` nothing; the others keep the input, which is shared, not copied, or
/// computed again if the function that made it offers that.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Estimator {
    /// `1` where `|x| <= 1`, else `0`: the straight-through estimator of Hubara et al. 2016 (arXiv
    /// 1602.02830, equation 4), the derivative of `clip(x, -1, 1)`. `0` for NaN.
    #[default]
    Clipped,
    /// `1` everywhere: the straight-through estimator of Bengio et al. 2013 (arXiv 1308.3432). For
    /// weights, and for inputs that consist of signs; on activations Hubara et al. found it to
    /// train significantly worse than `Clipped`.
    Identity,
    /// `2 + 2x` on `[-1, 0)`, `2 - 2x` on `[0, 1)`, else `0`: ApproxSign of Bi-Real Net (Liu et al.
    /// 2018, arXiv 1808.00278, section 3.3), the derivative of a piecewise polynomial. `0` for NaN.
    Approx,
    /// The derivative of SignSwish (Darabi et al. 2018, BNN+, arXiv 1812.11800), `SS(x) = 2 s (1 +
    /// beta x (1 - s)) - 1` with `s = sigmoid(beta x)`, which is `beta (2 - beta x tanh(beta x /
    /// 2)) / (1 + cosh(beta x))`. It is negative far from 0. `0` for infinities and NaN.
    Swish {
        /// Steepness, positive: `SS` goes to `sign` as it grows.
        beta: f64,
    },
}

impl Estimator {
    /// SignSwish with `beta = 5`.
    pub const SWISH: Self = Self::Swish { beta: 5.0 };

    /// The pseudo-gradient at `x`.
    #[must_use]
    pub fn slope<T: Real>(self, x: T) -> T {
        match self {
            Self::Clipped if x.abs() <= T::one() => T::one(),
            Self::Clipped => T::zero(),
            Self::Identity => T::one(),
            Self::Approx => approx_slope(x),
            Self::Swish { beta } => swish_slope(T::from_f64(beta), x),
        }
    }

    /// Checks the numbers that configure it, and keeps for each pass that needs the derivative of
    /// `x`, input `i` of the function, what [`Estimator::apply`] needs.
    pub(in crate::ops) fn save<T: Real>(
        self,
        ctx: &mut Context<T>,
        i: usize,
        x: &Tensor<T>,
    ) -> Result<(), Error> {
        self.check()?;
        match self {
            Self::Identity => Ok(()),
            Self::Clipped => ctx.save_each(|pass| {
                let (rows, cols) = x.rows_cols();
                let passes = pass.needs(i).then(|| pack_mask(x.data(), rows, cols));
                Ok(passes.transpose()?.map(|passes| Mask { passes }))
            }),
            Self::Approx | Self::Swish { .. } => ctx.save_each(|pass| {
                let x = pass.needs(i).then(|| pass.input(i, x));
                Ok(x.map(|x| SignInput { x }))
            }),
        }
    }

    /// The signs of `x`, input `i` of the function, as rows of bits; keeps what
    /// [`Estimator::save`] keeps, in the same pass over `x` if that is a mask.
    pub(in crate::ops) fn signs<T: Real>(
        self,
        ctx: &mut Context<T>,
        i: usize,
        x: &Tensor<T>,
    ) -> Result<BitMatrix, Error> {
        let (rows, cols) = x.rows_cols();
        let masked = self == Self::Clipped && ctx.varies(i);
        let (signs, mask) = match ctx.affine(i) {
            Some(affine) => pack_affine(x.data(), affine, [rows, cols], masked)?,
            None if masked => {
                let (signs, mask) = pack_signs_and_mask(x.data(), rows, cols)?;
                (signs, Some(mask))
            }
            None => {
                self.save(ctx, i, x)?;
                return Ok(pack_signs(x.data(), rows, cols)?);
            }
        };
        ctx.save_each(|pass| {
            let passes = mask.clone().filter(|_| pass.needs(i));
            Ok(passes.map(|passes| Mask { passes }))
        })?;
        Ok(signs)
    }

    /// Multiplies a derivative, elementwise, by the pseudo-gradient at the input that was saved.
    pub(in crate::ops) fn apply<T: Real>(self, ctx: &Context<T>, d: &mut [T]) -> Result<(), Error> {
        match self {
            Self::Identity => {}
            Self::Clipped => apply_mask(d, ctx.saved_state::<Mask>()?.passes.view()),
            Self::Approx => {
                let x = ctx.saved_state::<SignInput<T>>()?.x.tensor()?;
                for_pairs(d, x.data(), |d, &x| *d *= approx_slope(x));
            }
            Self::Swish { beta } => {
                let x = ctx.saved_state::<SignInput<T>>()?.x.tensor()?;
                let beta = T::from_f64(beta);
                for_pairs(d, x.data(), |d, &x| *d *= swish_slope(beta, x));
            }
        }
        Ok(())
    }

    /// Whether [`Estimator::signs`] takes an affine function of the given tensor as its input.
    pub(in crate::ops) fn takes_affine(self) -> bool {
        matches!(self, Self::Clipped | Self::Identity)
    }

    /// Whether it keeps the input itself.
    pub(in crate::ops) fn keeps_input(self) -> bool {
        matches!(self, Self::Approx | Self::Swish { .. })
    }

    fn check(self) -> Result<(), Error> {
        let Self::Swish { beta } = self else {
            return Ok(());
        };
        let inside = beta > 0.0 && beta.is_finite();
        Error::check_range("beta of SignSwish", "positive and finite", beta, inside)
    }
}

/// The input of a sign, for estimators whose slope varies with it.
pub(in crate::ops) struct SignInput<T: Real> {
    pub(in crate::ops) x: KeptInput<T>,
}

saved_state!(SignInput<T> { x });

fn approx_slope<T: Real>(x: T) -> T {
    let two = T::one() + T::one();
    // `max` takes the 0 where `x` is NaN.
    (two - two * x.abs()).max(T::zero())
}

/// With `e = exp(-|beta x|)`: `1 / (2 + 2 cosh) = e / (1 + e)^2` and `tanh(|beta x| / 2) = (1 - e)
/// / (1 + e)`, in which nothing overflows and no digits cancel.
fn swish_slope<T: Real>(beta: T, x: T) -> T {
    let (one, two) = (T::one(), T::one() + T::one());
    let t = (beta * x).abs();
    let e = (-t).exp();
    if e > T::zero() {
        two * beta * e / ((one + e) * (one + e)) * (two - t * (one - e) / (one + e))
    } else {
        // Far out, where `e * t` would be 0 times infinity, and for NaN.
        T::zero()
    }
}
