//! A chain of affine steps and a sign is one comparison, for every sum.

use super::*;
use crate::export::fold::{Chain, Threshold};
use crate::ops::Affine;

fn steps(numbers: &[(f32, f32)]) -> Vec<Affine<f32>> {
    let step = |&(scale, bias)| Affine {
        scale: vec![scale],
        bias: vec![bias],
    };
    numbers.iter().map(step).collect()
}

fn fold(numbers: &[(f32, f32)], most: i32) -> Threshold {
    let steps = &steps(numbers);
    Chain { steps, output: 0 }.threshold(most)
}

fn check(numbers: &[(f32, f32)], most: i32) {
    let fold = fold(numbers, most);
    for sum in -most..=most {
        let mut x = sum as f32;
        for (scale, bias) in numbers {
            x = scale * x + bias;
        }
        let folded = if fold.negate { -sum } else { sum } >= fold.at_least;
        assert_eq!(x >= 0.0, folded, "{numbers:?} of {sum} is {x:e}");
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
            check(&[(scale, bias)], 300);
        }
    }
}

#[test]
fn a_zero_exactly_at_the_threshold_is_plus_one() {
    // sum = 3 gives exactly 0, which the sign law makes +1.
    let expected = |negate, at_least| Threshold { negate, at_least };
    assert_eq!(fold(&[(0.5, -1.5)], 10), expected(false, 3));
    assert_eq!(fold(&[(-0.5, 1.5)], 10), expected(true, -3));
    // Two steps that fall make a chain that rises.
    assert_eq!(fold(&[(-1.0, 1.0), (-0.5, -1.0)], 10), expected(false, 3));
}

#[test]
fn neurons_that_never_or_always_fire_get_thresholds_beyond_the_sums() {
    assert_eq!(fold(&[(1.0, 1e9)], 10).at_least, -10);
    assert_eq!(fold(&[(1.0, -1e9)], 10).at_least, 11);
    assert_eq!(fold(&[(0.0, -1.0)], i32::MAX).at_least, i32::MAX);
}

proptest! {
    #[test]
    fn the_comparison_is_equal_for_every_reachable_sum(
        scale in any::<f32>().prop_filter("finite", |x| x.is_finite()),
        bias in any::<f32>().prop_filter("finite", |x| x.is_finite()),
        most in 1..2000_i32,
    ) {
        check(&[(scale, bias)], most);
    }

    #[test]
    fn the_comparison_is_equal_for_steps_as_training_makes_them(
        numbers in proptest::collection::vec((-0.1_f32..0.1, -3.0_f32..3.0), 0..4),
        last in (-1.0_f32..1.0, -0.1_f32..0.1),
        most in 1..3000_i32,
    ) {
        check(&[&numbers[..], &[last]].concat(), most);
    }
}
