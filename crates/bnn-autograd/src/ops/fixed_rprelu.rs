//! The rectifier with learned slopes and shifts, of fixed-point numbers, in integers.

use std::ops::Range;

use bnn_core::internal::{Loop, vectorised};
use rayon::prelude::*;

use super::channels::check_channels;
use super::fixed_point::{check_exponent, clip, power, unless_finite};
use crate::context::{Context, KeptInput};
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::parallel::{Terms, for_row_pairs, sums_of_terms, task_rows};
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

    /// The integers of the channels.
    fn channels(&self) -> Channels {
        let numbers = |of: &[i32]| of.iter().copied().map(f64::from).collect();
        Channels {
            before: numbers(&self.before),
            slope: numbers(&self.slope),
            after: numbers(&self.after),
        }
    }

    /// The integer of a fixed-point number; 0 of NaN.
    #[inline(always)]
    fn integer<T: Real>(&self, x: T) -> f64 {
        let v = clip((x.as_f64() * self.up).trunc());
        if x.is_nan() { 0.0 } else { v }
    }

    /// The integer of the result of `x` in a channel.
    #[inline(always)]
    fn result<T: Real>(&self, x: T, [before, slope, after]: [f64; 3]) -> f64 {
        let u = clip(self.integer(x) + before);
        clip(clip(rectified(u, slope)) + after)
    }

    /// How the result of `x` in a channel changes.
    #[inline(always)]
    fn local<T: Real>(&self, x: T, [before, slope, after]: [f64; 3]) -> Local {
        let fits = |v: f64| v == clip(v);
        let number = |passes: bool, x: f64| if passes { x } else { 0.0 };
        let sum = self.integer(x) + before;
        let u = clip(sum);
        let rectified = rectified(u, slope);
        let result = clip(rectified) + after;
        let passes = fits(rectified) & fits(result);
        let slope = if u < 0.0 { slope * SLOPE_UNIT } else { 1.0 };
        Local {
            x: number(passes & fits(sum), slope),
            slope: number(passes & (u < 0.0), u * self.down),
            after: number(fits(result), 1.0),
        }
    }
}

/// What becomes of a negative `u`: `round(u * slope)`, of `u` else. Exact: the product of 16 and 32
/// bits is, and so is its sum with one half.
#[inline(always)]
fn rectified(u: f64, slope: f64) -> f64 {
    let product = (u * slope * SLOPE_UNIT + 0.5).floor();
    if u < 0.0 { product } else { u }
}

/// The integers of the channels, as `f64`, which holds them.
struct Channels {
    before: Vec<f64>,
    slope: Vec<f64>,
    after: Vec<f64>,
}

impl Channels {
    /// Before, slope and after of each channel of a range.
    #[inline(always)]
    fn range(&self, range: Range<usize>) -> impl Iterator<Item = [f64; 3]> {
        let slopes = self.slope[range.clone()].iter();
        let shifts = self.before[range.clone()].iter().zip(&self.after[range]);
        let numbers = shifts.zip(slopes);
        numbers.map(|((&before, &after), &slope)| [before, slope, after])
    }

    #[inline(always)]
    fn all(&self) -> impl Iterator<Item = [f64; 3]> {
        self.range(0..self.slope.len())
    }
}

/// The results of rows, in place.
struct Results<'a, T> {
    function: &'a FixedRprelu,
    channels: &'a Channels,
    /// See [`unless_finite`].
    nothing: &'a [f64],
    rows: &'a mut [T],
}

impl<T: Real> Loop for Results<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for row in self.rows.chunks_exact_mut(self.nothing.len()) {
            let numbers = self.channels.all().zip(self.nothing);
            for (x, (numbers, nothing)) in row.iter_mut().zip(numbers) {
                let nothing = if x.is_nan() { f64::NAN } else { *nothing };
                let v = self.function.result(*x, numbers);
                *x = T::from_f64(v * self.function.down + nothing);
            }
        }
    }
}

/// Gradients of rows of results, which become those of `x`.
struct Gradient<'a, T> {
    function: &'a FixedRprelu,
    channels: &'a Channels,
    x: &'a [T],
    d: &'a mut [T],
}

impl<T: Real> Loop for Gradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let channels = self.channels.slope.len();
        let rows = self.d.chunks_exact_mut(channels);
        for (d, x) in rows.zip(self.x.chunks_exact(channels)) {
            for ((d, &x), numbers) in d.iter_mut().zip(x).zip(self.channels.all()) {
                *d = T::from_f64(d.as_f64() * self.function.local(x, numbers).x);
            }
        }
    }
}

/// Terms of the gradients of shifts before, slopes and shifts after.
struct ParamGradients<'a, T> {
    function: &'a FixedRprelu,
    channels: &'a Channels,
    x: &'a [T],
    d: &'a [T],
}

impl<T: Real> Terms<3> for ParamGradients<'_, T> {
    #[inline(always)]
    fn add(&self, row: usize, columns: Range<usize>, [before, slope, after]: [&mut [f64]; 3]) {
        let at = row * self.channels.slope.len();
        let range = at + columns.start..at + columns.end;
        let pairs = self.x[range.clone()].iter().zip(&self.d[range]);
        let sums = before.iter_mut().zip(slope).zip(after);
        let terms = pairs.zip(self.channels.range(columns));
        for (((before, slope), after), ((&x, d), numbers)) in sums.zip(terms) {
            let (local, d) = (self.function.local(x, numbers), d.as_f64());
            *before += d * local.x;
            *slope += d * local.slope;
            *after += d * local.after;
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
        let (mut y, channels) = (x.clone(), &self.channels());
        let task = task_rows(nothing.len()) * nothing.len();
        y.data_mut().par_chunks_mut(task).for_each(|rows| {
            vectorised(Results {
                function: self,
                channels,
                nothing: &nothing,
                rows,
            });
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
        let all = self.channels();
        let mut grads = vec![None; ctx.num_inputs()];
        if [BEFORE, SLOPE, AFTER]
            .iter()
            .any(|&i| ctx.needs_input_grad(i))
        {
            let (x, d) = (x.data(), d.data());
            let terms = ParamGradients {
                function: self,
                channels: &all,
                x,
                d,
            };
            let sums = sums_of_terms(rows, channels, &terms);
            let [before, slope, after] = sums.map(Tensor::from_f64s);
            (grads[BEFORE], grads[SLOPE], grads[AFTER]) = (Some(before), Some(slope), Some(after));
        }
        if ctx.needs_input_grad(X) {
            let task = task_rows(channels) * channels;
            let tasks = d.data_mut().par_chunks_mut(task);
            tasks.zip(x.data().par_chunks(task)).for_each(|(d, x)| {
                vectorised(Gradient {
                    function: self,
                    channels: &all,
                    x,
                    d,
                });
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
        let all = self.channels();
        for_row_pairs(dy.data_mut(), x.data(), channels, |dy, x| {
            let by = dbefore.data().iter().zip(dslope.data()).zip(dafter.data());
            for (((dy, &x), numbers), ((db, ds), da)) in dy.iter_mut().zip(x).zip(all.all()).zip(by)
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
