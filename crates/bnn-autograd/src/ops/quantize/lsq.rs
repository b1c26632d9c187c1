//! Integers of k bits times a learned step (Esser et al. 2020, LSQ, arXiv 1902.08153).

use bnn_core::BitMatrix;

use super::check_bits;
use crate::bits::{apply_mask, pack_where};
use crate::context::{Context, KeptInput, Part, SavedState};
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::{for_pairs, map, sum_of, sum_of_pairs};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The levels of an [`lsq`] quantizer, integers `-Q_N` to `Q_P`, and the number of values that
/// share its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lsq {
    negative: i32,
    positive: i32,
    sharing: usize,
}

impl Lsq {
    /// The quantizer of a tensor of `count` weights: signed integers of 2 to 16 bits, `Q_N =
    /// 2^(bits - 1)`, `Q_P = 2^(bits - 1) - 1`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for another number of bits.
    pub fn weights(bits: u8, count: usize) -> Result<Self, Error> {
        check_bits(bits, 2)?;
        let half = 1 << (bits - 1);
        Ok(Self {
            negative: half,
            positive: half - 1,
            sharing: count,
        })
    }

    /// The quantizer of activations of `features` numbers per sample: unsigned integers of 1 to 16
    /// bits, `Q_N = 0`, `Q_P = 2^bits - 1`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for another number of bits.
    pub fn activations(bits: u8, features: usize) -> Result<Self, Error> {
        check_bits(bits, 1)?;
        Ok(Self {
            negative: 0,
            positive: (1 << bits) - 1,
            sharing: features,
        })
    }

    /// The initial step, from the first values to be quantized: `2 mean(|v|) / sqrt(Q_P)`
    /// (section 2.1), a scalar.
    #[must_use]
    pub fn initial_step<T: Real>(&self, v: &Tensor<T>) -> Tensor<T> {
        let mean = sum_of(v.data(), |v| v.as_f64().abs()) / v.numel() as f64;
        Tensor::scalar(T::from_f64(2.0 * mean / f64::from(self.positive).sqrt()))
    }

    /// The factor that gives the gradient of the step the size of the step: `1 / sqrt(N Q_P)` for
    /// the `N` numbers that share it (section 2.2).
    fn gradient_scale(&self) -> f64 {
        // A tensor has at least one element.
        1.0 / (self.sharing.max(1) as f64 * f64::from(self.positive)).sqrt()
    }
}

/// `round(clip(v / s, -Q_N, Q_P)) * s`, elementwise, for a learned step `s`, a tensor of one
/// positive element (equations 1 and 2). Halves are rounded to even; NaN stays NaN.
///
/// The gradient passes to `v` where `-Q_N < v / s < Q_P` (equation 5). That of `s` is the sum of
/// `dy` times `round(v / s) - v / s` there, `-Q_N` below and `Q_P` above (equation 3), all times `1
/// / sqrt(N Q_P)` for the `N` numbers that share the step (section 2.2).
///
/// Kept for the reverse pass: `v`, shared or computed again, if the step needs a gradient; else one
/// bit per element.
///
/// # Errors
/// [`Error::Shape`] for a step of more than one element, [`Error::OutOfRange`] for one that is not
/// positive and finite, [`Error::ForeignVar`].
pub fn lsq<T: Real>(v: &Var<T>, step: &Var<T>, quantizer: Lsq) -> Result<Var<T>, Error> {
    v.tape().apply(quantizer, &[v, step])
}

const V: usize = 0;
const STEP: usize = 1;

impl Lsq {
    /// Whether `r = v / s` lies between the outermost levels.
    fn inside<T: Real>(&self, r: T) -> bool {
        T::from_i32(-self.negative) < r && r < T::from_i32(self.positive)
    }

    /// The level of `r = v / s`.
    fn level<T: Real>(&self, r: T) -> T {
        let (least, most) = (T::from_i32(-self.negative), T::from_i32(self.positive));
        match r {
            r if r <= least => least,
            r if r >= most => most,
            r => r.rounded_to_even(),
        }
    }

    /// The derivative of the output with respect to the step, before [`Lsq::gradient_scale`].
    fn step_slope<T: Real>(&self, r: T) -> T {
        let level = self.level(r);
        if self.inside(r) { level - r } else { level }
    }

    /// The elements of `v` that lie between the outermost levels.
    fn mask<T: Real>(&self, v: &Tensor<T>, step: T) -> Result<BitMatrix, Error> {
        let (rows, cols) = v.rows_cols();
        Ok(pack_where(v.data(), rows, cols, |v| self.inside(v / step))?)
    }

    /// Sets a derivative of `v` to zero outside the outermost levels.
    fn cut<T: Real>(&self, d: &mut [T], v: &Tensor<T>, step: T) {
        for_pairs(d, v.data(), |d, &v| {
            if !self.inside(v / step) {
                *d = T::zero();
            }
        });
    }
}

enum Kept<T: Real> {
    /// Where `v` lies between the outermost levels; enough if the step does not vary.
    Inside(BitMatrix),
    Values {
        v: KeptInput<T>,
        step: Tensor<T>,
    },
}

impl<T: Real> SavedState<T> for Kept<T> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        match self {
            Self::Inside(mask) => mask.parts(visit),
            Self::Values { v, step } => {
                v.parts(visit);
                step.parts(visit);
            }
        }
    }
}

impl<T: Real> Function<T> for Lsq {
    fn name(&self) -> &'static str {
        "lsq"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [v, step] = inputs("inputs of lsq", given)?;
        if step.numel() != 1 {
            return Err(Error::Shape {
                what: "step of lsq",
                expected: "one element".to_owned(),
                found: step.shape().to_vec(),
            });
        }
        let s = step.item()?;
        let inside = s > T::zero() && s.is_finite();
        Error::check_range("step of lsq", "positive and finite", s.as_f64(), inside)?;
        ctx.save_each(|pass| {
            Ok(match pass.needs(STEP) {
                true => Kept::Values {
                    v: pass.input(V, v),
                    step: step.clone(),
                },
                false => Kept::Inside(self.mask(v, s)?),
            })
        })?;
        let y = map(v.data(), |&v| self.level(v / s) * s);
        Ok(vec![Tensor::trusted(y, v.shape().to_vec())])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut d = grad_outputs.single()?;
        let mut grads = vec![None, None];
        match ctx.saved_state()? {
            Kept::Inside(mask) => {
                apply_mask(d.data_mut(), mask.view());
                grads[V] = Some(d);
            }
            Kept::Values { v, step } => {
                let (v, s): (Tensor<T>, T) = (v.tensor()?, step.item()?);
                let term = |d: &T, &v: &T| d.as_f64() * self.step_slope(v / s).as_f64();
                let sum = sum_of_pairs(d.data(), v.data(), term) * self.gradient_scale();
                grads[STEP] = Some(Tensor::full(T::from_f64(sum), step.shape())?);
                if ctx.needs_input_grad(V) {
                    self.cut(d.data_mut(), &v, s);
                    grads[V] = Some(d);
                }
            }
        }
        Ok(grads)
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut dy = tangents.take_dense(V)?;
        match ctx.saved_state()? {
            Kept::Inside(mask) => apply_mask(dy.data_mut(), mask.view()),
            Kept::Values { v, step } => {
                let (v, s): (Tensor<T>, T) = (v.tensor()?, step.item()?);
                self.cut(dy.data_mut(), &v, s);
                if let Some(ds) = tangents.get(STEP) {
                    let ds = ds.item()? * T::from_f64(self.gradient_scale());
                    let add = |dy: &mut T, &v: &T| *dy += ds * self.step_slope(v / s);
                    for_pairs(dy.data_mut(), v.data(), add);
                }
            }
        }
        Ok(vec![Some(dy)])
    }
}
