//! Patches of bits, written from the first tap to the last.

/// Bits of half a word: a 32-bit core shifts them by one instruction.
pub(super) const HALF: usize = u32::BITS as usize;

/// A patch that is being written.
pub(super) struct Patch<'w> {
    pub(super) halves: core::slice::IterMut<'w, u32>,
    /// The value of the padding, in all bits.
    pub(super) outside: u32,
    /// Bits that do not fill half a word yet.
    half: u32,
    held: usize,
}

impl<'w> Patch<'w> {
    pub(super) fn new(patch: &'w mut [u64], outside: bool) -> Self {
        Self {
            halves: bytemuck::cast_slice_mut(patch).iter_mut(),
            outside: if outside { u32::MAX } else { 0 },
            half: 0,
            held: 0,
        }
    }

    /// Appends `used` bits, at least one.
    #[inline(always)]
    pub(super) fn append(&mut self, bits: u32, used: usize) {
        self.half |= bits << self.held;
        self.held += used;
        if self.held < HALF {
            return;
        }
        if let Some(place) = self.halves.next() {
            *place = self.half;
        }
        self.held -= HALF;
        self.half = match self.held {
            0 => 0,
            left => bits >> (used - left),
        };
    }

    /// Writes what is held, and zeros to the end of the last word.
    pub(super) fn finish(self) {
        let mut half = self.half;
        for place in self.halves {
            *place = half;
            half = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_follow_each_other_and_zeros_follow_them(
            parts in prop::collection::vec((any::<u32>(), 1_usize..=32), 0..12),
            before in any::<u64>(),
        ) {
            let mut words = [before; 7];
            let mut patch = Patch::new(&mut words, false);
            let mut expected = [false; 7 * 64];
            let mut at = 0;
            for (bits, used) in parts {
                patch.append(bits & u32::MAX >> (32 - used), used);
                for i in 0..used {
                    expected[at + i] = bits >> i & 1 == 1;
                }
                at += used;
            }
            patch.finish();
            for (i, expected) in expected.iter().enumerate() {
                prop_assert_eq!(words[i / 64] >> (i % 64) & 1 == 1, *expected, "bit {}", i);
            }
        }
    }
}
