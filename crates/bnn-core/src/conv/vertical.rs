//! 64 counters side by side: digit `d` of counter `j` is bit `j` of word `d`, so that one addition with
//! carries counts in all of them.

use crate::shape::WORD;

/// Counters up to `2^DIGITS - 1`; at most 8 digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counters<const DIGITS: usize> {
    digits: [u64; DIGITS],
    /// Additions until a counter could be full.
    left: u32,
}

impl<const DIGITS: usize> Counters<DIGITS> {
    const FULL: u32 = (1 << DIGITS) - 1;
}

impl<const DIGITS: usize> Default for Counters<DIGITS> {
    fn default() -> Self {
        Self {
            digits: [0; DIGITS],
            left: Self::FULL,
        }
    }
}

impl<const DIGITS: usize> Counters<DIGITS> {
    /// Adds the bits of a word, each to its counter. Says whether the counters have to be taken before
    /// the next addition.
    #[inline]
    #[must_use]
    pub(super) fn add(&mut self, word: u64) -> bool {
        let mut carry = word;
        for digit in &mut self.digits {
            (*digit, carry) = (*digit ^ carry, *digit & carry);
        }
        self.left -= 1;
        self.left == 0
    }

    /// What was counted, and starts again from zero.
    #[inline]
    pub(super) fn take(&mut self) -> [u8; WORD] {
        let mut counts = [0; WORD];
        let (eights, _) = counts.as_chunks_mut::<8>();
        for (i, eight) in eights.iter_mut().enumerate() {
            let mut bytes = 0;
            for (d, digit) in self.digits.iter().enumerate() {
                bytes |= spread((digit >> (8 * i)) as u8) << d;
            }
            *eight = bytes.to_le_bytes();
        }
        *self = Self::default();
        counts
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
        let mut counters = Counters::<DIGITS>::default();
        // Counter j counts every j + 1st addition.
        for round in 1_u32..1 << DIGITS {
            let divides = |j: &u32| round.is_multiple_of(j + 1);
            let word = (0..64).filter(divides).fold(0, |word, j| word | 1 << j);
            assert_eq!(counters.add(word), round == (1 << DIGITS) - 1);
        }
        for (j, count) in counters.take().iter().enumerate() {
            assert_eq!(usize::from(*count), ((1 << DIGITS) - 1) / (j + 1));
        }
        assert_eq!(counters.take(), [0; 64]);
    }

    #[test]
    fn counters_count_up_to_what_they_say() {
        counters_count::<4>();
        counters_count::<8>();
    }
}
