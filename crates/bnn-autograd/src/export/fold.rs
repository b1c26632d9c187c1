//! Batch normalisation and sign as one integer comparison.

/// A neuron's bit as a comparison of its integer sum: `+1` where `sum >= at_least`, the sum taken
/// with all weights negated where `negate` says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Whether the neuron's weights change their signs (its scale is negative).
    pub negate: bool,
    /// The least sum that gives `+1`; `most + 1` where none does, `-most` where all do.
    pub at_least: i32,
}

impl Threshold {
    /// The comparison equal to `sign(scale * sum + bias)`, computed in `f32` with two roundings, for
    /// every integer `sum` from `-most` to `most`. `scale` and `bias` are finite.
    ///
    /// Rounding is monotone, so for a scale that is not negative the computed value never falls as
    /// the sum grows, and the least sum that gives `+1` is found by bisection over the computed
    /// values themselves: no tolerance, no algebra that rounds differently. A negative scale is the
    /// same for the negated sum.
    #[must_use]
    pub fn fold(scale: f32, bias: f32, most: i32) -> Self {
        let negate = scale < 0.0;
        let fires = |sum: i64| {
            let sum = if negate { -sum } else { sum };
            scale * sum as f32 + bias >= 0.0
        };
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
        Self {
            negate,
            at_least: i32::try_from(low).unwrap_or(i32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(scale: f32, bias: f32, most: i32) {
        let fold = Threshold::fold(scale, bias, most);
        for sum in -most..=most {
            let plus = scale * sum as f32 + bias >= 0.0;
            let folded = if fold.negate { -sum } else { sum } >= fold.at_least;
            assert_eq!(plus, folded, "{scale:e} * {sum} + {bias:e}");
        }
    }

    #[test]
    fn the_comparison_is_equal_for_every_sum_at_the_edges_of_f32() {
        let tiny = f32::from_bits(1);
        let values = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.1,
            -0.3,
            tiny,
            -tiny,
            f32::MAX,
            f32::MIN,
            1e-30,
            -1e30,
            3.0e7,
        ];
        for scale in values {
            for bias in values {
                check(scale, bias, 300);
            }
        }
    }

    #[test]
    fn a_zero_exactly_at_the_threshold_is_plus_one() {
        // sum = 3 gives exactly 0, which the sign law makes +1.
        assert_eq!(
            Threshold::fold(0.5, -1.5, 10),
            Threshold {
                negate: false,
                at_least: 3
            }
        );
        assert_eq!(
            Threshold::fold(-0.5, 1.5, 10),
            Threshold {
                negate: true,
                at_least: -3
            }
        );
    }

    #[test]
    fn neurons_that_never_or_always_fire_get_thresholds_beyond_the_sums() {
        assert_eq!(Threshold::fold(1.0, 1e9, 10).at_least, -10);
        assert_eq!(Threshold::fold(1.0, -1e9, 10).at_least, 11);
        assert_eq!(Threshold::fold(0.0, -1.0, i32::MAX).at_least, i32::MAX);
    }

    proptest! {
        #[test]
        fn the_comparison_is_equal_for_every_reachable_sum(
            scale in any::<f32>().prop_filter("finite", |x| x.is_finite()),
            bias in any::<f32>().prop_filter("finite", |x| x.is_finite()),
            most in 1..2000_i32,
        ) {
            check(scale, bias, most);
        }

        #[test]
        fn the_comparison_is_equal_for_scales_and_biases_as_training_makes_them(
            scale in -0.1_f32..0.1, bias in -3.0_f32..3.0, most in 1..5000_i32,
        ) {
            check(scale, bias, most);
        }
    }
}
