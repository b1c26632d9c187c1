//! Copies of the rows under a block of windows, with their padding.

use alloc::vec::Vec;
use core::ops::Range;

use bytemuck::{cast_slice, cast_slice_mut};

use super::super::images::{PackedImages, pixel_words};
use super::{DirectProduct, Elements};
use crate::conv::geometry::{Conv2d, PadValue};
use crate::kernel::windows::{BlockWindow, GROUP};
use crate::shape::{last_word_mask, positive, row_words};
use crate::window::Windows;

/// Bytes of a block of images, unless the rows under one row of windows take more: they stay in an
/// L1 cache.
const BLOCK: usize = 32 << 10;
/// Windows of a block, unless a row of them has more.
const WINDOWS: usize = 1 << 10;

/// Groups of a pixel of bits.
pub(super) fn groups_of(channels: usize) -> usize {
    channels.div_ceil(8 * GROUP)
}

/// How images are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Staging {
    /// Bytes of a pixel.
    pixel: usize,
    /// Bytes of a row with its padding.
    row: usize,
    /// Rows of windows of an image in one block, at most.
    lines: usize,
}

impl Staging {
    /// `None`: rows are too long for the offsets of groups.
    pub(super) fn new(elements: Elements, conv: &Conv2d) -> Option<Self> {
        let Windows { y, x } = conv.windows();
        if !conv.windows().is_moderate() {
            return None;
        }
        let pixel = match elements {
            Elements::Bits => GROUP * groups_of(conv.channels()),
            Elements::Bytes => conv.channels(),
        };
        let row = pixel.checked_mul(x.before + x.input + x.after())?;
        // The rows under a row of windows, and a block beside them.
        let rows = row.checked_mul(y.extent())?;
        i32::try_from(rows.checked_add(BLOCK)?).ok()?;
        let of_bytes = (BLOCK / positive(row)).saturating_sub(y.extent()) / positive(y.stride) + 1;
        let of_windows = WINDOWS / positive(x.output);
        Some(Self {
            pixel,
            row,
            lines: of_bytes.min(of_windows).max(1),
        })
    }

    /// Bytes from a pixel to the one that is `rows` rows below and `cols` columns to its right.
    pub(super) fn offset(&self, rows: usize, cols: usize) -> usize {
        rows * self.row + cols * self.pixel
    }

    /// Copies what lies under the first windows of `range`, output pixels of the batch, as many as
    /// make a block; writes the block's bytes and windows, and returns the first window after it.
    pub(super) fn stage<F>(
        &self,
        product: &DirectProduct<'_, F>,
        range: Range<usize>,
        bytes: &mut Vec<u64>,
        windows: &mut Vec<BlockWindow>,
    ) -> usize {
        let conv = product.conv;
        let Windows { y, x } = conv.windows();
        let (width, each) = (positive(x.output), positive(conv.windows().output_pixels()));
        windows.clear();
        let (mut at, mut used) = (range.start, 0);
        while at < range.end {
            // Rows of windows of one image.
            let (image, first) = (at / each, at % each / width);
            let end = (image * each + (first + self.lines) * width).min((image + 1) * each);
            let end = end.min(range.end);
            let lines = first..(end - 1) % each / width + 1;
            let rows = (lines.len() - 1) * y.stride + y.extent();
            let full = used + rows * self.row > BLOCK || windows.len() + (end - at) > WINDOWS;
            if full && at > range.start {
                break;
            }
            // A group may reach past the last row.
            let needed = (used + rows * self.row + GROUP).div_ceil(size_of::<u64>());
            if bytes.len() < needed {
                bytes.resize(needed, 0);
            }
            let to = cast_slice_mut::<u64, u8>(bytes);
            let to = to.get_mut(used..used + rows * self.row).unwrap_or_default();
            for (row, to) in to.chunks_exact_mut(positive(self.row)).enumerate() {
                self.copy_row(
                    conv,
                    product.source,
                    image,
                    lines.start * y.stride + row,
                    to,
                );
            }
            for line in lines.clone() {
                let row = used + (line - lines.start) * y.stride * self.row;
                let start = image * each + line * width;
                let stops = at.max(start) - start..end.min(start + width) - start;
                let mut push = |stops: Range<usize>, way| {
                    windows.extend(stops.map(|ox| BlockWindow {
                        first: (row + ox * x.stride * self.pixel) as u32,
                        way,
                    }));
                };
                match &product.direct.clips {
                    None => push(stops, 0),
                    Some(clips) => {
                        let line = clips.line(line);
                        line.runs(stops).for_each(|(stops, way)| push(stops, way));
                    }
                }
            }
            used += rows * self.row;
            at = end;
        }
        at
    }

    /// Copies row `row` of a padded image.
    fn copy_row(
        &self,
        conv: &Conv2d,
        source: PackedImages<'_>,
        image: usize,
        row: usize,
        to: &mut [u8],
    ) {
        let Windows { y, x } = conv.windows();
        let padding = match (source, conv.pad_value()) {
            (PackedImages::Bits(_), PadValue::PlusOne) => Some(conv.channels()),
            _ => None,
        };
        let pad = |to: &mut [u8]| match padding {
            Some(channels) => {
                for pixel in to.chunks_exact_mut(self.pixel) {
                    ones(channels, cast_groups(pixel));
                }
            }
            None => to.fill(0),
        };
        let from = row.checked_sub(y.before).filter(|row| *row < y.input);
        let Some(from) = from else {
            pad(to);
            return;
        };
        let (before, rest) = to
            .split_at_mut_checked(x.before * self.pixel)
            .unwrap_or_default();
        let (to, after) = rest
            .split_at_mut_checked(x.input * self.pixel)
            .unwrap_or_default();
        pad(before);
        pad(after);
        let first = (image * y.input + from) * x.input;
        match source {
            PackedImages::Bits(bits) => {
                copy_bits(
                    pixel_words(bits, first, x.input),
                    conv.channels(),
                    cast_groups(to),
                );
            }
            PackedImages::Bytes { x, .. } => {
                if let Some(x) = x.get(first * self.pixel..).and_then(|x| x.get(..to.len())) {
                    to.copy_from_slice(x);
                }
            }
        }
    }
}

/// Groups that lie where words begin, or halves of words.
fn cast_groups(bytes: &mut [u8]) -> &mut [u32] {
    bytemuck::try_cast_slice_mut(bytes).unwrap_or_default()
}

/// Copies pixels of whole words to whole groups.
fn copy_bits(words: &[u64], channels: usize, to: &mut [u32]) {
    let (per_pixel, groups) = (positive(row_words(channels)), positive(groups_of(channels)));
    let from = cast_slice::<u64, u32>(words);
    if groups == 2 * per_pixel {
        if let Some(from) = from.get(..to.len()) {
            to.copy_from_slice(from);
        }
        return;
    }
    if let (1, words) = (groups, words) {
        for (to, word) in to.iter_mut().zip(words) {
            *to = *word as u32;
        }
        return;
    }
    for (to, from) in to
        .chunks_exact_mut(groups)
        .zip(from.chunks_exact(2 * per_pixel))
    {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
    }
}

/// A pixel whose channels are all 1.
fn ones(channels: usize, pixel: &mut [u32]) {
    pixel.fill(u32::MAX);
    if let (Some(last), 1..) = (pixel.last_mut(), channels % 32) {
        *last = last_word_mask(channels % 32) as u32;
    }
}
