//! Patches of bytes, as bit planes.

use core::ops::Range;

use crate::kernel::Kernel;
use crate::planes::MAX_DEPTH;
use crate::shape::{WORD, positive};
use crate::window::Taps;

/// Taps of bytes, split into bit planes 64 at a time. Outside the image they are zero, which is
/// exact.
pub(super) struct ByteTaps<'r, 'a> {
    split: fn(x: &[u8], planes: &mut [u64]),
    x: &'a [u8],
    /// Bytes of a pixel.
    per_pixel: usize,
    /// The channels to take.
    channels: Range<usize>,
    chunk: [u8; WORD],
    /// Bytes in `chunk`, less than 64.
    filled: usize,
    /// Chunks written so far.
    w: usize,
    /// Words of a plane.
    words: usize,
    planes: &'r mut [u64],
}

impl<'r, 'a> ByteTaps<'r, 'a> {
    /// Writes the given channels of pixels of `per_pixel` bytes to the rows of a patch, `words`
    /// words each.
    pub(super) fn new(
        kernel: &'a Kernel,
        x: &'a [u8],
        per_pixel: usize,
        channels: Range<usize>,
        words: usize,
        patch: &'r mut [u64],
    ) -> Self {
        let (zeros, planes) = patch.split_at_mut_checked(words).unwrap_or_default();
        zeros.fill(0);
        Self {
            split: kernel.packing().split,
            x,
            per_pixel,
            channels,
            chunk: [0; WORD],
            filled: 0,
            w: 0,
            words,
            planes,
        }
    }
}

impl ByteTaps<'_, '_> {
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
            let planes = self.planes.chunks_exact_mut(positive(self.words));
            let mut split = [0; MAX_DEPTH];
            let split = split.get_mut(..planes.len()).unwrap_or_default();
            (self.split)(&self.chunk, split);
            for (plane, split) in planes.zip(split) {
                if let Some(word) = plane.get_mut(self.w) {
                    *word = *split;
                }
            }
            self.w += 1;
            self.filled = 0;
            self.chunk = [0; WORD];
        }
    }
}

impl Taps for ByteTaps<'_, '_> {
    #[inline]
    fn inside(&mut self, pixel: usize, count: usize) {
        let pixels = self.x.get(pixel * self.per_pixel..).unwrap_or_default();
        if self.channels.len() == self.per_pixel {
            self.push(pixels.get(..count * self.per_pixel).unwrap_or_default());
            return;
        }
        for pixel in pixels.chunks(positive(self.per_pixel)).take(count) {
            self.push(pixel.get(self.channels.clone()).unwrap_or_default());
        }
    }

    #[inline]
    fn outside(&mut self, count: usize) {
        let mut left = count * self.channels.len();
        while left > 0 {
            // The chunk is zero after what fills it.
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
