//! Depthwise convolution: every output depends on one channel, so that a matrix product has nothing
//! to share. Instead, the 64 channels of a word are counted side by side: where a tap's word of the
//! image differs from that of the filters, vertical counters (one word per binary digit) are
//! incremented.

mod bytes;
mod counting;
mod threshold;

use alloc::vec::Vec;
use core::ops::Range;

use bytes::ByteSums;
use counting::{count, taps_counted};
pub(super) use threshold::DepthwiseBits;

use super::images::PackedImages;
use super::vertical::Counters;
use crate::bits::BitMatrixView;
use crate::conv::geometry::Conv2d;
use crate::error::Error;
use crate::gemm::epilogue::{Tile, TileEpilogue};
use crate::gemm::output::{Columns, Grain, OutputRows, TiledOutput};
use crate::kernel::NR;
use crate::kernel::{Kernel, Sums};
use crate::memory;
use crate::shape::{WORD, matrix_words, mul, positive, row_words};
use crate::window::{Window, lines};

memory::lent!(static SUMS: Vec<i32>);

/// Words of 64 channels that are counted together, if there are as many.
const TOGETHER: usize = 4;

/// Words of the filters as [`arrange`] writes them.
pub(super) fn words(conv: &Conv2d) -> Result<usize, Error> {
    let rows = mul(
        "rows of depthwise filters",
        conv.group_outputs(),
        conv.windows().taps(),
    )?;
    matrix_words(rows, conv.channels())
}

/// Room for the sums of an output pixel, with whole tiles for the epilogues.
pub(super) fn sums_len(conv: &Conv2d) -> usize {
    conv.outputs().next_multiple_of(NR)
}

/// Turns filters `[channels * multiplier, taps]` into `[multiplier][tap][word of channels]`.
pub(super) fn arrange(conv: &Conv2d, filters: BitMatrixView<'_>, to: &mut [u64]) {
    to.fill(0);
    let per_tap = row_words(conv.channels());
    let passes = to.chunks_exact_mut(positive(conv.windows().taps() * per_tap));
    for (pass, taps) in passes.enumerate() {
        let filters = filters
            .iter_rows()
            .skip(pass)
            .step_by(positive(conv.group_outputs()));
        for (channel, filter) in filters.enumerate() {
            for (tap, words) in taps.chunks_exact_mut(positive(per_tap)).enumerate() {
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

/// A depthwise convolution.
#[derive(Clone, Copy)]
pub(super) struct Depthwise<'p> {
    pub(super) conv: &'p Conv2d,
    pub(super) source: PackedImages<'p>,
    /// The filters in the layout that [`arrange`] writes.
    pub(super) filters: &'p [u64],
}

/// A depthwise convolution with its epilogue.
pub(super) struct WithEpilogue<'p, E> {
    pub(super) depthwise: Depthwise<'p>,
    pub(super) samples: usize,
    /// Whose epilogues are used.
    pub(super) kernel: &'static Kernel,
    pub(super) epilogue: &'p E,
}

impl<E: TileEpilogue> TiledOutput for WithEpilogue<'_, E> {
    type Elem = E::Elem;

    fn shape(&self) -> [usize; 2] {
        [self.samples, self.depthwise.conv.outputs()]
    }

    fn grain(&self) -> Grain {
        grain(self.samples, self.depthwise.filters)
    }

    fn part(&self, range: Range<usize>, _: &Columns, out: &mut impl OutputRows<E::Elem>) {
        let conv = self.depthwise.conv;
        SUMS.lend(|sums| {
            sums.resize(sums_len(conv), 0);
            self.sum_all(range, sums, out);
        });
    }
}

impl<E: TileEpilogue> WithEpilogue<'_, E> {
    /// Writes the outputs of the windows `range`, with `sums` to work in.
    fn sum_all(&self, range: Range<usize>, sums: &mut [i32], out: &mut impl OutputRows<E::Elem>) {
        let conv = self.depthwise.conv;
        let (n, epilogues) = (conv.outputs(), self.kernel.epilogues());
        let mut samples = 0..;
        for line in lines(conv.windows(), range) {
            for (ox, sample) in line.stops.clone().zip(&mut samples) {
                self.depthwise
                    .sum(&line.window(&conv.windows().x, ox), sums);
                let (panels, _) = sums.as_chunks::<NR>();
                for (panel, col) in panels.iter().zip((0..n).step_by(NR)) {
                    let tile = Tile {
                        epilogues,
                        sums: &[Sums(*panel)],
                        used: NR.min(n - col),
                        first: sample,
                        col,
                        at: col,
                    };
                    self.epilogue.tile(&tile, out);
                }
            }
        }
    }
}

/// How a depthwise convolution is divided among threads.
fn grain(samples: usize, filters: &[u64]) -> Grain {
    Grain {
        // Counting a tap of 64 channels and its share of the sums costs some eight word products.
        work: samples.saturating_mul(8 * filters.len()),
        samples: 1,
        columns: None,
    }
}

impl Depthwise<'_> {
    /// The sums of one window.
    fn sum(&self, window: &Window<'_>, sums: &mut [i32]) {
        match self.source {
            // 15 taps fit four digits; with more, carrying on for longer is worth four more.
            PackedImages::Bits(bits) if self.conv.windows().taps() < 16 => {
                self.sum_bits::<4>(bits, window, sums)
            }
            PackedImages::Bits(bits) => self.sum_bits::<8>(bits, window, sums),
            PackedImages::Bytes { x, .. } => self.sum_bytes(x, window, sums),
        }
    }

    fn sum_bits<const DIGITS: usize>(
        &self,
        bits: BitMatrixView<'_>,
        window: &Window<'_>,
        sums: &mut [i32],
    ) {
        let (conv, multiplier) = (self.conv, self.conv.group_outputs());
        sums.fill(taps_counted(conv, window) as i32);
        let per_tap = row_words(conv.channels());
        let passes = self
            .filters
            .chunks_exact(positive(conv.windows().taps() * per_tap));
        for (pass, filters) in passes.enumerate() {
            let mut w = 0;
            while w < per_tap {
                let sums = sums.get_mut(w * WORD * multiplier + pass..);
                let sums = sums.unwrap_or_default();
                if w + TOGETHER <= per_tap {
                    count::<DIGITS, TOGETHER>(conv, window, bits, filters, w, |counters| {
                        subtract(counters, sums, multiplier);
                    });
                    w += TOGETHER;
                } else {
                    count::<DIGITS, 1>(conv, window, bits, filters, w, |counters| {
                        subtract(counters, sums, multiplier);
                    });
                    w += 1;
                }
            }
        }
    }

    fn sum_bytes(&self, x: &[u8], window: &Window<'_>, sums: &mut [i32]) {
        let conv = self.conv;
        sums.fill(0);
        let multiplier = conv.group_outputs();
        let passes = self
            .filters
            .chunks_exact(positive(conv.windows().taps() * row_words(conv.channels())));
        for (pass, filters) in passes.enumerate() {
            let taps = ByteSums {
                x,
                channels: conv.channels(),
                filters,
                sums: sums.get_mut(pass..).unwrap_or_default(),
                multiplier,
            };
            window.walk(conv.windows(), taps);
        }
    }
}

/// Subtracts two from the sums, `multiplier` apart, for every counted difference.
fn subtract<const DIGITS: usize, const WORDS: usize>(
    counters: &mut Counters<DIGITS, WORDS>,
    sums: &mut [i32],
    multiplier: usize,
) {
    let places = sums.chunks_mut(positive(WORD * multiplier));
    for (counts, sums) in counters.take().iter().zip(places) {
        if multiplier == 1 {
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum -= 2 * i32::from(*count);
            }
        } else {
            for (sum, count) in sums.iter_mut().step_by(positive(multiplier)).zip(counts) {
                *sum -= 2 * i32::from(*count);
            }
        }
    }
}
