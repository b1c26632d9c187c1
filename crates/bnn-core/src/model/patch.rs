//! One row of a convolution's output, pixel by pixel, in the memory of one or two patches and in
//! little code, for firmware. (`conv::product` convolves many images at once.)

use core::ops::Range;

use super::io::Input;
use super::layer::InputType;
use super::reader::LayerWeights;
use crate::bits::BitMatrixView;
use crate::bits::bits_at;
use crate::conv::{Conv2d, PadValue};
use crate::gemm::Resolved;
use crate::kernel::{Kernel, NR};
use crate::shape::{last_word_mask, row_len, row_words};

/// Bits of half a word: a 32-bit core shifts them by one instruction.
const HALF: usize = u32::BITS as usize;

/// A convolution to one row of pixels.
pub(super) struct PatchRow<'r> {
    pub(super) conv: &'r Conv2d,
    pub(super) layer: &'r LayerWeights<'r>,
    /// The rows of the image under the windows.
    pub(super) pixels: Input<'r>,
}

impl PatchRow<'_> {
    /// Computes all sums, in the words that `plan::needs` says. `finish` gets them, a few at a
    /// time: the pixel, the number of the first output, and the sums. It is handed over by
    /// reference, so that the loops exist once and not for every epilogue.
    pub(super) fn compute(
        &self,
        work: &mut [u64],
        kernel: &'static Kernel,
        finish: &mut dyn FnMut(usize, usize, &[i32]),
    ) {
        let conv = self.conv;
        let (n, k) = (conv.group_outputs(), conv.patch_len());
        let groups = self.layer.weights.words();
        let groups = groups.chunks_exact((n * row_words(k)).max(1));
        for (group, filters) in groups.enumerate() {
            let weights = Resolved::canonical(BitMatrixView::trusted(filters, n, k), kernel);
            let [_, pixels] = conv.windows().output_size();
            for ox in 0..pixels {
                let place = Patch {
                    row: self,
                    group,
                    ox,
                };
                let (patch, other) = place.write(work);
                weights.outputs(patch, &mut |first, sums| {
                    let first_output = group * n + first;
                    if other.is_empty() {
                        return finish(ox, first_output, sums);
                    }
                    let mut both = [0; NR]; // every one that is used is written before
                    let both = both.get_mut(..sums.len()).unwrap_or_default();
                    weights.sums(other, first, both);
                    for (both, sum) in both.iter_mut().zip(sums) {
                        // Halfway, without leaving `i32`; both have the parity of k.
                        *both = (*both & sum) + ((*both ^ sum) >> 1);
                    }
                    finish(ox, first_output, both);
                });
            }
        }
    }
}

/// The window over one pixel of the output, of one group of channels.
struct Patch<'l> {
    row: &'l PatchRow<'l>,
    group: usize,
    ox: usize,
}

impl Patch<'_> {
    /// Writes the patch under the window: a row of signs, or a row of zeros and bit planes (see
    /// [`Planes`](crate::Planes)).
    ///
    /// Taps outside the image are -1 or +1. If the padding is zero, there are two patches, with -1
    /// and with +1 there, and the sums are halfway between the two results. Integers are 0 outside
    /// the image.
    fn write<'w>(&self, work: &'w mut [u64]) -> (&'w [u64], &'w [u64]) {
        let conv = self.row.conv;
        let words = row_len(conv.patch_len());
        let rows = match self.row.layer.input {
            InputType::Unsigned { depth } => usize::from(depth) + 1,
            _ => 1,
        };
        let (patch, rest) = work.split_at_mut_checked(rows * words).unwrap_or_default();
        self.fill(patch, conv.pad_value() == PadValue::PlusOne);
        let [inside_y, inside_x] = self.inside();
        let is_whole = inside_y.len() * inside_x.len() == conv.windows().taps();
        if is_whole || rows > 1 || conv.pad_value() != PadValue::Zero {
            return (patch, &[]);
        }
        let other = rest.get_mut(..words).unwrap_or_default();
        self.fill(other, true);
        (patch, other)
    }

    /// The taps inside the image, vertically and horizontally.
    fn inside(&self) -> [Range<usize>; 2] {
        let conv = self.row.conv;
        [conv.windows().y.inside(0), conv.windows().x.inside(self.ox)]
    }

    /// A patch, all outside the image `outside`.
    fn fill(&self, patch: &mut [u64], outside: bool) {
        let conv = self.row.conv;
        patch.fill(if outside { u64::MAX } else { 0 });
        if let Some(last) = patch.last_mut() {
            *last &= last_word_mask(conv.patch_len());
        }
        let patch = bytemuck::cast_slice_mut(patch);
        let (y, x) = (conv.windows().y, conv.windows().x);
        let [rows, cols] = self.inside();
        for ky in rows {
            for kx in cols.clone() {
                let tap = ky * x.kernel + kx;
                let pixel = y.pixel(0, ky) * x.input + x.pixel(self.ox, kx);
                self.copy(patch, tap * conv.group_channels(), pixel, outside);
            }
        }
    }

    /// Copies the elements of a pixel to the patch, from element `at` on, where all bits are
    /// `outside`.
    fn copy(&self, patch: &mut [u32], at: usize, pixel: usize, outside: bool) {
        let conv = self.row.conv;
        let (count, channels) = (conv.group_channels(), conv.channels());
        let first = self.group * count;
        match self.row.pixels {
            Input::Bits(image) => {
                let words = image.get(pixel * row_words(channels)..).unwrap_or_default();
                copy_bits(patch, at, bytemuck::cast_slice(words), first, count);
            }
            Input::Bytes(image) => {
                let thresholds = self.row.layer.input_thresholds;
                let per_row = 2 * row_len(conv.patch_len());
                // After the row of zeros.
                let plane = if thresholds.is_empty() { per_row } else { 0 };
                let bytes = image.get(pixel * channels + first..).unwrap_or_default();
                for (i, byte) in bytes.iter().take(count).enumerate() {
                    let (mut place, shift) = (plane + (at + i) / HALF, (at + i) % HALF);
                    // The bits that differ from those already there.
                    let mut flips = match thresholds.get(first + i) {
                        Some(threshold) => u8::from((byte >= threshold) != outside),
                        None => *byte,
                    };
                    while flips != 0 {
                        if let Some(half) = patch.get_mut(place) {
                            *half ^= u32::from(flips & 1) << shift;
                        }
                        flips >>= 1;
                        place += per_row;
                    }
                }
            }
        }
    }
}

/// Copies `count` bits from bit `start` of `from` on to bit `at` of `to` on.
fn copy_bits(to: &mut [u32], mut at: usize, from: &[u32], mut start: usize, count: usize) {
    let end = at + count;
    while at < end {
        let shift = at % HALF;
        let used = (HALF - shift).min(end - at);
        let mask = u32::MAX >> (HALF - used) << shift;
        let bits = bits_at(from, start, used);
        if let Some(half) = to.get_mut(at / HALF) {
            *half = *half & !mask | bits << shift;
        }
        at += used;
        start += used;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_are_copied_from_anywhere_to_anywhere_and_no_others_change(
            from: [u32; 5], before: [u32; 5], at in 0_usize..100, start in 0_usize..100,
            count in 0_usize..60,
        ) {
            let bit = |of: &[u32], i: usize| of[i / 32] >> (i % 32) & 1;
            let mut to = before;
            copy_bits(&mut to, at, &from, start, count);
            for i in 0..160_usize {
                let expected = match i.checked_sub(at) {
                    Some(place) if place < count => bit(&from, start + place),
                    _ => bit(&before, i),
                };
                prop_assert_eq!(bit(&to, i), expected, "bit {}", i);
            }
        }
    }
}
