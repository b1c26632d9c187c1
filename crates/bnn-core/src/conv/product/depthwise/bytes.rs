//! Depthwise sums of unsigned integers.

use crate::shape::{WORD, positive, row_words};
use crate::window::Taps;

/// The taps of all channels of bytes.
pub(super) struct ByteSums<'s> {
    pub(super) x: &'s [u8],
    pub(super) channels: usize,
    /// The words of the remaining taps.
    pub(super) filters: &'s [u64],
    /// Sums, `multiplier` apart.
    pub(super) sums: &'s mut [i32],
    pub(super) multiplier: usize,
}

impl Taps for ByteSums<'_> {
    fn inside(&mut self, pixel: usize, count: usize) {
        let pixels = self.x.get(pixel * self.channels..).unwrap_or_default();
        for pixel in pixels.chunks_exact(positive(self.channels)).take(count) {
            let sums = self.sums.iter_mut().step_by(positive(self.multiplier));
            for (c, (sum, &x)) in sums.zip(pixel).enumerate() {
                let word = self.filters.get(c / WORD).copied().unwrap_or_default();
                let plus = word >> (c % WORD) & 1 == 1;
                *sum += if plus { i32::from(x) } else { -i32::from(x) };
            }
            self.outside(1);
        }
    }

    fn outside(&mut self, count: usize) {
        let words = count * row_words(self.channels);
        self.filters = self.filters.get(words..).unwrap_or_default();
    }

    fn finish(self) {}
}
