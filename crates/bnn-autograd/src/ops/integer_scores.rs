//! The linear operation whose outputs are integers of 32 bits, of fixed-point numbers.

use bnn_core::internal::fixed;

use super::channels::{add_to_rows, scale_rows};
use super::fixed_point::{FixedAffine, power, unless_finite};
use super::linear::{B, Factors, for_row_pairs};
use super::linear_shape::{LinearShape, product_macs, with_last};
use super::reduce::column_sums;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs, inputs};
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// A linear layer from fixed-point numbers to integers of 32 bits, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exponents {
    /// Inputs are multiples of `2^-from` whose integers have 16 bits.
    pub(crate) from: i8,
    /// Outputs are multiples of `2^-to` whose integers have 32 bits.
    pub(crate) to: i8,
}

impl Exponents {
    /// The step from the integer sums of inputs and weights to the integers of the outputs.
    pub(crate) fn step<T: Real>(self, scales: &[T], bias: &[T]) -> FixedAffine {
        let unit = T::from_f64(power(-self.from));
        let scales: Vec<T> = scales.iter().map(|&scale| scale * unit).collect();
        FixedAffine::nearest(&scales, bias, self.to)
    }
}

/// `scale * (x · w^T) + b` in integers: fixed-point numbers `x` `[.., k]`, integers `w` `[n, k]`
/// and one scale for each output; outputs `[.., n]` are multiples of `2^-to`. Sums are exact, and
/// become outputs as [`FixedAffine`] says, saturated to 32 bits. NaN where a sum, the scale or the
/// bias is not finite.
///
/// The gradients are those of the same without rounding. Kept for the reverse pass: `x` if `w`
/// needs a gradient and `w` if `x` does, both shared; the scales.
pub(crate) fn integer_scores<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    scales: &Tensor<T>,
    b: &Var<T>,
    exponents: Exponents,
) -> Result<Var<T>, Error> {
    let function = IntegerScores {
        step: exponents.step(scales.data(), b.value().data()),
        scales: scales.clone(),
        exponents,
    };
    x.tape().apply(function, &[x, w, b])
}

struct IntegerScores<T: Real> {
    step: FixedAffine,
    scales: Tensor<T>,
    exponents: Exponents,
}

struct Kept<T: Real> {
    factors: Factors<T>,
    scales: Tensor<T>,
}

saved_state!(Kept<T> { factors, scales });

impl<T: Real> Function<T> for IntegerScores<T> {
    fn name(&self) -> &'static str {
        "integer_scores"
    }

    fn macs(&self, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Macs {
        Macs {
            binary: 0,
            float: product_macs(inputs, outputs),
        }
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, w, bias] = inputs("inputs of integer_scores", given)?;
        let LinearShape { m, n, k } = LinearShape::new(x, w)?;
        Error::check_shape("bias of integer_scores", &[n], bias.shape())?;
        Error::check_shape("scales of integer_scores", &[n], self.scales.shape())?;
        let mut y = vec![T::zero(); m * n];
        self.integers(&mut y, [x.data(), w.data(), bias.data()], [n, k]);
        ctx.save_each(|pass| {
            Ok(Kept {
                factors: Factors::kept(&pass, x, w),
                scales: self.scales.clone(),
            })
        })?;
        Ok(vec![Tensor::trusted(y, with_last(x.shape(), n))])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut dy = grad_outputs.single()?;
        let (_, n) = dy.rows_cols();
        let Kept { factors, scales } = ctx.saved_state()?;
        let sums = || Tensor::from_f64s(column_sums(dy.data(), n));
        let db = ctx.needs_input_grad(B).then(sums);
        scale_rows(dy.data_mut(), scales.data());
        let [dx, dw] = factors.gradients(&dy);
        Ok(vec![dx, dw, db])
    }

    /// `dy = scale * (dx · w^T + x · dw^T) + db`.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let Kept { factors, scales } = ctx.saved_state()?;
        let mut dy = factors.tangent(ctx, &tangents)?;
        scale_rows(dy.data_mut(), scales.data());
        if let Some(db) = tangents.get(B) {
            add_to_rows(dy.data_mut(), db.data());
        }
        Ok(vec![Some(dy)])
    }
}

impl<T: Real> IntegerScores<T> {
    /// The outputs `[m, n]` of inputs `[m, k]`, weights `[n, k]` and the bias.
    fn integers(&self, y: &mut [T], [x, w, bias]: [&[T]; 3], [n, k]: [usize; 2]) {
        let Exponents { from, to } = self.exponents;
        let (up, down) = (power(from), power(-to));
        let shift = self.step.shift;
        let steps = self.step.factor.iter().zip(&self.step.bias);
        let given = self.scales.data().iter().zip(bias);
        let steps: Vec<(i32, i32, f64)> = steps
            .zip(given)
            .map(|((&factor, &bias), (&scale, &b))| (factor, bias, unless_finite([scale, b])))
            .collect();
        for_row_pairs(y, x, [n, k], |y, x| {
            let numbers = w.chunks(k).zip(&steps);
            for (y, (w, &(factor, bias, nothing))) in y.iter_mut().zip(numbers) {
                // Exact in `f64`: 16 bits times 8, and fewer than 2^29 of them.
                let terms = x.iter().zip(w).map(|(x, w)| x.as_f64() * up * w.as_f64());
                // A network whose sums may need more than 32 bits has no file.
                let sum = terms.sum::<f64>();
                let v = fixed::saturated_wide(fixed::affine(sum as i32, factor, bias, shift));
                // Rounded to `T` before the power of two, which changes no digit.
                let v = T::from_f64(v.into()).as_f64() * down;
                *y = T::from_f64(v + nothing + unless_finite([sum]));
            }
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws {
    use super::*;
    use crate::gradcheck::modes_agree;
    use crate::nn::Init;
    use crate::rng::Rng;

    #[test]
    fn both_modes_agree_in_inputs_weights_and_bias() {
        let rng = &mut Rng::new(1);
        let shapes: [&[usize]; 3] = [&[4, 5], &[3, 5], &[3]];
        let inputs = shapes.map(|shape| Init::Uniform(9.0).tensor(shape, rng).unwrap());
        let scales = Init::Uniform(1.0).tensor(&[3], rng).unwrap();
        let exponents = Exponents { from: 4, to: 12 };
        modes_agree(&inputs, 1e-12, |v| {
            integer_scores(&v[0], &v[1], &scales, &v[2], exponents)
        })
        .unwrap();
    }
}
