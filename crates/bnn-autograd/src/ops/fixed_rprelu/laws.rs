//! The gradients of an activation of fixed-point numbers are those without rounding.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::gradcheck::{Tolerance, gradcheck_surrogate, modes_agree};
use crate::nn::Init;
use crate::rng::Rng;
use crate::tape::Tape;

const EXPONENT: i8 = 9;

/// RPReLU that clips where fixed-point numbers do, without their rounding.
fn surrogate(inputs: &[Tensor<f64>]) -> Result<Tensor<f64>, Error> {
    let [x, before, slope, after] = inputs else {
        panic!("an activation has four inputs")
    };
    let clip = |x: f64| x.clamp(-32768.0 / 512.0, 32767.0 / 512.0);
    let y = x.data().iter().enumerate().map(|(at, &x)| {
        let [before, slope, after] = [before, slope, after].map(|t| t.data()[at % slope.numel()]);
        let u = clip(x + before);
        clip(if u >= 0.0 { u } else { clip(u * slope) } + after)
    });
    Tensor::new(y.collect(), x.shape())
}

/// Random multiples of `2^-exponent`, which are not rounded.
fn multiples(bound: f64, shape: &[usize], exponent: i8, seed: u64) -> Tensor<f64> {
    let mut numbers = Init::Uniform(bound)
        .tensor(shape, &mut Rng::new(seed))
        .unwrap();
    let each = numbers.data_mut().iter_mut();
    each.for_each(|x: &mut f64| *x = (*x * power(exponent)).floor() / power(exponent));
    numbers
}

#[test]
fn gradients_are_those_of_the_activation_without_rounding() {
    // Numbers reach up to 64: some sums are clipped.
    let mut clipped = 0;
    for (seed, steep) in [(1, 0.7), (2, 1.9), (3, 0.3)] {
        let inputs = [
            multiples(60.0, &[23, 3], EXPONENT, seed),
            multiples(40.0, &[3], EXPONENT, seed + 10),
            multiples(steep, &[3], FixedRprelu::SHIFT as i8, seed + 20),
            multiples(40.0, &[3], EXPONENT, seed + 30),
        ];
        let function = |v: &[Var<f64>]| fixed_rprelu(&v[0], [&v[1], &v[2], &v[3]], EXPONENT);
        let tape = Tape::new();
        let vars = inputs.each_ref().map(|x| tape.constant(x.clone()));
        let y = Tensor::from(function(&vars).unwrap());
        let at_end = |y: &&f64| [-64.0, 32767.0 / 512.0].contains(*y);
        clipped += y.data().iter().filter(at_end).count();
        gradcheck_surrogate(&inputs, Tolerance::default(), function, surrogate).unwrap();
        modes_agree(&inputs, 1e-12, function).unwrap();
    }
    assert!(clipped > 5, "{clipped}");
}
