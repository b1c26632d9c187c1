//! A product whose sums become bits.

use bnn_core::model::Epilogue;

use super::levels::{Pair, Step};
use super::product::{Kind, Product};
use super::scalar::{Scalar, apply_all};
use super::{Chain, Failed};
use crate::ImportError;

/// What was written.
pub(super) struct Settled {
    /// The values that the bits stand for.
    pub(super) pair: Pair,
    /// Outputs that are stored negated.
    pub(super) flipped: Vec<bool>,
}

impl Chain {
    /// Writes a product with thresholds, and the pools after it.
    pub(super) fn settle(&mut self, product: Product) -> Result<Settled, Failed> {
        let (name, op) = product.node.clone();
        let refused = |why: String| ImportError::Node { name, op, why };
        let n = product.outputs();
        let before = std::mem::take(&mut self.before_pool);
        let after = std::mem::take(&mut self.after_pool);
        let pools = std::mem::take(&mut self.pools);
        let scalars: Vec<Scalar> = before.iter().chain(&after).cloned().collect();
        let steps: Result<Vec<Step>, String> = (0..n)
            .map(|o| {
                let (least, most) = product.range(o);
                let of = |sum| apply_all(&scalars, o, product.value(o, sum));
                Step::find(least, most, of).map_err(|third| {
                    format!(
                        "what follows it makes more than two values of its sums: {}, {third} and {} \
                         of output {o}, expected binary activations",
                        of(least),
                        of(most)
                    )
                })
            })
            .collect();
        let settled = steps.and_then(|steps| Ok((Pair::of(&steps)?, steps)));
        let (pair, steps) = settled.map_err(refused)?;
        self.note_sums(&scalars, &product);
        let flipped: Vec<bool> = (0..n)
            .map(|o| {
                let falls = after.iter().filter(|scalar| scalar.falls(o)).count();
                !pools.is_empty() && falls % 2 == 1
            })
            .collect();
        let (mut negated, mut thresholds) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for (step, &flipped) in steps.iter().zip(&flipped) {
            // Whether the stored bit is +1 above the step.
            let rises = (step.second == pair.high) != flipped;
            negated.push(!rises && !step.is_constant());
            thresholds.push(match (step.is_constant(), rises) {
                (true, true) => i32::MIN,
                (true, false) => i32::MAX,
                (false, true) => step.step,
                // The negated sums.
                (false, false) => 1 - step.step,
            });
        }
        self.write(
            &product,
            &negated,
            Epilogue::Threshold(thresholds.as_slice().into()),
        )?;
        for pool in &pools {
            if let Some(writer) = &mut self.writer {
                writer.max_pool2d(pool).map_err(ImportError::from)?;
            }
        }
        Ok(Settled { pair, flipped })
    }

    pub(super) fn write(
        &mut self,
        product: &Product,
        negated: &[bool],
        epilogue: Epilogue<'_>,
    ) -> Result<(), ImportError> {
        let signs = product.signs(negated)?;
        if let Some(writer) = &mut self.writer {
            match &product.kind {
                Kind::Dense => writer.dense(signs.view(), epilogue)?,
                Kind::Conv(conv) => writer.conv2d(conv, signs.view(), epilogue)?,
            }
        }
        Ok(())
    }

    /// Notes at which outputs a sum can give a `Sign` the number 0.
    fn note_sums(&mut self, scalars: &[Scalar], product: &Product) {
        let k = product.weights.rows.first().map_or(0, Vec::len);
        for (i, scalar) in scalars.iter().enumerate() {
            let Scalar::Sign { node } = scalar else {
                continue;
            };
            let touched = (0..product.outputs()).filter(|&o| {
                let (least, most) = product.range(o);
                let of = |sum| apply_all(&scalars[..i], o, product.value(o, sum));
                // Monotone: the sums that give 0 follow each other.
                let Some((first, last)) = zeros(least, most, of) else {
                    return false;
                };
                let odd = (i64::from(first) - k as i64).rem_euclid(2) == 1;
                !(product.has_parity && odd && first == last)
            });
            let touched = touched.count();
            if touched > 0 {
                self.notes.push(format!(
                    "{node}: {touched} of {} outputs have sums whose Sign is 0 in ONNX; in the \
                     model it is +1",
                    product.outputs()
                ));
            }
        }
    }

    /// Notes at which channels of the input a byte or a bit can give a `Sign` the number 0.
    pub(super) fn note_zeros(
        &mut self,
        scalars: &[Scalar],
        channels: usize,
        [least, most]: [i32; 2],
        value: impl Fn(usize, i32) -> f32,
    ) {
        for (i, scalar) in scalars.iter().enumerate() {
            let Scalar::Sign { node } = scalar else {
                continue;
            };
            let touched = (0..channels).filter(|&c| {
                (least..=most).any(|x| apply_all(&scalars[..i], c, value(c, x)) == 0.0)
            });
            let touched = touched.count();
            if touched > 0 {
                self.notes.push(format!(
                    "{node}: {touched} of {channels} channels of the input have values whose Sign \
                     is 0 in ONNX; in the model it is +1"
                ));
            }
        }
    }
}

/// The first and the last integer at which a monotone function is 0.
fn zeros(least: i32, most: i32, f: impl Fn(i32) -> f32) -> Option<(i32, i32)> {
    let rises = f(most) >= f(least);
    let at_least = |sum: i32| if rises { f(sum) >= 0.0 } else { f(sum) <= 0.0 };
    let above = |sum: i32| if rises { f(sum) > 0.0 } else { f(sum) < 0.0 };
    let first = first_where(least, most, at_least)?;
    let last = match first_where(least, most, above) {
        Some(after) => after.checked_sub(1)?,
        None => most,
    };
    (first <= last).then_some((first, last))
}

/// The first integer from which on something is true.
fn first_where(least: i32, most: i32, is: impl Fn(i32) -> bool) -> Option<i32> {
    if !is(most) {
        return None;
    }
    let (mut low, mut high) = (i64::from(least), i64::from(most));
    while low < high {
        let middle = (low + high).div_euclid(2);
        match is(middle as i32) {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Some(high as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_found_in_rising_and_falling_functions() {
        let clipped = |s: i32| s.clamp(-2, 3) as f32;
        assert_eq!(zeros(-9, 9, clipped), Some((0, 0)));
        assert_eq!(zeros(-9, 9, |s| -clipped(s)), Some((0, 0)));
        assert_eq!(zeros(-9, 9, |s| clipped(s).max(0.0)), Some((-9, 0)));
        assert_eq!(zeros(-9, 9, |s| clipped(s) + 0.5), None);
        assert_eq!(zeros(-9, 9, |s| clipped(s) + 9.0), None);
        assert_eq!(zeros(-9, 9, |s| (s + 9) as f32), Some((-9, -9)));
    }
}
