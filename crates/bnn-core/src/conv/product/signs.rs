//! Packs images of floats.

use core::ops::Range;

use crate::bits::BitMatrix;
use crate::conv::geometry::Conv2d;
use crate::error::Error;
use crate::gemm::driver::compute_all;
use crate::gemm::output::{Columns, Grain, OutputRows, TiledOutput};
use crate::kernel::Kernel;
use crate::shape::{WORD, row_words};

/// The signs of whole images, on several threads if they are large.
pub(super) fn signs(x: &[f32], conv: &Conv2d, kernel: &Kernel) -> Result<BitMatrix, Error> {
    let [_, width] = conv.windows().input_size();
    let channels = conv.channels();
    let mut bits = BitMatrix::zeros(x.len() / channels, channels)?;
    let lines = Lines {
        x,
        width,
        channels,
        pack: kernel.packing().f32,
    };
    compute_all(
        &lines,
        bits.view_mut().words_mut(),
        width * row_words(channels),
    );
    Ok(bits)
}

/// Lines of images.
struct Lines<'x> {
    x: &'x [f32],
    /// Pixels per line.
    width: usize,
    channels: usize,
    pack: fn(x: &[f32], bits: &mut [u64]),
}

impl TiledOutput for Lines<'_> {
    type Elem = u64;

    fn shape(&self) -> [usize; 2] {
        let line = self.width * self.channels;
        [self.x.len() / line, line]
    }

    fn grain(&self) -> Grain {
        Grain {
            // A word of signs costs some eight word products.
            work: 8 * (self.x.len() / self.channels) * row_words(self.channels),
            samples: 1,
            columns: None,
        }
    }

    fn part(&self, range: Range<usize>, _: &Columns, out: &mut impl OutputRows<u64>) {
        let [_, line] = self.shape();
        let words = row_words(self.channels);
        let lines = self
            .x
            .chunks_exact(line)
            .skip(range.start)
            .take(range.len());
        for (i, line) in lines.enumerate() {
            let row = out.row(i).unwrap_or_default();
            let (row, _) = row
                .split_at_mut_checked(self.width * words)
                .unwrap_or_default();
            if self.channels.is_multiple_of(WORD) {
                // Nothing lies between the bits of two pixels.
                (self.pack)(line, row);
                continue;
            }
            let pixels = line.chunks_exact(self.channels);
            for (x, bits) in pixels.zip(row.chunks_exact_mut(words)) {
                (self.pack)(x, bits);
            }
        }
    }
}
