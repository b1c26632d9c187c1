//! `round(v * factor / 2^shift)` by the upper half of a product of 32 bits, which small cores have
//! an instruction for. In 64 bits ([`fixed::affine`](super::fixed::affine)) a shift alone takes
//! some ten.

/// How such a number is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HighProduct {
    Upper(UpperHalf),
    Beyond(BeyondHalf),
}

/// `v` is shifted to the left, so that the upper half is the number, rounded: an instruction of
/// Cortex-M4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UpperHalf {
    left: u32,
}

/// The shift goes beyond the lower half: the upper half is rounded and shifted to the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BeyondHalf {
    half: i32,
    right: u32,
}

impl HighProduct {
    /// For `-most - 1 <= v <= most`; `None`: 32 bits do not hold every step.
    pub(super) fn new(most: u64, shift: u8) -> Option<Self> {
        if let Some(right @ 1..=30) = shift.checked_sub(32) {
            let (half, right) = (1 << (right - 1), right.into());
            return (most <= i32::MAX as u64).then_some(Self::Beyond(BeyondHalf { half, right }));
        }
        let left = u32::from(32_u8.checked_sub(shift)?);
        let fits = left < 31 && most <= i32::MAX as u64 >> left;
        fits.then_some(Self::Upper(UpperHalf { left }))
    }
}

impl UpperHalf {
    /// Below `2^31` in magnitude.
    #[inline(always)]
    pub(super) fn of(self, v: i32, factor: i32) -> i32 {
        // 62 bits and a half: no overflow.
        let product = i64::from(v << (self.left & 31)).wrapping_mul(factor.into());
        (product.wrapping_add(1 << 31) >> 32) as i32
    }
}

impl BeyondHalf {
    /// Below `2^30` in magnitude.
    #[inline(always)]
    pub(super) fn of(self, v: i32, factor: i32) -> i32 {
        // Of 62 bits, of which the half has 29 at most: no overflow.
        let upper = (i64::from(v).wrapping_mul(factor.into()) >> 32) as i32;
        upper.wrapping_add(self.half) >> (self.right & 31)
    }
}

/// `v + by`, saturated to 16 bits.
#[inline(always)]
pub(super) fn plus(v: i32, by: i32) -> i16 {
    saturated(v.saturating_add(by))
}

/// The nearest number of 16 bits.
#[inline(always)]
pub(super) fn saturated(v: i32) -> i16 {
    v.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

#[cfg(test)]
mod tests {
    use super::super::fixed;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn the_upper_half_gives_the_number_of_the_definition(
            v in fixed::numbers(), factor in fixed::numbers(), bias in fixed::numbers(), shift in 0_u8..=62, more: u16,
        ) {
            // `v` itself is the most that may be, or one more than that in magnitude.
            let most = u64::from(if v < 0 { !v } else { v }.unsigned_abs());
            let most = most + u64::from(more) % 3;
            if let Some(way) = HighProduct::new(most, shift) {
                let expected = fixed::affine(v, factor, 0, shift);
                let found = match way {
                    HighProduct::Upper(way) => way.of(v, factor),
                    HighProduct::Beyond(way) => way.of(v, factor),
                };
                prop_assert_eq!(i64::from(found), expected);
                let expected = fixed::saturated(expected + i64::from(bias));
                prop_assert_eq!(plus(found, bias), expected);
            }
        }

        #[test]
        fn what_is_added_saturates(v: i16, by in fixed::numbers()) {
            prop_assert_eq!(plus(v.into(), by), fixed::plus(v, by));
        }
    }

    #[test]
    fn the_numbers_of_networks_have_it() {
        let fits = |most, shift| HighProduct::new(most, shift).is_some();
        // Sums of bits, numbers of 16 bits with slopes, sums of bytes.
        assert!(fits(576, 25) && fits((1 << 15) - 1, 16) && fits(881_280, 36));
        // One step on either side of what fits.
        assert!(fits((1 << 15) - 1, 16) && !fits(1 << 15, 16));
        assert!(fits(i32::MAX as u64, 32) && !fits(1 << 31, 32) && !fits(1 << 31, 33));
        assert!(fits(0, 2) && !fits(0, 1) && fits(1, 62) && !fits(1, 63));
    }
}
