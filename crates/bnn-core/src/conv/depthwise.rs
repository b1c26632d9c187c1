//! Depthwise convolution: every output sees one channel only, so there is no product to speak of. The
//! 64 channels of a word are counted side by side instead: where a tap's word of the image differs from
//! that of the filters, counters that lie across words (one word per binary digit) go up by one.

use core::ops::Range;

use super::geometry::{Conv2d, PadValue};
use super::images::{Source, pixel_words};
use super::vertical::Counters;
use super::window::{Taps, Window, lines};
use crate::bits::BitMatrixView;
use crate::error::Error;
#[cfg(feature = "std")]
use crate::gemm::driver::Grain;
use crate::gemm::driver::Rows;
#[cfg(feature = "alloc")]
use crate::gemm::driver::{Columns, Parts};
use crate::gemm::epilogue::Epilogue;
use crate::kernel::{Kernel, NR, Sums};
use crate::shape::{WORD, mul, row_words};

/// Words of the filters as [`arrange`] writes them.
pub(super) fn words(conv: &Conv2d) -> Result<usize, Error> {
    let per_tap = mul(
        "words of depthwise filters",
        conv.group_outputs(),
        row_words(conv.channels()),
    )?;
    mul("words of depthwise filters", per_tap, conv.taps())
}

/// Room for the sums of an output pixel, with whole tiles for the endings.
pub(super) fn sums_len(conv: &Conv2d) -> usize {
    conv.outputs().next_multiple_of(NR)
}

/// Turns filters `[channels * multiplier, taps]` into `[multiplier][tap][word of channels]`.
pub(super) fn arrange(conv: &Conv2d, filters: BitMatrixView<'_>, to: &mut [u64]) {
    to.fill(0);
    let per_tap = row_words(conv.channels());
    let passes = to.chunks_exact_mut(conv.taps() * per_tap);
    for (pass, taps) in passes.enumerate() {
        let filters = filters.iter_rows().skip(pass).step_by(conv.group_outputs());
        for (channel, filter) in filters.enumerate() {
            for (tap, words) in taps.chunks_exact_mut(per_tap).enumerate() {
                let bit = filter
                    .get(tap / WORD)
                    .map_or(0, |word| word >> (tap % WORD) & 1);
                if let Some(word) = words.get_mut(channel / WORD) {
                    *word |= bit << (channel % WORD);
                }
            }
        }
    }
}

/// A depthwise convolution with its ending.
pub(super) struct Depthwise<'p, E> {
    pub(super) conv: &'p Conv2d,
    pub(super) source: Source<'p>,
    #[cfg(feature = "alloc")]
    pub(super) samples: usize,
    /// As [`arrange`] writes them.
    pub(super) filters: &'p [u64],
    /// Whose endings are used.
    pub(super) kernel: &'static Kernel,
    pub(super) epilogue: &'p E,
}

#[cfg(feature = "alloc")]
impl<E: Epilogue> Parts for Depthwise<'_, E> {
    type Elem = E::Elem;

    fn shape(&self) -> [usize; 2] {
        [self.samples, self.conv.outputs()]
    }

    #[cfg(feature = "std")]
    fn grain(&self) -> Grain {
        // Counting a tap of 64 channels and its share of the sums costs some eight word products.
        let words = 8 * self.filters.len();
        Grain {
            work: self.samples.saturating_mul(words),
            samples: 1,
            columns: None,
        }
    }

    fn part(&self, range: Range<usize>, _: &Columns, out: &mut impl Rows<E::Elem>) {
        let mut sums = alloc::vec![0; sums_len(self.conv)];
        self.part_in(&mut sums, range, out);
    }
}

impl<E: Epilogue> Depthwise<'_, E> {
    /// Computes the outputs of the samples `range`, with room for the sums of one ([`sums_len`]).
    pub(super) fn part_in(
        &self,
        sums: &mut [i32],
        range: Range<usize>,
        out: &mut impl Rows<E::Elem>,
    ) {
        let (n, endings) = (self.conv.outputs(), self.kernel.endings());
        let mut samples = 0..;
        for line in lines(self.conv, range) {
            for (ox, sample) in line.stops.clone().zip(&mut samples) {
                self.sum(&line.window(&self.conv.x, ox), sums);
                if let Some(row) = out.row(sample) {
                    let (tiles, _) = sums.as_chunks::<NR>();
                    for (tile, col) in tiles.iter().zip((0..n).step_by(NR)) {
                        let used = NR.min(n - col);
                        let panel = self.epilogue.panel(col, used);
                        E::write(endings, &panel, &Sums(*tile), used, row, col);
                    }
                }
            }
        }
    }

    /// The sums of one window.
    fn sum(&self, window: &Window<'_>, sums: &mut [i32]) {
        match self.source {
            // 15 taps fit four digits; with more, carrying on for longer is worth four more.
            Source::Bits(bits) if self.conv.taps() < 16 => self.sum_bits::<4>(bits, window, sums),
            Source::Bits(bits) => self.sum_bits::<8>(bits, window, sums),
            Source::Bytes { x, .. } => self.sum_bytes(x, window, sums),
        }
    }

    fn sum_bits<const DIGITS: usize>(
        &self,
        bits: BitMatrixView<'_>,
        window: &Window<'_>,
        sums: &mut [i32],
    ) {
        let conv = self.conv;
        let pad = match conv.pad_value() {
            PadValue::Zero => None,
            PadValue::MinusOne => Some(0),
            PadValue::PlusOne => Some(u64::MAX),
        };
        let counted = match pad {
            None => window.taps_inside(),
            Some(_) => conv.taps(),
        };
        sums.fill(counted as i32);
        let multiplier = conv.group_outputs();
        let per_tap = row_words(conv.channels());
        let passes = self.filters.chunks_exact(conv.taps() * per_tap);
        for (pass, filters) in passes.enumerate() {
            let words = sums.chunks_mut(WORD * multiplier).enumerate();
            for (w, sums) in words.take(per_tap) {
                let taps = BitTaps {
                    bits,
                    filters: filters.get(w..).unwrap_or_default(),
                    pad,
                    w,
                    counters: Counters::<DIGITS>::default(),
                    sums: sums.get_mut(pass..).unwrap_or_default(),
                    multiplier,
                };
                window.walk(conv, taps);
            }
        }
    }

    fn sum_bytes(&self, x: &[u8], window: &Window<'_>, sums: &mut [i32]) {
        let conv = self.conv;
        sums.fill(0);
        let multiplier = conv.group_outputs();
        let passes = self
            .filters
            .chunks_exact(conv.taps() * row_words(conv.channels()));
        for (pass, filters) in passes.enumerate() {
            let taps = ByteTaps {
                x,
                channels: conv.channels(),
                filters,
                sums: sums.get_mut(pass..).unwrap_or_default(),
                multiplier,
            };
            window.walk(conv, taps);
        }
    }
}

/// The taps of 64 channels of bits.
struct BitTaps<'s, const DIGITS: usize> {
    bits: BitMatrixView<'s>,
    /// The words of the taps still to come, from these channels on.
    filters: &'s [u64],
    /// `None`: taps outside do not count.
    pad: Option<u64>,
    /// The word of the pixels that holds these channels.
    w: usize,
    counters: Counters<DIGITS>,
    /// Their sums, `multiplier` apart.
    sums: &'s mut [i32],
    multiplier: usize,
}

impl<const DIGITS: usize> BitTaps<'_, DIGITS> {
    #[inline]
    fn tap(&mut self, word: u64) {
        let filter = self.filters.first().copied().unwrap_or_default();
        self.skip(1);
        if self.counters.add(word ^ filter) {
            self.flush();
        }
    }

    #[inline]
    fn skip(&mut self, taps: usize) {
        let words = taps * row_words(self.bits.cols());
        self.filters = self.filters.get(words..).unwrap_or_default();
    }

    /// Takes two off the sums for every difference counted.
    fn flush(&mut self) {
        let counts = self.counters.take();
        if self.multiplier == 1 {
            for (sum, count) in self.sums.iter_mut().zip(counts) {
                *sum -= 2 * i32::from(count);
            }
        } else {
            let sums = self.sums.iter_mut().step_by(self.multiplier);
            for (sum, count) in sums.zip(counts) {
                *sum -= 2 * i32::from(count);
            }
        }
    }
}

impl<const DIGITS: usize> Taps for BitTaps<'_, DIGITS> {
    #[inline]
    fn inside(&mut self, pixel: usize, count: usize) {
        let per_pixel = row_words(self.bits.cols());
        for pixel in pixel_words(self.bits, pixel, count).chunks_exact(per_pixel) {
            self.tap(pixel.get(self.w).copied().unwrap_or_default());
        }
    }

    #[inline]
    fn outside(&mut self, count: usize) {
        match self.pad {
            None => self.skip(count),
            Some(word) => (0..count).for_each(|_| self.tap(word)),
        }
    }

    fn finish(mut self) {
        self.flush();
    }
}

/// The taps of all channels of bytes.
struct ByteTaps<'s> {
    x: &'s [u8],
    channels: usize,
    /// The words of the taps still to come.
    filters: &'s [u64],
    /// Sums, `multiplier` apart.
    sums: &'s mut [i32],
    multiplier: usize,
}

impl Taps for ByteTaps<'_> {
    fn inside(&mut self, pixel: usize, count: usize) {
        let pixels = self.x.get(pixel * self.channels..).unwrap_or_default();
        for pixel in pixels.chunks_exact(self.channels).take(count) {
            let sums = self.sums.iter_mut().step_by(self.multiplier);
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
