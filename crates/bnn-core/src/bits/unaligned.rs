//! Bits read from any place in a row: the one reader of bits that do not begin on a word.

use num_traits::PrimInt;

/// The `count` bits of `words` from bit `at` on, lowest first; zeros after the last word. `count`
/// is at least 1 and at most the bits of a word. Words are `u64`, or `u32` for small cores, which
/// read halves.
#[inline(always)]
pub fn bits_at<W: PrimInt>(words: &[W], at: usize, count: usize) -> W {
    let width = size_of::<W>() * 8;
    let (first, shift) = (at / width, at % width);
    let word = |i: usize| words.get(i).copied().unwrap_or(W::zero());
    let low = word(first) >> shift;
    let bits = if shift + count <= width {
        low
    } else {
        // The bits cross into the next word, so `shift` is not 0.
        low | word(first + 1) << (width - shift)
    };
    bits & W::max_value() >> (width - count)
}

#[cfg(test)]
mod tests {
    use super::bits_at;
    use num_traits::PrimInt;

    fn reads_bit_by_bit<W: PrimInt + core::fmt::Debug>(words: &[W]) {
        let width = size_of::<W>() * 8;
        let bit = |i: usize| {
            words
                .get(i / width)
                .is_some_and(|&word| word >> (i % width) & W::one() == W::one())
        };
        for at in 0..(words.len() + 1) * width {
            for count in 1..=width {
                let read = bits_at(words, at, count);
                for i in 0..width {
                    let set = read >> i & W::one() == W::one();
                    assert_eq!(
                        set,
                        i < count && bit(at + i),
                        "bit {i} of {count} from {at}"
                    );
                }
            }
        }
    }

    #[test]
    fn bits_are_read_from_every_place_and_zeros_after_the_end() {
        reads_bit_by_bit(&[0x9E37_79B9_7F4A_7C15_u64, u64::MAX, 0x5A3C << 40 | 1]);
        reads_bit_by_bit(&[0x9E37_79B9_u32, u32::MAX, 0x8000_0001]);
        reads_bit_by_bit::<u64>(&[]);
    }
}
