//! The rectifier with learned slopes and shifts, of fixed-point numbers, in integers.

use bnn_core::internal::fixed;

use super::channels::check_channels;
use super::fixed_point::{check_exponent, power, unless_finite};
use crate::context::{Context, KeptInput};
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::{for_row_pairs, for_rows, sums_by_columns};
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `prelu(x + before) + after` of fixed-point numbers `[.., c]`, multiples of `2^-exponent` whose
/// integers have 16 bits, as are the results; shifts and slopes `[c]`. In integers, with `u` the
/// saturated sum of `x` and `before`: `u` where `u >= 0`, else `round(u * slope)`, saturated, plus
/// `after`, saturated. NaN stays NaN, and a channel whose shifts or slope are not finite becomes it.
///
/// Gradients pass straight through the rounding, and nowhere where a result is clipped on the way.
/// Kept for the reverse pass: `x`, shared or computed again.
pub(crate) fn fixed_rprelu<T: Real>(
    x: &Var<T>,
    [before, slope, after]: [&Var<T>; 3],
    exponent: i8,
) -> Result<Var<T>, Error> {
    check_exponent(exponent)?;
    let function = FixedRprelu::nearest(
        [before, slope, after].map(|numbers| numbers.value()),
        exponent,
    );
    x.tape().apply(function, &[x, before, slope, after])
}

/// The integers of [`fixed_rprelu`], one of each for each channel.
#[derive(Clone, Debug)]
pub(crate) struct FixedRprelu {
    pub(crate) before: Vec<i32>,
    /// Slopes are these times `2^-SHIFT`.
    pub(crate) slope: Vec<i32>,
    pub(crate) after: Vec<i32>,
    /// A number times this is its integer; an integer times `down` the number.
    up: f64,
    down: f64,
}

const X: usize = 0;
const BEFORE: usize = 1;
const SLOPE: usize = 2;
const AFTER: usize = 3;

struct Kept<T: Real> {
    x: KeptInput<T>,
}

saved_state!(Kept<T> { x });

/// What an integer of a slope stands for.
const SLOPE_UNIT: f64 = 1.0 / (1_u32 << FixedRprelu::SHIFT) as f64;

/// What a result changes by, for one more of each input of [`fixed_rprelu`] that it depends on.
struct Local {
    /// Of `x`, and of `before`.
    x: f64,
    slope: f64,
    after: f64,
}

impl FixedRprelu {
    /// Slopes from -32768 to 32768 in steps of 1.5e-5, whatever the exponent.
    pub(crate) const SHIFT: u8 = 16;

    /// The integers nearest to shifts before, slopes and shifts after.
    pub(crate) fn nearest<T: Real>([before, slope, after]: [&Tensor<T>; 3], exponent: i8) -> Self {
        // A cast of `f64` saturates.
        let nearest = |numbers: &Tensor<T>, unit: f64| {
            let numbers = numbers.data().iter();
            numbers
                .map(|x| (x.as_f64() * unit + 0.5).floor() as i32)
                .collect()
        };
        Self {
            before: nearest(before, power(exponent)),
            slope: nearest(slope, f64::from(Self::SHIFT).exp2()),
            after: nearest(after, power(exponent)),
            up: power(exponent),
            down: power(-exponent),
        }
    }

    /// The integers of a channel: before, slope, after.
    fn channels(&self) -> impl Iterator<Item = [i32; 3]> {
        let shifts = self.before.iter().zip(&self.after);
        let numbers = shifts.zip(&self.slope);
        numbers.map(|((&before, &after), &slope)| [before, slope, after])
    }

    /// The integer of a fixed-point number.
    fn integer<T: Real>(&self, x: T) -> i16 {
        fixed::saturated((x.as_f64() * self.up) as i64)
    }

    /// How the result of `x` in a channel changes.
    fn local<T: Real>(&self, x: T, [before, slope, after]: [i32; 3]) -> Local {
        let fits = |v: i64| v == i64::from(fixed::saturated(v));
        let sum = i64::from(self.integer(x)) + i64::from(before);
        let u = fixed::saturated(sum);
        let rectified = match u < 0 {
            true => fixed::affine(u.into(), slope, 0, Self::SHIFT),
            false => u.into(),
        };
        let result = i64::from(fixed::saturated(rectified)) + i64::from(after);
        let number = |passes: bool, x: f64| if passes { x } else { 0.0 };
        let passes = fits(rectified) && fits(result);
        let slope = match u < 0 {
            true => f64::from(slope) * SLOPE_UNIT,
            false => 1.0,
        };
        Local {
            x: number(passes && fits(sum), slope),
            slope: number(passes && u < 0, f64::from(u) * self.down),
            after: number(fits(result), 1.0),
        }
    }
}

impl<T: Real> Function<T> for FixedRprelu {
    fn name(&self) -> &'static str {
        "fixed_rprelu"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, before, slope, after] = inputs("inputs of fixed_rprelu", given)?;
        for (kind, numbers) in [("slopes", slope), ("shifts", before), ("shifts", after)] {
            check_channels("input of fixed_rprelu", x, kind, numbers)?;
        }
        ctx.save_each(|pass| {
            Ok(Kept {
                x: pass.input(X, x),
            })
        })?;
        let numbers = before.data().iter().zip(slope.data()).zip(after.data());
        let nothing: Vec<f64> = numbers
            .map(|((&before, &slope), &after)| unless_finite([before, slope, after]))
            .collect();
        let mut y = x.clone();
        for_rows(y.data_mut(), slope.numel(), |row| {
            let channels = self.channels().zip(&nothing);
            for (x, ([before, slope, after], nothing)) in row.iter_mut().zip(channels) {
                let v = fixed::plus(self.integer(*x), before);
                let v = fixed::plus(fixed::prelu(v, slope, Self::SHIFT), after);
                let nothing = if x.is_nan() { f64::NAN } else { *nothing };
                *x = T::from_f64(f64::from(v) * self.down + nothing);
            }
        });
        Ok(vec![y])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut d = grad_outputs.single()?;
        let x = ctx.saved_state::<Kept<T>>()?.x.tensor()?;
        let (rows, channels) = x.rows_cols();
        let mut grads = vec![None; ctx.num_inputs()];
        if [BEFORE, SLOPE, AFTER]
            .iter()
            .any(|&i| ctx.needs_input_grad(i))
        {
            let numbers: Vec<[i32; 3]> = self.channels().collect();
            let sums = sums_by_columns(rows, channels, |row, block, [before, slope, after]| {
                let range = row * channels + block.start..row * channels + block.end;
                let pairs = x.data()[range.clone()].iter().zip(&d.data()[range]);
                for (i, ((&x, d), &numbers)) in pairs.zip(&numbers[block]).enumerate() {
                    let local = self.local(x, numbers);
                    before[i] += d.as_f64() * local.x;
                    slope[i] += d.as_f64() * local.slope;
                    after[i] += d.as_f64() * local.after;
                }
            });
            let [before, slope, after] = sums.map(Tensor::from_f64s);
            (grads[BEFORE], grads[SLOPE], grads[AFTER]) = (Some(before), Some(slope), Some(after));
        }
        if ctx.needs_input_grad(X) {
            for_row_pairs(d.data_mut(), x.data(), channels, |d, x| {
                for ((d, &x), numbers) in d.iter_mut().zip(x).zip(self.channels()) {
                    *d = T::from_f64(d.as_f64() * self.local(x, numbers).x);
                }
            });
            grads[X] = Some(d);
        }
        Ok(grads)
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let x = ctx.saved_state::<Kept<T>>()?.x.tensor()?;
        let (_, channels) = x.rows_cols();
        let mut dy = tangents.take_dense(X)?;
        let [dbefore, dslope, dafter] = [BEFORE, SLOPE, AFTER].map(|i| tangents.take_dense(i));
        let (dbefore, dslope, dafter) = (dbefore?, dslope?, dafter?);
        for_row_pairs(dy.data_mut(), x.data(), channels, |dy, x| {
            let by = dbefore.data().iter().zip(dslope.data()).zip(dafter.data());
            for (((dy, &x), numbers), ((db, ds), da)) in
                dy.iter_mut().zip(x).zip(self.channels()).zip(by)
            {
                let local = self.local(x, numbers);
                let varied = (dy.as_f64() + db.as_f64()) * local.x;
                *dy = T::from_f64(varied + ds.as_f64() * local.slope + da.as_f64() * local.after);
            }
        });
        Ok(vec![Some(dy)])
    }
}

#[cfg(test)]
mod laws;
