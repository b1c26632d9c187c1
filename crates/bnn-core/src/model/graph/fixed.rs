//! The arithmetic of fixed-point numbers: 16 bits, a power of two as their unit, saturating.
//! Training computes by these functions too, so that a file cannot differ from it.
//!
//! `round` is to the nearest integer, of two the greater.

/// The greatest shift.
pub const MAX_SHIFT: u8 = 62;

/// `round(v / 2^shift)` for `|v| <= 2^62` and `shift <= 62`.
#[inline]
#[must_use]
pub const fn shifted(v: i64, shift: u8) -> i64 {
    match shift {
        0 => v,
        shift => {
            let shift = if shift > MAX_SHIFT { MAX_SHIFT } else { shift };
            (v + (1 << (shift - 1))) >> shift
        }
    }
}

/// The nearest number of 16 bits.
#[inline]
#[must_use]
pub const fn saturated(v: i64) -> i16 {
    if v > i16::MAX as i64 {
        i16::MAX
    } else if v < i16::MIN as i64 {
        i16::MIN
    } else {
        v as i16
    }
}

/// The nearest number of 32 bits.
#[inline]
#[must_use]
pub const fn saturated_wide(v: i64) -> i32 {
    if v > i32::MAX as i64 {
        i32::MAX
    } else if v < i32::MIN as i64 {
        i32::MIN
    } else {
        v as i32
    }
}

/// `round(v * factor / 2^shift) + bias`, to be saturated.
#[inline]
#[must_use]
pub const fn affine(v: i32, factor: i32, bias: i32, shift: u8) -> i64 {
    shifted(v as i64 * factor as i64, shift) + bias as i64
}

/// `v + by`, saturated.
#[inline]
#[must_use]
pub const fn plus(v: i16, by: i32) -> i16 {
    saturated(v as i64 + by as i64)
}

/// `v` where it is not negative, else `round(v * slope / 2^shift)`, saturated.
#[inline]
#[must_use]
pub const fn prelu(v: i16, slope: i32, shift: u8) -> i16 {
    match v >= 0 {
        true => v,
        false => saturated(affine(v as i32, slope, 0, shift)),
    }
}

/// The sum of numbers of the exponents `from`, as a number of the exponent `to`. Exponents differ
/// by at most [`MAX_DISTANCE`].
#[inline]
#[must_use]
pub const fn add(a: i16, b: i16, from: [i8; 2], to: i8) -> i16 {
    let [ea, eb] = from;
    let most = if ea > eb { ea } else { eb };
    let sum = ((a as i64) << distance(most, ea)) + ((b as i64) << distance(most, eb));
    saturated(match to >= most {
        true => sum << distance(to, most),
        false => shifted(sum, distance(most, to)),
    })
}

/// How far the exponents of a sum may lie apart.
pub const MAX_DISTANCE: u8 = 15;

/// `a - b`, which is not negative.
const fn distance(a: i8, b: i8) -> u8 {
    let distance = a.abs_diff(b);
    if distance > MAX_DISTANCE {
        MAX_DISTANCE
    } else {
        distance
    }
}

/// The mean of `count` numbers with this sum: `floor((sum + floor(count / 2)) / count)`.
#[inline]
#[must_use]
pub const fn average(sum: i32, count: i32) -> i16 {
    let count = if count < 1 { 1 } else { count };
    // At most 2^16 numbers of 16 bits are summed: no overflow.
    sum.wrapping_add(count / 2).div_euclid(count) as i16
}

/// Numbers of any size for tests, extremes among them.
#[cfg(test)]
pub(super) fn numbers() -> impl proptest::strategy::Strategy<Value = i32> {
    use proptest::prelude::*;
    prop_oneof![
        any::<i32>(),
        (0_u32..32, any::<i32>()).prop_map(|(shift, v)| v >> shift),
        Just(i32::MIN),
        Just(i32::MAX),
    ]
}
