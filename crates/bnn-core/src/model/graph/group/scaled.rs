//! `sat16(round(v * factor / 2^shift) + bias)` in 32 bits, where they hold every step exactly:
//! vectors have twice as many lanes then, and AVX2 has no shift of 64 bits that keeps a sign.

use super::super::fixed;

/// How such numbers are computed; which ways are exact depends on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scaled {
    Narrow(Narrow),
    Halves(Halves),
    Wide(Wide),
}

/// A way to compute them.
pub(super) trait Scale: Copy {
    fn scale(self, v: i32, factor: i32, bias: i32) -> i32;
}

/// Products fit 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Narrow {
    half: i32,
    shift: u32,
}

/// Products with the halves of the factor do: with `factor = 2^16 * high + low`, `floor((v * factor
/// + half) / 2^shift) = floor((v * high + half / 2^16 + floor(v * low / 2^16)) / 2^(shift - 16))`,
/// where `2^16` divides `half`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Halves {
    /// Without its 16 zeros.
    half: i32,
    /// Less 16.
    shift: u32,
}

/// In 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wide {
    shift: u8,
}

impl Scaled {
    /// The way for `|v| <= most`.
    pub(super) fn new(most: u64, factors: &[i32], biases: &[i32], shift: u8) -> Self {
        let greatest = |numbers: &[i32]| -> u64 {
            let magnitudes = numbers.iter().map(|n| n.unsigned_abs());
            magnitudes.max().unwrap_or(0).into()
        };
        let (factor, bias) = (greatest(factors), greatest(biases));
        let fits = |number: u64| number <= i32::MAX as u64;
        let half = match shift {
            0 => 0,
            shift => 1_u64 << (shift.min(fixed::MAX_SHIFT) - 1),
        };
        let Some(sum) = most.checked_mul(factor).and_then(|p| p.checked_add(half)) else {
            return Self::Wide(Wide { shift });
        };
        if shift < 32 && fits(sum.saturating_add(bias)) {
            let half = half as i32;
            let shift = shift.into();
            return Self::Narrow(Narrow { half, shift });
        }
        // A half of less than 30 bits leaves room for a product of 31.
        if most <= 1 << 15 && (17..=46).contains(&shift) && fits((sum >> shift) + bias) {
            return Self::Halves(Halves {
                half: (half >> 16) as i32,
                shift: u32::from(shift) - 16,
            });
        }
        Self::Wide(Wide { shift })
    }
}

impl Scale for Narrow {
    #[inline(always)]
    fn scale(self, v: i32, factor: i32, bias: i32) -> i32 {
        let rounded = v.wrapping_mul(factor).wrapping_add(self.half) >> (self.shift & 31);
        saturated(rounded.wrapping_add(bias))
    }
}

impl Scale for Halves {
    #[inline(always)]
    fn scale(self, v: i32, factor: i32, bias: i32) -> i32 {
        let (high, low) = (factor >> 16, factor & 0xFFFF);
        let sum = v.wrapping_mul(high).wrapping_add(self.half);
        let rounded = sum.wrapping_add(v.wrapping_mul(low) >> 16) >> (self.shift & 31);
        saturated(rounded.wrapping_add(bias))
    }
}

impl Scale for Wide {
    #[inline(always)]
    fn scale(self, v: i32, factor: i32, bias: i32) -> i32 {
        fixed::saturated(fixed::affine(v, factor, bias, self.shift)).into()
    }
}

/// `v + by`, saturated, for `v` of 16 bits.
#[inline(always)]
pub(super) fn plus(v: i32, by: i32) -> i32 {
    // What is beyond 17 bits saturates whatever `v` is.
    saturated(v.wrapping_add(by.clamp(-1 << 16, 1 << 16)))
}

/// The nearest number of 16 bits.
#[inline(always)]
pub(super) fn saturated(v: i32) -> i32 {
    v.clamp(i16::MIN.into(), i16::MAX.into())
}

/// A sum of numbers of two exponents, as a number of a third one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    /// How far each of the two is shifted to the left; one of them not at all.
    from: [u32; 2],
    /// How far the sum is then shifted to the left, and to the right; one of them not at all.
    to: [u32; 2],
}

impl Sum {
    pub(super) fn new([a, b]: [i8; 2], to: i8) -> Self {
        let most = a.max(b);
        let distance = |a: i8, b: i8| u32::from(a.abs_diff(b).min(fixed::MAX_DISTANCE));
        Self {
            from: [distance(most, a), distance(most, b)],
            to: match to >= most {
                true => [distance(to, most), 0],
                false => [0, distance(most, to)],
            },
        }
    }

    /// The sum of numbers of 16 bits: of 31 bits before it is shifted.
    #[inline(always)]
    pub(super) fn of(self, a: i32, b: i32) -> i32 {
        let ([a_left, b_left], [left, right]) = (self.from, self.to);
        let sum = (a << (a_left & 15)).wrapping_add(b << (b_left & 15));
        // Saturated first to one more than 16 bits hold, which saturates after any shift too.
        let least = i32::from(i16::MIN) - 1;
        let half = (1 << (right & 15)) >> 1;
        match right {
            0 => saturated(sum.clamp(least, -least - 1) << (left & 15)),
            _ => saturated(sum.wrapping_add(half) >> (right & 15)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn each_way_gives_the_number_of_the_definition(
            v in fixed::numbers(), factor in fixed::numbers(), bias in fixed::numbers(), shift in 0_u8..=62, more: u16,
        ) {
            let most = u64::from(v.unsigned_abs()) + u64::from(more) % 3;
            let found = match Scaled::new(most, &[factor], &[bias], shift) {
                Scaled::Narrow(way) => way.scale(v, factor, bias),
                Scaled::Halves(way) => way.scale(v, factor, bias),
                Scaled::Wide(way) => way.scale(v, factor, bias),
            };
            let expected = fixed::saturated(fixed::affine(v, factor, bias, shift));
            prop_assert_eq!(found, expected.into());
        }

        #[test]
        fn sums_are_those_of_the_definition(a: i16, b: i16, from: [i8; 2], to: i8) {
            let [ea, eb, e] = [from[0], from[1], to].map(|e| e.rem_euclid(16) - 8);
            let sum = Sum::new([ea, eb], e).of(a.into(), b.into());
            prop_assert_eq!(sum, fixed::add(a, b, [ea, eb], e).into());
        }
    }

    proptest! {
        #[test]
        fn what_is_added_saturates(v: i16, by in fixed::numbers()) {
            prop_assert_eq!(plus(v.into(), by), fixed::plus(v, by).into());
        }
    }

    #[test]
    fn the_numbers_of_networks_take_32_bits() {
        let way = |most, factor, bias, shift| match Scaled::new(most, &[factor], &[bias], shift) {
            Scaled::Narrow(_) => "narrow",
            Scaled::Halves(_) => "halves",
            Scaled::Wide(_) => "wide",
        };
        assert_eq!(way(576, 1 << 30, 300, 25), "halves");
        assert_eq!(way(1 << 15, 16_868, 0, 16), "narrow");
        // One step on either side of what fits.
        assert_eq!(way(i32::MAX as u64, 1, 0, 0), "narrow");
        assert_eq!(way(i32::MAX as u64, 1, 1, 0), "wide");
        assert_eq!(way(1 << 15, i32::MIN, 0, 46), "halves");
        assert_eq!(way(1 + (1 << 15), i32::MIN, 0, 46), "wide");
        assert_eq!(way(1 << 15, i32::MIN, 0, 47), "wide");
    }
}
