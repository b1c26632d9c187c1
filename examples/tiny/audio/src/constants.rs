//! Elementary functions that the compiler computes tables with. No program contains them.

use core::f64::consts::{LN_2, PI};

/// The sine and the cosine of `turns` times 2 pi.
pub(crate) const fn sin_cos(turns: f64) -> (f64, f64) {
    // Within half a turn of 0, where 40 terms leave less than 1e-30.
    let x = 2.0 * PI * (turns - floor(turns + 0.5));
    let (mut sin, mut cos, mut term, mut i) = (0.0, 0.0, 1.0, 0);
    while i < 40 {
        match i % 4 {
            0 => cos += term,
            1 => sin += term,
            2 => cos -= term,
            _ => sin -= term,
        }
        i += 1;
        term *= x / i as f64;
    }
    (sin, cos)
}

/// The natural logarithm of `x`, at least 1.
pub(crate) const fn ln(mut x: f64) -> f64 {
    let mut whole = 0.0;
    while x >= 1.5 {
        x /= 2.0;
        whole += LN_2;
    }
    // ln x = 2 artanh y, y = (x - 1) / (x + 1), at most 1/5.
    let y = (x - 1.0) / (x + 1.0);
    let (mut sum, mut power, mut i) = (0.0, y, 1);
    while i < 40 {
        sum += power / i as f64;
        power *= y * y;
        i += 2;
    }
    whole + 2.0 * sum
}

/// `e` to the power of `x`, 0 to 10.
pub(crate) const fn exp(x: f64) -> f64 {
    let (mut sum, mut term, mut i) = (0.0, 1.0, 0);
    while i < 80 {
        sum += term;
        i += 1;
        term *= x / i as f64;
    }
    sum
}

/// The nearest integer; halves go up.
pub(crate) const fn round(x: f64) -> i32 {
    floor(x + 0.5) as i32
}

const fn floor(x: f64) -> f64 {
    let toward_zero = x as i64 as f64;
    match toward_zero > x {
        true => toward_zero - 1.0,
        false => toward_zero,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    #[test]
    fn elementary_functions_are_those_of_the_host() {
        for i in -400..400 {
            let turns = f64::from(i) / 100.0;
            let (sin, cos) = (turns * core::f64::consts::TAU).sin_cos();
            let (s, c) = super::sin_cos(turns);
            assert!(
                (s - sin).abs() < 1e-12 && (c - cos).abs() < 1e-12,
                "{turns}"
            );
            assert_eq!(super::floor(turns), turns.floor());
        }
        for i in 0..1000 {
            let x = f64::from(i) / 100.0;
            assert!((super::exp(x) / x.exp() - 1.0).abs() < 1e-12, "{x}");
            assert!((super::ln(x + 1.0) - (x + 1.0).ln()).abs() < 1e-12, "{x}");
        }
    }
}
