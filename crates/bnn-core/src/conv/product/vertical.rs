//! 64 counters in the bits of a few words: digit `d` of counter `j` is bit `j` of word `d`, so that
//! one addition with carries increments all of them.

use crate::shape::WORD;

/// `WORDS * 64` counters up to `2^DIGITS - 1`; at most 8 digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counters<const DIGITS: usize, const WORDS: usize> {
    digits: [[u64; WORDS]; DIGITS],
    /// Additions until a counter could be full.
    left: u32,
}

impl<const DIGITS: usize, const WORDS: usize> Default for Counters<DIGITS, WORDS> {
    fn default() -> Self {
        Self {
            digits: [[0; WORDS]; DIGITS],
            left: (1 << DIGITS) - 1,
        }
    }
}

impl<const DIGITS: usize, const WORDS: usize> Counters<DIGITS, WORDS> {
    /// Whether [`Counters::take`] must be called before the next addition.
    #[inline]
    pub(super) fn are_full(&self) -> bool {
        self.left == 0
    }

    /// Adds the bits of words, each to its counter.
    #[inline]
    pub(super) fn add(&mut self, words: &[u64; WORDS]) {
        let mut carries = *words;
        for digit in &mut self.digits {
            for (digit, carry) in digit.iter_mut().zip(&mut carries) {
                (*digit, *carry) = (*digit ^ *carry, *digit & *carry);
            }
        }
        self.left = self.left.saturating_sub(1);
    }

    /// Returns the counts and resets them.
    #[inline]
    pub(super) fn take(&mut self) -> [[u8; WORD]; WORDS] {
        let mut counts = [[0; WORD]; WORDS];
        for (w, counts) in counts.iter_mut().enumerate() {
            let (eights, _) = counts.as_chunks_mut::<8>();
            for (i, eight) in eights.iter_mut().enumerate() {
                let mut bytes = 0;
                for (d, digit) in self.digits.iter().enumerate() {
                    bytes |= spread((digit[w] >> (8 * i)) as u8) << d;
                }
                *eight = bytes.to_le_bytes();
            }
        }
        *self = Self::default();
        counts
    }

    /// Writes whether each counter is at most its limit, a word of limits and of `out` per word of
    /// counters.
    #[inline]
    pub(super) fn at_most(&self, limits: &[CounterLimits<DIGITS>], out: &mut [u64]) {
        for (w, (limits, out)) in limits.iter().zip(out).take(WORDS).enumerate() {
            let mut greater = 0;
            for (digit, limit) in self.digits.iter().zip(&limits.digits) {
                let digit = digit[w];
                // The highest digit in which they differ decides, and it comes last.
                greater = digit & !limit | greater & !(digit ^ limit);
            }
            *out = !greater & limits.reachable;
        }
    }
}

/// Limits of 64 counters, digit by digit like these.
#[derive(Clone, Copy, Debug)]
pub(super) struct CounterLimits<const DIGITS: usize> {
    digits: [u64; DIGITS],
    /// The limits that are not negative.
    reachable: u64,
}

impl<const DIGITS: usize> CounterLimits<DIGITS> {
    /// Up to 64 limits. Negative and missing limits hold for no counter.
    pub(super) fn new(limits: impl Iterator<Item = i64>) -> Self {
        let mut words = Self {
            digits: [0; DIGITS],
            reachable: 0,
        };
        for (j, limit) in limits.enumerate() {
            // Every counter is at most its largest value.
            let limit = limit.min((1 << DIGITS) - 1);
            if limit >= 0 {
                words.reachable |= 1 << j;
                for (d, digit) in words.digits.iter_mut().enumerate() {
                    *digit |= (limit as u64 >> d & 1) << j;
                }
            }
        }
        words
    }
}

/// The bits of a byte as bytes of 0 or 1.
#[inline]
fn spread(bits: u8) -> u64 {
    // Byte j keeps bit j, which is then carried up to bit 7 of the byte, and no further.
    let each = (u64::from(bits) * 0x0101_0101_0101_0101) & 0x8040_2010_0804_0201;
    (each + 0x0040_6070_787C_7E7F) >> 7 & 0x0101_0101_0101_0101
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_spread_bit_by_bit() {
        for bits in 0..=255_u8 {
            let bytes = spread(bits).to_le_bytes();
            for (j, byte) in bytes.iter().enumerate() {
                assert_eq!(*byte, bits >> j & 1);
            }
        }
    }

    fn counters_count<const DIGITS: usize>() {
        let mut counters = Counters::<DIGITS, 2>::default();
        // Counter j counts every j + 1st addition.
        for round in 1_usize..1 << DIGITS {
            assert!(!counters.are_full());
            let divides = |j: &usize| round.is_multiple_of(j + 1);
            let word = |w: usize| {
                (0..64)
                    .filter(|j| divides(&(64 * w + j)))
                    .fold(0, |word, j| word | 1 << j)
            };
            counters.add(&[word(0), word(1)]);
        }
        assert!(counters.are_full());
        for (j, count) in counters.take().as_flattened().iter().enumerate() {
            assert_eq!(usize::from(*count), ((1 << DIGITS) - 1) / (j + 1));
        }
        assert!(!counters.are_full());
        assert_eq!(counters.take(), [[0; 64]; 2]);
    }

    #[test]
    fn counters_count_up_to_what_they_say() {
        counters_count::<4>();
        counters_count::<8>();
    }

    #[test]
    fn counters_are_compared_with_every_limit() {
        for count in 0..16_i64 {
            let mut counters = Counters::<4, 1>::default();
            (0..count).for_each(|_| counters.add(&[u64::MAX]));
            let limits = || (-2..18).chain([i64::MIN, i64::MAX]);
            let mut out = [0];
            counters.at_most(&[CounterLimits::new(limits())], &mut out);
            let reached = limits().enumerate().filter(|&(_, limit)| count <= limit);
            assert_eq!(out[0], reached.fold(0, |word, (j, _)| word | 1 << j));
        }
    }
}
