//! Counts the taps of a window in which the image differs from the filters.

use crate::bits::BitMatrixView;
use crate::conv::geometry::{Conv2d, PadValue};
use crate::conv::product::images::pixel_words;
use crate::conv::product::vertical::Counters;
use crate::shape::row_words;
use crate::window::{Taps, Window};

/// The bits of a pixel outside the image; `None` if it does not count.
fn pad(conv: &Conv2d) -> Option<u64> {
    match conv.pad_value() {
        PadValue::Zero => None,
        PadValue::MinusOne => Some(0),
        PadValue::PlusOne => Some(u64::MAX),
    }
}

/// How many taps of the window count: the sum if none of them differed.
pub(super) fn taps_counted(conv: &Conv2d, window: &Window<'_>) -> usize {
    match pad(conv) {
        None => window.taps_inside(),
        Some(_) => conv.windows().taps(),
    }
}

/// Counts the differences in the channels of `WORDS` words from `w` on, with the filters
/// `[tap][word of channels]`. Calls `full` whenever the counters are full, and at the end.
pub(super) fn count<const DIGITS: usize, const WORDS: usize>(
    conv: &Conv2d,
    window: &Window<'_>,
    bits: BitMatrixView<'_>,
    filters: &[u64],
    w: usize,
    full: impl FnMut(&mut Counters<DIGITS, WORDS>),
) {
    let taps = BitTaps {
        bits,
        filters: filters.get(w..).unwrap_or_default(),
        pad: pad(conv),
        w,
        counters: Counters::default(),
        full,
    };
    window.walk(conv.windows(), taps);
}

/// A visitor that counts in `WORDS` words of channels.
struct BitTaps<'s, const DIGITS: usize, const WORDS: usize, F> {
    bits: BitMatrixView<'s>,
    /// The words of the remaining taps, from these channels on.
    filters: &'s [u64],
    pad: Option<u64>,
    /// The first word of a pixel that holds these channels.
    w: usize,
    counters: Counters<DIGITS, WORDS>,
    full: F,
}

impl<const DIGITS: usize, const WORDS: usize, F> BitTaps<'_, DIGITS, WORDS, F>
where
    F: FnMut(&mut Counters<DIGITS, WORDS>),
{
    #[inline]
    fn tap(&mut self, pixel: &[u64; WORDS]) {
        if self.counters.are_full() {
            (self.full)(&mut self.counters);
        }
        if let Some(filter) = self.filters.first_chunk::<WORDS>() {
            let mut differ = *pixel;
            for (word, filter) in differ.iter_mut().zip(filter) {
                *word ^= filter;
            }
            self.counters.add(&differ);
        }
        self.skip(1);
    }

    #[inline]
    fn skip(&mut self, taps: usize) {
        let words = taps * row_words(self.bits.cols());
        self.filters = self.filters.get(words..).unwrap_or_default();
    }
}

impl<const DIGITS: usize, const WORDS: usize, F> Taps for BitTaps<'_, DIGITS, WORDS, F>
where
    F: FnMut(&mut Counters<DIGITS, WORDS>),
{
    #[inline]
    fn inside(&mut self, pixel: usize, count: usize) {
        let per_pixel = row_words(self.bits.cols());
        let pixels = pixel_words(self.bits, pixel, count);
        for i in 0..count {
            let pixel = pixels.get(i * per_pixel + self.w..);
            if let Some(pixel) = pixel.and_then(|pixel| pixel.first_chunk()) {
                self.tap(pixel);
            }
        }
    }

    #[inline]
    fn outside(&mut self, count: usize) {
        match self.pad {
            None => self.skip(count),
            Some(word) => (0..count).for_each(|_| self.tap(&[word; WORDS])),
        }
    }

    fn finish(mut self) {
        (self.full)(&mut self.counters);
    }
}
