//! The rows of the product that a convolution is: the patch of the image under each window, written
//! when its turn comes, a few windows at a time.

use core::ops::Range;

use super::clipping::Clipping;
use super::geometry::{Conv2d, PadValue};
use super::images::{Source, pixel_words};
use super::window::{Taps, lines};
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
                let (first, channels) = (first / WORD, channels / WORD);
                self.gather_words(bits, first, channels, range, room);
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
        let mut patches = room.chunks_exact_mut(words);
        for line in lines(self.conv, range) {
            for (ox, patch) in line.stops.clone().zip(&mut patches) {
                line.window(&self.conv.x, ox).walk(self.conv, sink(patch));
            }
        }
    }

    /// Writes the patches of the range where taps are the words `first..first + channels` of a pixel:
    /// one by one at the borders, tap by tap between them.
    fn gather_words(
        &self,
        bits: BitMatrixView<'_>,
        first: usize,
        channels: usize,
        range: Range<usize>,
        mut room: &mut [u64],
    ) {
        let (conv, pad) = (self.conv, self.pad_word());
        let words = row_words(conv.patch_len());
        for line in lines(conv, range) {
            let patches;
            (patches, room) = room
                .split_at_mut_checked(line.stops.len() * words)
                .unwrap_or_default();
            let whole = line.whole(&conv.x);
            let edges = (line.stops.start..whole.start).chain(whole.end..line.stops.end);
            for ox in edges {
                let at = (ox - line.stops.start) * words;
                let sink = Words {
                    bits,
                    first,
                    channels,
                    pad,
                    row: patches.get_mut(at..at + words).unwrap_or_default(),
                };
                line.window(&conv.x, ox).walk(conv, sink);
            }
            if whole.is_empty() {
                continue;
            }
            let at = (whole.start - line.stops.start) * words;
            let patches = patches
                .get_mut(at..at + whole.len() * words)
                .unwrap_or_default();
            let per_pixel = row_words(bits.cols());
            // Pixels side by side are one run where nothing lies between their words.
            let together = channels == per_pixel && conv.x.dilation == 1;
            let taps = if together { conv.x.kernel } else { 1 };
            for (run, kx) in (0..conv.taps())
                .step_by(taps)
                .map(|tap| (tap, tap % conv.x.kernel))
            {
                let ky = run / conv.x.kernel;
                let to = Runs {
                    words: patches,
                    at: run * channels,
                    step: words,
                };
                if !line.rows.contains(&ky) {
                    to.fill(taps * channels, pad);
                    continue;
                }
                let pixel = line.pixel(conv, ky, whole.start, kx);
                let from = bits
                    .words()
                    .get(pixel * per_pixel + first..)
                    .unwrap_or_default();
                to.copy(taps * channels, from, conv.x.stride * per_pixel);
            }
        }
    }
}

/// The same words of every patch.
struct Runs<'r> {
    words: &'r mut [u64],
    /// Where they begin in the first patch.
    at: usize,
    /// Words from patch to patch.
    step: usize,
}

impl Runs<'_> {
    /// Copies runs of `len` words that lie `from_step` apart.
    fn copy(self, len: usize, from: &[u64], from_step: usize) {
        match len {
            1 => self.copy_short::<1>(from, from_step),
            2 => self.copy_short::<2>(from, from_step),
            3 => self.copy_short::<3>(from, from_step),
            4 => self.copy_short::<4>(from, from_step),
            6 => self.copy_short::<6>(from, from_step),
            _ => {
                for (i, patch) in self.words.chunks_exact_mut(self.step).enumerate() {
                    let from = from.get(i * from_step..i * from_step + len);
                    let to = patch.get_mut(self.at..self.at + len);
                    if let (Some(to), Some(from)) = (to, from) {
                        to.copy_from_slice(from);
                    }
                }
            }
        }
    }

    /// Runs so short that a call of a copy routine would cost more than the copy.
    fn copy_short<const LEN: usize>(self, from: &[u64], from_step: usize) {
        for (i, patch) in self.words.chunks_exact_mut(self.step).enumerate() {
            let from = from
                .get(i * from_step..)
                .and_then(|from| from.first_chunk::<LEN>());
            let to = patch.get_mut(self.at..).and_then(|to| to.first_chunk_mut());
            if let (Some(to), Some(from)) = (to, from) {
                *to = *from;
            }
        }
    }

    fn fill(self, len: usize, word: u64) {
        for patch in self.words.chunks_exact_mut(self.step) {
            if let Some(to) = patch.get_mut(self.at..self.at + len) {
                to.fill(word);
            }
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
        let words = self.bits.words().get(pixel * per_pixel + skip..);
        let words = words.unwrap_or_default();
        let word = |i: usize| words.get(i).copied().unwrap_or_default();
        if shift + self.channels <= WORD {
            let tap = |i: usize| word(i * per_pixel) >> shift & mask;
            if count * self.channels <= WORD {
                // Few enough to be joined before they are appended.
                let joined = (0..count).fold(0, |joined, i| joined | tap(i) << (i * self.channels));
                self.row.push(joined, count * self.channels);
            } else {
                (0..count).for_each(|i| self.row.push(tap(i), self.channels));
            }
            return;
        }
        for i in 0..count {
            let mut at = i * per_pixel;
            let mut left = self.channels;
            while left > 0 {
                let bits = left.min(WORD);
                let next = if shift + bits > WORD { word(at + 1) } else { 0 };
                // Twice, because a shift by all 64 bits is none.
                let tap = word(at) >> shift | next << 1 << (WORD - 1 - shift);
                self.row.push(tap & last_word_mask(bits), bits);
                left -= bits;
                at += 1;
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
