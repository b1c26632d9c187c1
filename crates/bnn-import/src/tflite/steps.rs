//! Functions of one 8-bit number that TensorFlow Lite computes with a multiplier in fixed point:
//! `QUANTIZE`, rectifiers, and products with constants.
//!
//! Such an operator takes 256 numbers. Its integer arithmetic is done here for all of them, and the
//! graph is given a line in `f32` that rounds to the same integers at each, whatever the error of
//! its own two roundings. Where there is none, the operator is refused.

use std::ops::RangeInclusive;

use super::schema::Stored;
use super::translate::Translation;
use super::value::{Grid, NodeValue, NotImported};

/// Which way a half goes in the division after the multiplication.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Halves {
    AwayFromZero,
    Upwards,
}

/// An integer times a constant one, times a real number in fixed point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scaling {
    pub(super) times: i32,
    pub(super) factor: f64,
    pub(super) halves: Halves,
}

impl Scaling {
    pub(super) fn by(factor: f64) -> Self {
        Self {
            times: 1,
            factor,
            halves: Halves::AwayFromZero,
        }
    }

    /// Those of integers, each a constant's.
    pub(super) fn of_each(integers: &[i32], factor: f64) -> Vec<Self> {
        let scalings = integers.iter().map(|&times| Self {
            times,
            ..Self::by(factor)
        });
        scalings.collect()
    }

    /// The factor as `mantissa / 2^31 * 2^exponent`, all 31 bits of the mantissa being used; both
    /// are 0 if it is too small. `None` if it is not finite.
    fn fixed(&self) -> Option<(i64, i32)> {
        if self.factor == 0.0 {
            return Some((0, 0));
        }
        if !self.factor.is_finite() {
            return None;
        }
        let mut exponent = self.factor.abs().log2().floor() as i32 + 1;
        let mut mantissa = (self.factor * 2_f64.powi(31 - exponent)).round() as i64;
        if mantissa.abs() == 1 << 31 {
            mantissa /= 2;
            exponent += 1;
        }
        match exponent {
            ..-31 => Some((0, 0)),
            _ => Some((mantissa, exponent)),
        }
    }

    /// `MultiplyByQuantizedMultiplier` of TensorFlow Lite; `None` where its 32 bits overflow.
    pub(super) fn level(&self, x: i32) -> Option<i64> {
        let (mantissa, exponent) = self.fixed()?;
        let x = i64::from(x) * i64::from(self.times);
        let shifted = 1_i64.checked_shl(exponent.max(0) as u32)?.checked_mul(x)?;
        let shifted = i64::from(i32::try_from(shifted).ok()?);
        // The upper half of twice the product, rounded, halves upwards.
        let product = (shifted * mantissa + (1 << 30)) >> 31;
        let shift = (-exponent).max(0);
        if shift == 0 {
            return Some(product);
        }
        let half = 1_i64 << (shift - 1);
        let downwards = self.halves == Halves::AwayFromZero && product < 0;
        Some((product + half - i64::from(downwards)) >> shift)
    }

    /// The least integer that makes a level of at least this one, halves going upwards; `None` if
    /// 32 bits do not hold it.
    fn first(&self, level: i32) -> Option<i32> {
        let (mantissa, exponent) = self.fixed().filter(|&(mantissa, _)| mantissa > 0)?;
        let shift = (-exponent).max(0);
        let product = (i128::from(level) << shift) - (1_i128 << shift) / 2;
        let least = (product << 31) - (1 << 30);
        let above = |x: i128, by: i128| -(-x).div_euclid(by);
        let shifted = above(least, mantissa.into());
        i32::try_from(above(shifted, 1 << exponent.clamp(0, 100))).ok()
    }

    fn slope(&self) -> f64 {
        self.factor * f64::from(self.times)
    }
}

/// Operations that the search for a line may take: 17 factors at 256 numbers, and levels of these.
const LINE_OPERATIONS: usize = 1 << 14;

/// `x * factor + offset`, to be rounded to the nearest integer.
#[derive(Clone, Copy, Debug)]
struct Line {
    factor: f32,
    offset: f32,
}

impl Line {
    /// One that rounds to the levels of all `points` once these are clamped to `bounds`.
    fn through(
        scaling: &Scaling,
        points: RangeInclusive<i32>,
        [low, high]: [i32; 2],
    ) -> Option<Self> {
        let levels: Option<Vec<(i32, i64)>> = points
            .map(|x| scaling.level(x).map(|level| (x, level)))
            .collect();
        let levels = levels?;
        let nearest = scaling.slope() as f32;
        if !nearest.is_finite() {
            return None;
        }
        let (low, high) = (i64::from(low), i64::from(high));
        near(nearest).find_map(|factor| {
            let (mut least, mut most) = (f64::NEG_INFINITY, f64::INFINITY);
            for &(x, level) in &levels {
                let product = f64::from(x) * f64::from(factor);
                // Of the roundings of a product and a sum in `f32`, and more.
                let error = (product.abs() + 1.0) * 2_f64.powi(-22);
                if level > low {
                    let step = level.min(high) as f64 - 0.5;
                    least = least.max(step - product + error);
                }
                if level < high {
                    let step = level.max(low) as f64 + 0.5;
                    most = most.min(step - product - error);
                }
            }
            let is_between = |offset: f32| (least..=most).contains(&f64::from(offset));
            let middle = ((least.max(-1e6) + most.min(1e6)) / 2.0) as f32;
            let offset = [0.0, middle].into_iter().find(|&offset| is_between(offset));
            offset.map(|offset| Self { factor, offset })
        })
    }
}

/// Numbers near a factor, the nearest first.
fn near(factor: f32) -> impl Iterator<Item = f32> {
    let steps = (0..=8_i32).flat_map(|step| [step, -step]);
    let numbers = steps.map(move |step| {
        let bits = factor.abs().to_bits().saturating_add_signed(step);
        f32::from_bits(bits).copysign(factor)
    });
    numbers.filter(|number| number.is_finite())
}

impl Line {
    /// The one that is furthest from a wrong level for sums, whose factor is above 0. There may be
    /// none that is right for all sums of 32 bits: the middle of two numbers that ought to be one
    /// above the other is taken then.
    fn of_sums(scaling: &Scaling, [low, high]: [i32; 2]) -> Self {
        let firsts = (low + 1..=high).filter_map(|level| Some((level, scaling.first(level)?)));
        let firsts: Vec<(i32, i32)> = firsts.collect();
        let nearest = scaling.slope() as f32;
        let lines = near(nearest).map(|factor| {
            let at = |level: i32, x: f64| f64::from(level) - 0.5 - x * f64::from(factor);
            let (mut least, mut most) = (-1e6_f64, 1e6_f64);
            for &(level, first) in &firsts {
                least = least.max(at(level, first.into()));
                most = most.min(at(level, f64::from(first) - 1.0));
            }
            let offset = f64::midpoint(least, most) as f32;
            (most - least, Self { factor, offset })
        });
        let best = lines.reduce(|best, line| if line.0 > best.0 { line } else { best });
        best.map_or(
            Self {
                factor: nearest,
                offset: 0.0,
            },
            |(_, line)| line,
        )
    }
}

impl Translation<'_, '_> {
    /// The end of a product: sums of integers whose 1 stands for `units`, which are above 0, as
    /// integers of the tensor `made`, rounded twice, halves upwards. A sum times its factor has the
    /// error of an `f32`: one that lies within 1 in 2^14 of a step of its middle may differ by 1.
    pub(super) fn requantized(
        &mut self,
        label: &str,
        sums: NodeValue,
        units: &[f32],
        activation: i64,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let Some(to) = self.grid(made)? else {
            return self.settled(label, sums, units, activation, made);
        };
        let bounds = to.bounds(activation)?;
        self.budget.work(&[units.len(), LINE_OPERATIONS])?;
        let lines = units.iter().map(|&unit| {
            let factor = f64::from(unit) / f64::from(to.scale);
            let halves = Halves::Upwards;
            let scaling = Scaling {
                halves,
                ..Scaling::by(factor)
            };
            Line::of_sums(&scaling, bounds)
        });
        let lines: Vec<Line> = lines.collect();
        Ok(self.rounded_line(label, sums, &lines, bounds, to))
    }

    /// A value of integers as those of the tensor `made`: numbers below 0 by the first scalings,
    /// others by the second, one or one for each channel; then an activation.
    pub(super) fn stepped(
        &mut self,
        label: &str,
        x: &NodeValue,
        (below, above): (&[Scaling], &[Scaling]),
        activation: i64,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let (Some(from), Some(to)) = (x.grid, self.grid(made)?) else {
            return Err(format!("{}: expected 8-bit integers on both sides", made.name).into());
        };
        let bounds = to.bounds(activation)?;
        let [least, most] = from.bounds(0)?;
        let all = below.len().saturating_add(above.len());
        self.budget.work(&[all, LINE_OPERATIONS])?;
        let lines = |scalings: &[Scaling], points: RangeInclusive<i32>| -> Option<Vec<Line>> {
            let line = |scaling| Line::through(scaling, points.clone(), bounds);
            scalings.iter().map(line).collect()
        };
        let one = match below == above {
            true => lines(above, least..=most),
            false => None,
        };
        if let Some(lines) = one {
            return Ok(self.rounded_line(label, x.clone(), &lines, bounds, to));
        }
        let refused =
            || "its multiplier overflows, or rounds as no line in f32 does: expected other scales";
        let below = lines(below, least..=0).ok_or_else(refused)?;
        let above = lines(above, 0..=most).ok_or_else(refused)?;
        // Of a number, one part is 0, and stays so.
        let mut part = |lines: &[Line], part| {
            let x = self.clipped(label, x.clone(), part);
            self.rounded_line(label, x, lines, bounds, to)
        };
        let (below, above) = (part(&below, [least, 0]), part(&above, [0, most]));
        let inputs = [below.name.as_str(), &above.name];
        let name = self.nodes.node((label, "Add"), &inputs, vec![]);
        Ok(NodeValue { name, ..above })
    }

    fn rounded_line(
        &mut self,
        label: &str,
        x: NodeValue,
        lines: &[Line],
        bounds: [i32; 2],
        grid: Grid,
    ) -> NodeValue {
        let factors: Vec<f32> = lines.iter().map(|line| line.factor).collect();
        let offsets: Vec<f32> = lines.iter().map(|line| line.offset).collect();
        let x = self.multiplied(label, x, &factors);
        let x = self.added(label, x, &offsets);
        let x = self.clipped(label, x, bounds);
        self.rounded(label, x, grid)
    }
}
