//! Depthwise convolution from bits to bits: the vertical counters are compared with the thresholds
//! directly, without sums.

use alloc::vec::Vec;
use core::ops::Range;

use super::TOGETHER;
use super::counting::{count, taps_counted};
use crate::bits::BitMatrixView;
use crate::conv::geometry::Conv2d;
use crate::conv::product::vertical::CounterLimits;
use crate::gemm::output::{Columns, Grain, OutputRows, TiledOutput};
use crate::shape::{WORD, row_words};
use crate::window::{Window, lines};

/// A depthwise convolution of one filter per channel, with thresholds.
pub(in crate::conv::product) struct DepthwiseBits<'p, T> {
    pub(in crate::conv::product) conv: &'p Conv2d,
    pub(in crate::conv::product) bits: BitMatrixView<'p>,
    pub(in crate::conv::product) samples: usize,
    /// The filters in the layout that [`arrange`](super::arrange) writes.
    pub(in crate::conv::product) filters: &'p [u64],
    pub(in crate::conv::product) thresholds: &'p [T],
}

impl<T> DepthwiseBits<'_, T> {
    /// Whether there is one filter per channel, with no more taps than the counters hold.
    pub(in crate::conv::product) fn suits(conv: &Conv2d) -> bool {
        conv.is_depthwise() && conv.group_outputs() == 1 && conv.windows().taps() < 256
    }
}

impl<T: Copy + Into<i32> + Sync> TiledOutput for DepthwiseBits<'_, T> {
    type Elem = u64;

    fn shape(&self) -> [usize; 2] {
        [self.samples, self.conv.outputs()]
    }

    fn grain(&self) -> Grain {
        super::grain(self.samples, self.filters)
    }

    fn part(&self, range: Range<usize>, _: &Columns, out: &mut impl OutputRows<u64>) {
        if self.conv.windows().taps() < 16 {
            self.part_in_digits::<4>(range, out);
        } else {
            self.part_in_digits::<8>(range, out);
        }
    }
}

impl<T: Copy + Into<i32> + Sync> DepthwiseBits<'_, T> {
    fn part_in_digits<const DIGITS: usize>(
        &self,
        range: Range<usize>,
        out: &mut impl OutputRows<u64>,
    ) {
        // By the number of taps that count, those that occur.
        let mut limits = Vec::new();
        limits.resize_with(self.conv.windows().taps() + 1, Vec::new);
        let mut samples = 0..;
        for line in lines(self.conv.windows(), range) {
            for (ox, sample) in line.stops.clone().zip(&mut samples) {
                let window = line.window(&self.conv.windows().x, ox);
                let counted = taps_counted(self.conv, &window);
                if let (Some(limits), Some(row)) = (limits.get_mut(counted), out.row(sample)) {
                    if limits.is_empty() {
                        *limits = self.limits(counted);
                    }
                    self.compare::<DIGITS>(&window, limits, row);
                }
            }
        }
    }

    /// The most differences of each channel with which its sum reaches the threshold: of `counted -
    /// 2 * differences >= threshold`.
    fn limits<const DIGITS: usize>(&self, counted: usize) -> Vec<CounterLimits<DIGITS>> {
        let limit = |&threshold: &T| (counted as i64 - i64::from(threshold.into())) >> 1;
        let words = self.thresholds.chunks(WORD);
        words
            .map(|thresholds| CounterLimits::new(thresholds.iter().map(limit)))
            .collect()
    }

    /// Writes the bits of one window.
    fn compare<const DIGITS: usize>(
        &self,
        window: &Window<'_>,
        limits: &[CounterLimits<DIGITS>],
        row: &mut [u64],
    ) {
        let per_tap = row_words(self.conv.channels());
        let (conv, bits, filters) = (self.conv, self.bits, self.filters);
        let mut w = 0;
        while w < per_tap {
            let limits = limits.get(w..).unwrap_or_default();
            let row = row.get_mut(w..).unwrap_or_default();
            if w + TOGETHER <= per_tap {
                count::<DIGITS, TOGETHER>(conv, window, bits, filters, w, |counters| {
                    counters.at_most(limits, row);
                });
                w += TOGETHER;
            } else {
                count::<DIGITS, 1>(conv, window, bits, filters, w, |counters| {
                    counters.at_most(limits, row);
                });
                w += 1;
            }
        }
    }
}
