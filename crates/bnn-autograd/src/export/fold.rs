//! Affine steps after a product, folded into what a model file holds: with a sign into one integer
//! comparison, without one into a single affine step.

use crate::ops::Affine;

/// The affine steps that the sums of one output pass, each `scale * x + bias` in `f32`, rounded
/// after the product and after the sum.
#[derive(Clone, Copy)]
pub(super) struct Chain<'a> {
    pub(super) steps: &'a [Affine<f32>],
    pub(super) output: usize,
}

/// A neuron's bit as a comparison of its integer sum: `+1` where `sum >= at_least`, the sum taken
/// with all weights negated where `negate` says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Threshold {
    /// Whether the neuron's weights change their signs: the chain falls as the sum grows.
    pub(super) negate: bool,
    /// The least sum that gives `+1`; `most + 1` where none does, `-most` where all do.
    pub(super) at_least: i32,
}

/// The one affine step nearest to a chain.
pub(super) struct Single {
    pub(super) scale: f32,
    pub(super) bias: f32,
    /// The largest difference from the chain.
    pub(super) difference: f64,
    /// The largest magnitude that the chain gives out.
    pub(super) largest: f64,
}

impl Chain<'_> {
    /// What the steps make of an integer sum, as evaluation computes it.
    pub(super) fn at(self, sum: i64) -> f32 {
        let mut x = sum as f32;
        for step in self.steps {
            x = step.scale[self.output] * x + step.bias[self.output];
        }
        x
    }

    /// Whether the values never rise as the sum grows; else they never fall.
    pub(super) fn falls(self) -> bool {
        let negative = |step: &&Affine<f32>| step.scale[self.output] < 0.0;
        self.steps.iter().filter(negative).count() % 2 == 1
    }

    /// The comparison equal to the sign of the chain for every integer sum from `-most` to `most`.
    /// All numbers of the chain are finite, and so is the input of each step for those sums.
    ///
    /// Rounding is monotone, and so is every step. Unless the chain [falls](Self::falls), the
    /// computed value never falls as the sum grows, and bisection over the computed values
    /// themselves finds the least sum that gives `+1`: no tolerance, no algebra that rounds
    /// differently. A chain that falls is the same for the negated sum.
    pub(super) fn threshold(self, most: i32) -> Threshold {
        let negate = self.falls();
        let fires = |sum: i64| self.at(if negate { -sum } else { sum }) >= 0.0;
        // Below `low` nothing fires, from `high` on everything does.
        let (mut low, mut high) = (-i64::from(most), i64::from(most) + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if fires(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Threshold {
            negate,
            at_least: i32::try_from(low).unwrap_or(i32::MAX),
        }
    }

    /// The scale and bias of the whole chain, computed in `f64` and rounded once, and how far they
    /// are from the chain at `sums`, all of them.
    pub(super) fn single(self, sums: impl Iterator<Item = i64>) -> Single {
        let (mut scale, mut bias) = (1.0, 0.0);
        for step in self.steps {
            let [a, b] = [step.scale[self.output], step.bias[self.output]].map(f64::from);
            (scale, bias) = (a * scale, a * bias + b);
        }
        // A step without a bias has -0.0, which leaves the sign of zeros as it is.
        let unbiased = |step: &Affine<f32>| step.bias[self.output].to_bits() == NO_BIAS.to_bits();
        if self.steps.iter().all(unbiased) {
            bias = NO_BIAS.into();
        }
        let (scale, bias) = (scale as f32, bias as f32);
        let (mut difference, mut largest) = (0.0_f64, 0.0_f64);
        for sum in sums {
            let (expected, found) = (self.at(sum), scale * sum as f32 + bias);
            if expected != found {
                difference = difference.max((f64::from(expected) - f64::from(found)).abs());
            }
            largest = largest.max(f64::from(expected).abs());
        }
        Single {
            scale,
            bias,
            difference,
            largest,
        }
    }
}

/// The bias of a step that only multiplies: `x + -0.0` is `x` for every `x`, also for `-0.0`.
pub(super) const NO_BIAS: f32 = -0.0;
