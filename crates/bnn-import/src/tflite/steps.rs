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

    /// `MultiplyByQuantizedMultiplier` of TensorFlow Lite; `None` where its 32 bits overflow.
    pub(super) fn level(&self, x: i32) -> Option<i64> {
        if self.factor == 0.0 {
            return Some(0);
        }
        if !self.factor.is_finite() {
            return None;
        }
        // The factor is `mantissa / 2^31 * 2^exponent`, the mantissa's 31 bits being all used.
        let mut exponent = self.factor.abs().log2().floor() as i32 + 1;
        let mut mantissa = (self.factor * 2_f64.powi(31 - exponent)).round() as i64;
        if mantissa.abs() == 1 << 31 {
            mantissa /= 2;
            exponent += 1;
        }
        if exponent < -31 || mantissa == 0 {
            return Some(0);
        }
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

    fn slope(&self) -> f64 {
        self.factor * f64::from(self.times)
    }
}

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
        let near = (0..=8_i32).flat_map(|away| [away, -away]);
        let factors = near.map(|away| {
            let bits = nearest.abs().to_bits().saturating_add_signed(away);
            f32::from_bits(bits).copysign(nearest)
        });
        let (low, high) = (i64::from(low), i64::from(high));
        factors
            .filter(|factor| factor.is_finite())
            .find_map(|factor| {
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

impl Translation<'_, '_> {
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
        let mut x = self.clipped(label, x, bounds);
        // 9 bits hold all integers less their zero points.
        x.name = self.rounded(label, &x.name, 9.0);
        x.grid = Some(grid);
        x
    }
}
