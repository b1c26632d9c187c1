//! The rows of the product that a convolution is: the patch of the image under each window, written
//! when its turn comes, a few windows at a time.

use core::ops::Range;

use super::clipping::Clipping;
use super::geometry::{Conv2d, PadValue};
use super::images::{Source, pixel_words};
use super::window::{Taps, windows};
use crate::bits::BitMatrixView;
use crate::gemm::driver::Columns;
use crate::gemm::samples::{Gather, Samples};
use crate::kernel::Sums;
use crate::planes::split_word;
use crate::shape::{WORD, last_word_mask, row_words};

/// The patches of one group of channels.
pub(super) struct Patches<'a> {
    pub(super) conv: &'a Conv2d,
    pub(super) source: Source<'a>,
    pub(super) group: usize,
    pub(super) clipping: Clipping<'a>,
}

impl Gather for Patches<'_> {
    fn gather(&self, range: Range<usize>, room: &mut [u64]) {
        let channels = self.conv.group_channels();
        let first = self.group * channels;
        match self.source {
            Source::Bits(bits) if channels.is_multiple_of(WORD) => {
                let pad = self.pad_word();
                self.each(range, room, 1, |row| Words {
                    bits,
                    first: first / WORD,
                    channels: channels / WORD,
                    pad,
                    row,
                });
            }
            Source::Bits(bits) => {
                let pad = self.pad_word();
                self.each(range, room, 1, |row| Bits {
                    bits,
                    first,
                    channels,
                    pad,
                    row: Appender::new(row),
                });
            }
            Source::Bytes { x, depth } => {
                let words = row_words(self.conv.patch_len());
                self.each(range, room, depth + 1, |row| {
                    let (zeros, planes) = row.split_at_mut(words);
                    zeros.fill(0);
                    Bytes {
                        x,
                        per_pixel: self.conv.channels(),
                        first,
                        channels,
                        chunk: [0; WORD],
                        filled: 0,
                        w: 0,
                        words,
                        planes,
                    }
                });
            }
        }
    }

    fn correct(&self, range: Range<usize>, first: usize, sums: &mut [Sums]) {
        let first = self.group * self.conv.group_outputs() + first;
        self.clipping.correct(self.conv, range, first, sums);
    }
}

impl Patches<'_> {
    fn pad_word(&self) -> u64 {
        match self.conv.pad_value() {
            PadValue::Zero | PadValue::MinusOne => 0,
            PadValue::PlusOne => u64::MAX,
        }
    }

    /// Writes the patches of all windows of the range, each by what `sink` makes of its rows.
    fn each<'r, S: Taps>(
        &self,
        range: Range<usize>,
        room: &'r mut [u64],
        rows: usize,
        sink: impl Fn(&'r mut [u64]) -> S,
    ) {
        let words = rows * row_words(self.conv.patch_len());
        for (row, window) in room.chunks_exact_mut(words).zip(windows(self.conv, range)) {
            window.walk(self.conv, sink(row));
        }
    }
}

/// Hands the left side of a group's product to `then`.
pub(super) fn with_samples<R>(
    patches: &Patches<'_>,
    samples: usize,
    then: impl FnOnce(&Samples<'_>) -> R,
) -> R {
    match patches.source {
        Source::Bits(bits) if patches.conv.is_pointwise() => then(&Samples::of_bits(bits)),
        source => {
            let k = patches.conv.patch_len();
            then(&Samples::of_gathered(patches, samples, k, source.depth()))
        }
    }
}

/// The columns of a group.
pub(super) fn columns_of(conv: &Conv2d, group: usize) -> Columns {
    Columns {
        rows: 0..conv.group_outputs(),
        first: group * conv.group_outputs(),
        origin: 0,
    }
}

/// Taps of whole words.
struct Words<'r, 'a> {
    bits: BitMatrixView<'a>,
    /// The first word of a pixel, and how many.
    first: usize,
    channels: usize,
    pad: u64,
    /// What is still to be written.
    row: &'r mut [u64],
}

impl<'r> Words<'r, '_> {
    fn next(&mut self, words: usize) -> &'r mut [u64] {
        let row = core::mem::take(&mut self.row);
        let (next, rest) = row.split_at_mut_checked(words).unwrap_or_default();
        self.row = rest;
        next
    }
}

impl Taps for Words<'_, '_> {
    #[inline]
    fn inside(&mut self, pixel: usize, count: usize) {
        let per_pixel = row_words(self.bits.cols());
        let from = pixel_words(self.bits, pixel, count);
        let to = self.next(count * self.channels);
        if self.channels == per_pixel {
            copy(from, to);
        } else {
            let to = to.chunks_exact_mut(self.channels);
            for (from, to) in from.chunks_exact(per_pixel).zip(to) {
                copy(from.get(self.first..).unwrap_or_default(), to);
            }
        }
    }

    #[inline]
    fn outside(&mut self, count: usize) {
        let pad = self.pad;
        self.next(count * self.channels).fill(pad);
    }

    fn finish(self) {}
}

/// Copies as many words as `to` has.
#[inline]
fn copy(from: &[u64], to: &mut [u64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Taps of any number of bits, one behind the other.
struct Bits<'r, 'a> {
    bits: BitMatrixView<'a>,
    /// The first bit of a pixel, and how many.
    first: usize,
    channels: usize,
    pad: u64,
    row: Appender<'r>,
}

impl Taps for Bits<'_, '_> {
    #[inline]
    fn inside(&mut self, pixel: usize, count: usize) {
        let per_pixel = row_words(self.bits.cols());
        let (skip, shift) = (self.first / WORD, self.first % WORD);
        let mask = last_word_mask(self.channels);
        for pixel in pixel_words(self.bits, pixel, count).chunks_exact(per_pixel) {
            let words = pixel.get(skip..).unwrap_or_default();
            if shift + self.channels <= WORD {
                let word = words.first().copied().unwrap_or_default();
                self.row.push(word >> shift & mask, self.channels);
                continue;
            }
            let mut left = self.channels;
            for (i, word) in words.iter().enumerate() {
                let next = words.get(i + 1).copied().unwrap_or_default();
                // Twice, because a shift by all 64 bits is none.
                let word = word >> shift | next << 1 << (WORD - 1 - shift);
                if left <= WORD {
                    self.row.push(word & mask, left);
                    break;
                }
                self.row.push(word, WORD);
                left -= WORD;
            }
        }
    }

    #[inline]
    fn outside(&mut self, count: usize) {
        let mut left = count * self.channels;
        while left > 0 {
            let bits = left.min(WORD);
            self.row.push(self.pad & last_word_mask(bits), bits);
            left -= bits;
        }
    }

    fn finish(self) {
        self.row.finish();
    }
}

/// Writes bits one behind the other.
struct Appender<'r> {
    row: core::slice::IterMut<'r, u64>,
    word: u64,
    /// Bits in `word`, less than 64.
    filled: usize,
}

impl<'r> Appender<'r> {
    fn new(row: &'r mut [u64]) -> Self {
        Self {
            row: row.iter_mut(),
            word: 0,
            filled: 0,
        }
    }

    /// Appends the lowest `count` bits, 1 to 64; the others are zero.
    #[inline]
    fn push(&mut self, bits: u64, count: usize) {
        self.word |= bits << self.filled;
        self.filled += count;
        if self.filled >= WORD {
            self.emit();
            self.filled -= WORD;
            // The bits that found no room; none if the word came out full.
            self.word = bits.checked_shr((count - self.filled) as u32).unwrap_or(0);
        }
    }

    #[inline]
    fn emit(&mut self) {
        if let Some(place) = self.row.next() {
            *place = self.word;
        }
    }

    fn finish(mut self) {
        if self.filled > 0 {
            self.emit();
        }
    }
}

/// Taps of bytes, split into bit planes 64 at a time. Outside the image they are zero, which is exact.
struct Bytes<'r, 'a> {
    x: &'a [u8],
    /// Bytes of a pixel.
    per_pixel: usize,
    /// The first byte of a pixel, and how many.
    first: usize,
    channels: usize,
    chunk: [u8; WORD],
    /// Bytes in `chunk`, less than 64.
    filled: usize,
    /// Chunks that are written.
    w: usize,
    /// Words of a plane.
    words: usize,
    planes: &'r mut [u64],
}

impl Bytes<'_, '_> {
    #[inline]
    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let to = self.chunk.get_mut(self.filled..).unwrap_or_default();
            let count = bytes.len().min(to.len());
            for (to, byte) in to.iter_mut().zip(bytes) {
                *to = *byte;
            }
            self.filled += count;
            self.flush_if(self.filled == WORD);
            bytes = bytes.get(count..).unwrap_or_default();
        }
    }

    fn flush_if(&mut self, full: bool) {
        if full {
            split_word(self.chunk, self.planes, self.words, self.w);
            self.w += 1;
            self.filled = 0;
            self.chunk = [0; WORD];
        }
    }
}

impl Taps for Bytes<'_, '_> {
    #[inline]
    fn inside(&mut self, pixel: usize, count: usize) {
        let pixels = self.x.get(pixel * self.per_pixel..).unwrap_or_default();
        if self.channels == self.per_pixel {
            self.push(pixels.get(..count * self.channels).unwrap_or_default());
            return;
        }
        for pixel in pixels.chunks(self.per_pixel).take(count) {
            let end = self.first + self.channels;
            self.push(pixel.get(self.first..end).unwrap_or_default());
        }
    }

    #[inline]
    fn outside(&mut self, count: usize) {
        let mut left = count * self.channels;
        while left > 0 {
            // The chunk is zero behind what fills it.
            let bytes = left.min(WORD - self.filled);
            self.filled += bytes;
            self.flush_if(self.filled == WORD);
            left -= bytes;
        }
    }

    fn finish(mut self) {
        self.flush_if(self.filled > 0);
    }
}
