//! The left rows of a convolution's product: the patch of the image under each window, gathered for
//! a few windows at a time.

use core::ops::Range;

use super::byte_taps::ByteTaps;
use super::clipping::ClipTable;
use super::images::PackedImages;
use super::runs::{Bits, Runs};
use crate::bits::BitMatrixView;
use crate::conv::geometry::{Conv2d, PadValue};
use crate::gemm::gather::Gather;
use crate::gemm::output::Columns;
use crate::gemm::samples::Samples;
use crate::kernel::{Kernel, Sums};
use crate::shape::{WORD, positive, row_words};
use crate::window::{Line, lines};

/// The patches of one group of channels.
pub(super) struct Patches<'a> {
    pub(super) conv: &'a Conv2d,
    pub(super) source: PackedImages<'a>,
    pub(super) group: usize,
    /// The corrections of sums, if needed.
    pub(super) clips: Option<&'a ClipTable>,
}

impl Gather for Patches<'_> {
    fn gather(&self, kernel: &Kernel, range: Range<usize>, mut room: &mut [u64]) {
        let words = self.source.rows_per_sample() * row_words(self.conv.patch_len());
        for line in lines(self.conv.windows(), range) {
            let patches;
            (patches, room) = room
                .split_at_mut_checked(line.stops.len() * words)
                .unwrap_or_default();
            match self.source {
                PackedImages::Bits(bits) => {
                    patches.fill(0);
                    self.gather_bits(bits, &line, patches);
                }
                PackedImages::Bytes { x, .. } => {
                    self.gather_bytes(kernel, x, &line, patches, words)
                }
            }
        }
    }

    fn correct(&self, range: Range<usize>, first: usize, sums: &mut [Sums]) {
        if let Some(clips) = self.clips {
            let first = self.group * self.conv.group_outputs() + first;
            clips.correct(self.conv.windows(), range, first, sums);
        }
    }
}

impl Patches<'_> {
    /// Writes the patches of a line, which must be zero. A tap has the same place in every patch,
    /// and its pixels are equally spaced, so that the patches of a line are written tap by tap.
    #[inline(never)] // its stack is its own
    fn gather_bits(&self, bits: BitMatrixView<'_>, line: &Line, patches: &mut [u64]) {
        let (conv, x) = (self.conv, &self.conv.windows().x);
        let per_tap = conv.group_channels();
        let first = self.group * per_tap;
        let per_pixel = row_words(bits.cols());
        let mut runs = Runs {
            patches,
            words: row_words(conv.patch_len()),
        };
        // The windows of these stops get the `count` taps from `(ky, kx)` on.
        let mut copy = |stops: Range<usize>, ky: usize, kx: usize, count: usize| {
            if stops.is_empty() {
                return;
            }
            let pixel = line.pixel(conv.windows(), ky, stops.start, kx) * per_pixel;
            let from = Bits {
                words: bits.words().get(pixel..).unwrap_or_default(),
                at: first,
                // A stride that does not fit is wider than the image, and never taken.
                step: x.stride.saturating_mul(per_pixel),
            };
            let to = (ky * x.kernel + kx) * per_tap;
            runs.copy(line.place(stops), to, count * per_tap, from);
        };
        // Where nothing lies between the bits of pixels side by side, they are copied together.
        let together = x.dilation == 1 && per_tap == per_pixel * WORD;
        let whole = match together {
            true => line.whole(x),
            false => line.stops.start..line.stops.start,
        };
        for ky in line.rows.clone() {
            copy(whole.clone(), ky, 0, x.kernel);
        }
        if whole.len() < line.stops.len() {
            for kx in 0..x.kernel {
                let inside = line.inside(x, kx);
                for ky in line.rows.clone() {
                    copy(inside.start..inside.end.min(whole.start), ky, kx, 1);
                    copy(inside.start.max(whole.end)..inside.end, ky, kx, 1);
                }
            }
        }
        if conv.pad_value() == PadValue::PlusOne {
            self.set_outside(line, &mut runs);
        }
    }

    /// Sets the bits of all taps outside the image.
    fn set_outside(&self, line: &Line, runs: &mut Runs<'_>) {
        let (conv, x) = (self.conv, &self.conv.windows().x);
        let (per_tap, width) = (conv.group_channels(), positive(x.kernel));
        for tap in 0..conv.windows().taps() {
            let inside = match line.rows.contains(&(tap / width)) {
                true => line.inside(x, tap % width),
                false => line.stops.start..line.stops.start,
            };
            for stops in [line.stops.start..inside.start, inside.end..line.stops.end] {
                runs.set(line.place(stops), tap * per_tap, per_tap);
            }
        }
    }

    /// Writes the patches of a line, `words` words each.
    #[inline(never)] // its stack is its own
    fn gather_bytes(
        &self,
        kernel: &Kernel,
        x: &[u8],
        line: &Line,
        patches: &mut [u64],
        words: usize,
    ) {
        let conv = self.conv;
        let channels = conv.group_channels();
        let first = self.group * channels;
        let patches = patches.chunks_exact_mut(positive(words));
        for (ox, patch) in line.stops.clone().zip(patches) {
            let taps = ByteTaps::new(
                kernel,
                x,
                conv.channels(),
                first..first + channels,
                row_words(conv.patch_len()),
                patch,
            );
            line.window(&conv.windows().x, ox)
                .walk(conv.windows(), taps);
        }
    }
}

/// Calls `then` with the left side of a group's product.
pub(super) fn with_samples<R>(
    patches: &Patches<'_>,
    samples: usize,
    then: impl FnOnce(&Samples<'_>) -> R,
) -> R {
    match patches.source {
        PackedImages::Bits(bits) if patches.conv.is_pointwise() => then(&Samples::of_bits(bits)),
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
