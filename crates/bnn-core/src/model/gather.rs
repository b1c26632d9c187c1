//! What lies under a window: gathered, or multiplied on the way.

use core::ops::Range;

use super::io::{Input, reach};
use super::layer::InputType;
use super::moved::move_to_front;
use super::patch::{HALF, Patch};
use super::reader::LayerWeights;
use crate::bits::bits_at;
use crate::conv::{Conv2d, PadValue};
use crate::gemm::Resolved;
use crate::gemm::byte_tables::ByteTables;
use crate::kernel::{Kernel, subtract_mismatches};
use crate::shape::positive;
use crate::window::Windows;

/// Whether taps of whole quarters of words are copied too: graphs are worth the code.
const QUARTERS: bool = cfg!(feature = "graph");
/// Bits of a quarter of a word.
const QUARTER: usize = HALF / 2;

/// A convolution to one row of pixels.
pub(super) struct PatchRow<'r> {
    pub(super) conv: &'r Conv2d,
    pub(super) layer: &'r LayerWeights<'r>,
    /// The rows of the image under the windows.
    pub(super) pixels: Input<'r>,
}

/// The window over one pixel of the output, of one group of channels.
pub(super) struct PatchWindow<'l> {
    pub(super) row: &'l PatchRow<'l>,
    pub(super) windows: &'l Windows,
    /// From pixel to pixel of the image: bytes, or words of 32 bits.
    pub(super) pixel_len: usize,
    /// The first channel of the group.
    pub(super) channel: usize,
    /// Channels of the group.
    pub(super) channels: usize,
    /// The taps inside the image, vertically and horizontally.
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
    /// Where the pixel under the first tap lies, or would lie, in the image.
    pub(super) at: usize,
    /// The first tap of each row that was not under the window before.
    pub(super) from: usize,
}

/// The way in which the elements under a window are taken.
#[derive(Clone, Copy)]
pub(super) enum Taken {
    /// Bytes, which are multiplied where they are.
    Bytes,
    /// A patch of bits.
    Whole,
    /// The part of a patch inside the image, taps of whole words of 32 bits; around it there are
    /// zeros.
    Inside,
    /// Two patches, with -1 and with +1 where zeros are around the image: the sums are halfway
    /// between those of both.
    Twice,
}

impl PatchWindow<'_> {
    /// Gathers the bits under the window in `patch`, and in `other` if they are needed twice.
    #[inline(never)]
    pub(super) fn take(&self, kernel: &Kernel, patch: &mut [u64], other: &mut [u64]) -> Taken {
        if let InputType::Unsigned { .. } = self.row.layer.input {
            return Taken::Bytes;
        }
        let pad_value = self.row.conv.pad_value();
        if self.from > 0 {
            let gone = (self.windows.x.kernel - self.from) * self.channels / 8;
            move_to_front(bytemuck::cast_slice_mut(patch), gone);
        }
        self.gather(self.from, patch, pad_value == PadValue::PlusOne);
        let is_whole = self.rows.len() * self.cols.len() == self.windows.taps();
        let halves = self.channels.is_multiple_of(HALF) && kernel.counts_by_arithmetic();
        match (pad_value == PadValue::Zero, is_whole) {
            (true, _) if halves => Taken::Inside,
            (true, false) => {
                self.gather(0, other, true);
                Taken::Twice
            }
            _ => Taken::Whole,
        }
    }

    /// Writes a patch, all outside the image `outside`.
    fn gather(&self, from: usize, patch: &mut [u64], outside: bool) {
        match self.row.pixels {
            Input::Bits(image) if QUARTERS && self.channels % HALF == QUARTER => {
                self.copy_taps(from, bytemuck::cast_slice(image), patch, outside);
            }
            _ => self.walk(from, Sink::Patch(Patch::new(patch, outside))),
        }
    }

    /// Writes a patch whose taps are whole quarters of words.
    #[inline(never)]
    fn copy_taps(&self, from: usize, image: &[u16], patch: &mut [u64], outside: bool) {
        let (y, x) = (&self.windows.y, &self.windows.x);
        let outside = if outside { u16::MAX } else { 0 };
        let len = positive(self.channels / QUARTER);
        let patch = bytemuck::cast_slice_mut(patch).split_at_mut_checked(self.windows.taps() * len);
        let (patch, after): (&mut [u16], &mut [u16]) = patch.unwrap_or_default();
        let mut taps = patch.chunks_exact_mut(len);
        let mut line = self.at;
        for ky in 0..y.kernel {
            if from > 0 {
                taps.nth(from - 1);
            }
            let mut at = line.wrapping_add(from * self.pixel_len);
            let has_row = ky.wrapping_sub(self.rows.start) < self.rows.len();
            for kx in from..x.kernel {
                let is_inside = has_row && kx.wrapping_sub(self.cols.start) < self.cols.len();
                let pixel = is_inside.then(|| image.get(2 * at + self.channel / QUARTER..));
                let mut pixel = pixel.flatten().unwrap_or_default().iter();
                for to in taps.next().unwrap_or_default() {
                    *to = pixel.next().copied().unwrap_or(outside);
                }
                at = at.wrapping_add(x.dilation * self.pixel_len);
            }
            line = line.wrapping_add(y.dilation * x.input * self.pixel_len);
        }
        for after in after {
            *after = 0;
        }
    }

    /// Walks over the taps, in the order of a filter's elements, and hands on what lies under them.
    #[inline(never)]
    pub(super) fn walk(&self, from: usize, mut to: Sink<'_, '_>) {
        let (y, x) = (&self.windows.y, &self.windows.x);
        let mut line = self.at;
        for ky in 0..y.kernel {
            if let Sink::Patch(patch) = &mut to
                && from > 0
            {
                patch.halves.nth(from * self.channels / HALF - 1);
            }
            let mut at = line.wrapping_add(from * self.pixel_len);
            for kx in from..x.kernel {
                let is_inside = ky.wrapping_sub(self.rows.start) < self.rows.len()
                    && kx.wrapping_sub(self.cols.start) < self.cols.len();
                let first = is_inside.then_some(at);
                match (&mut to, self.row.pixels) {
                    (Sink::Tables(product), Input::Bytes(image)) => {
                        let bytes = first.and_then(|first| image.get(first + self.channel..));
                        let bytes = bytes.unwrap_or_default();
                        for i in 0..self.channels {
                            product.push(bytes.get(i).copied().unwrap_or_default());
                        }
                    }
                    (Sink::Patch(patch), _) => self.append(patch, first),
                    _ => {} // bits are no bytes
                }
                at = at.wrapping_add(x.dilation * self.pixel_len);
            }
            line = line.wrapping_add(y.dilation * x.input * self.pixel_len);
        }
        match to {
            Sink::Patch(patch) => patch.finish(),
            Sink::Tables(product) => product.finish(),
        }
    }

    /// Whether taps stay in a patch as windows move on: whole parts of words do.
    pub(super) fn slides(&self) -> bool {
        let x = &self.windows.x;
        let quarters = QUARTERS && matches!(self.row.pixels, Input::Bits(_));
        let part = if quarters { QUARTER } else { HALF };
        x.dilation == 1 && x.stride < x.kernel && self.channels.is_multiple_of(part)
    }

    /// Appends the elements of the pixel at `first`, or of one outside the image.
    #[inline(always)]
    fn append(&self, patch: &mut Patch<'_>, first: Option<usize>) {
        let mut channel = self.channel;
        let end = channel + self.channels;
        if let Input::Bits(image) = self.row.pixels
            && self.channels.is_multiple_of(HALF)
        {
            // Whole words of 32 bits, and so is all that lies before them.
            let image: &[u32] = bytemuck::cast_slice(image);
            let from = first.and_then(|first| image.get(first + channel / HALF..));
            let mut from = from.unwrap_or_default().iter();
            for place in patch.halves.by_ref().take(self.channels / HALF) {
                *place = from.next().copied().unwrap_or(patch.outside);
            }
            return;
        }
        while channel < end {
            let used = HALF.min(end - channel);
            let bits = match (first, self.row.pixels) {
                (None, _) => patch.outside >> (HALF - used),
                (Some(first), Input::Bits(image)) => {
                    let image: &[u32] = bytemuck::cast_slice(image);
                    bits_at(image.get(first..).unwrap_or_default(), channel, used)
                }
                (Some(first), Input::Bytes(image)) => {
                    let bytes = image.get(first + channel..).unwrap_or_default();
                    let bytes = bytes.get(..used).unwrap_or_default();
                    let thresholds = self.row.layer.input_thresholds.get(channel..);
                    let mut bits = [0];
                    reach(bytes, thresholds.unwrap_or_default(), &mut bits);
                    bits[0] as u32
                }
            };
            patch.append(bits, used);
            channel += used;
        }
    }

    /// The products of a patch with the filters from `first` on, as many as there are sums, without
    /// what lies outside the image. A tap is whole words of 32 bits.
    #[inline(never)]
    pub(super) fn multiply_inside(
        &self,
        patch: &[u64],
        weights: &Resolved<'_>,
        first: usize,
        sums: &mut [i32],
    ) {
        let weights = weights.canonical_rows(first, patch.len());
        let [patch, weights]: [&[u32]; 2] = [patch, weights].map(bytemuck::cast_slice);
        let width = self.windows.x.kernel;
        let (mut rows, mut taps) = (self.rows.len(), self.cols.len());
        sums.fill((rows * taps * self.channels) as i32);
        if taps == width {
            // Rows of taps follow each other.
            (rows, taps) = (1, rows * taps);
        }
        let tap_len = self.channels / HALF;
        let mut at = (self.rows.start * width + self.cols.start) * tap_len;
        for _ in 0..rows {
            subtract_mismatches(patch, weights, at..at + taps * tap_len, sums);
            at += width * tap_len;
        }
    }
}

/// The destination of the elements under a window.
pub(super) enum Sink<'w, 's> {
    Patch(Patch<'w>),
    /// Bytes are multiplied as they come; around the image they are zeros.
    Tables(ByteTables<'s>),
}
