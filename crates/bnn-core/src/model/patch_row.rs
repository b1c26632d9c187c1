//! One row of a convolution's output, pixel by pixel, in the memory of one or two patches and in
//! little code, for firmware. (`conv::product` convolves many images at once.)

pub(super) use super::gather::PatchRow;
use super::gather::{PatchWindow, Sink, Taken};
use super::io::Input;
use crate::bits::BitMatrixView;
use crate::gemm::Resolved;
use crate::gemm::weights::OUTPUTS;
use crate::kernel::Kernel;
use crate::shape::{row_len, row_words};

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
        let (y, x) = (&conv.windows().y, &conv.windows().x);
        let (n, channels) = (conv.group_outputs(), conv.group_channels());
        let k = conv.windows().taps() * channels;
        let words = row_len(k);
        let (patch, other) = work.split_at_mut_checked(words).unwrap_or_default();
        // No more than a patch; nothing, if the padding is not zeros around bits.
        let other = other.get_mut(..words).unwrap_or_default();
        let pixel_len = match self.pixels {
            Input::Bits(_) => 2 * row_words(conv.channels()),
            Input::Bytes(_) => conv.channels(),
        };
        let mut window = PatchWindow {
            row: self,
            windows: conv.windows(),
            pixel_len,
            channel: 0,
            channels,
            rows: y.inside(0),
            cols: 0..0,
            at: 0,
            from: 0,
        };
        let slides = window.slides();
        let mut sums = [0; OUTPUTS]; // each one is written before it is used
        let mut first_output = 0;
        let mut filters = self.layer.weights.words();
        while let Some((own, rest)) = filters.split_at_checked(n * words)
            && !own.is_empty()
        {
            filters = rest;
            let weights = Resolved::canonical(BitMatrixView::trusted(own, n, k), kernel);
            for ox in 0..x.output {
                window.cols = x.inside(ox);
                // Before the image, where it is padded.
                let pixel = (ox * x.stride).wrapping_sub(x.before + y.before * x.input);
                window.at = pixel.wrapping_mul(pixel_len);
                window.from = match slides && ox > 0 {
                    true => x.kernel - x.stride,
                    false => 0,
                };
                let taken = window.take(kernel, patch, other);
                let mut first = 0;
                while first < n {
                    let sums = sums.get_mut(..OUTPUTS.min(n - first)).unwrap_or_default();
                    match taken {
                        Taken::Bytes => {
                            window.walk(0, Sink::Tables(weights.byte_tables(first, sums)));
                        }
                        Taken::Whole => weights.dots(patch, first, sums),
                        Taken::Inside => window.multiply_inside(patch, &weights, first, sums),
                        Taken::Twice => {
                            weights.dots(patch, first, sums);
                            halve(&weights, other, first, sums);
                        }
                    }
                    finish(ox, first_output + first, sums);
                    first += OUTPUTS;
                }
            }
            window.channel += channels;
            first_output += n;
        }
    }
}

/// Changes sums of a patch to those halfway between them and those of `other`.
#[inline(never)]
fn halve(weights: &Resolved<'_>, other: &[u64], first: usize, sums: &mut [i32]) {
    let mut others = [0; OUTPUTS]; // every one that is used is written before
    let others = others.get_mut(..sums.len()).unwrap_or_default();
    weights.dots(other, first, others);
    for (sum, other) in sums.iter_mut().zip(others) {
        // Without leaving `i32`; both have the parity of k.
        *sum = (*sum & *other) + ((*sum ^ *other) >> 1);
    }
}
