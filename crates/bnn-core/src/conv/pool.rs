//! Max pools on bits.

use crate::bits::{BitMatrixView, BitMatrixViewMut};
use crate::error::Error;
use crate::shape::{equal, matrix_words, mul, nonzero, row_len, row_words};
use crate::window::{Axis, Padding, Windows};

/// The shape of a 2-D pool: images `[batch, height, width, channels]`, outputs `[batch, output
/// height, output width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    windows: Windows,
    channels: usize,
}

impl Pool2d {
    /// A pool of images `[height, width, channels]` over windows of `kernel` pixels, `stride`
    /// apart, both `[vertical, horizontal]`. Padding pixels are never the largest.
    ///
    /// # Errors
    /// A zero size; a kernel larger than the padded image; explicit padding as large as the kernel,
    /// so that a window could lie outside the image; a size that overflows.
    pub fn new(
        image: [usize; 3],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: Padding,
    ) -> Result<Self, Error> {
        let [height, width, channels] = image;
        let windows = Windows::new([height, width], kernel, stride, [1, 1], padding)?;
        if let Padding::Explicit {
            top,
            bottom,
            left,
            right,
        } = padding
        {
            padding_fits("vertical padding of a pool", top.max(bottom), kernel[0])?;
            padding_fits("horizontal padding of a pool", left.max(right), kernel[1])?;
        }
        nonzero("image channels", channels)?;
        matrix_words(mul("pixels of an image", height, width)?, channels)?;
        let [out_height, out_width] = windows.output_size();
        matrix_words(mul("pixels of an output", out_height, out_width)?, channels)?;
        Ok(Self { windows, channels })
    }

    /// A pool of sizes that have been checked.
    pub(crate) const fn trusted(windows: Windows, channels: usize) -> Self {
        Self { windows, channels }
    }

    /// The windows of the pool, with the sizes of images and outputs.
    #[must_use]
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Channels of images and outputs.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Writes the largest element of each window of one image; slices must have the sizes of the
    /// pool.
    pub(crate) fn max_of_image(&self, image: &[u64], output: &mut [u64]) {
        let (Windows { y, x }, per_pixel) = (&self.windows, row_len(self.channels));
        let mut output = output;
        for oy in 0..y.output {
            let rows = y.inside(oy);
            for ox in 0..x.output {
                let (to, rest) = output.split_at_mut_checked(per_pixel).unwrap_or_default();
                output = rest;
                to.fill(0);
                for ky in rows.clone() {
                    let line = y.pixel(oy, ky) * x.input;
                    for kx in x.inside(ox) {
                        let at = (line + x.pixel(ox, kx)) * per_pixel;
                        let from = image.get(at..at + per_pixel).unwrap_or_default();
                        for (to, from) in to.iter_mut().zip(from) {
                            *to |= *from;
                        }
                    }
                }
            }
        }
    }
}

/// Whether pools that most networks have are computed in a way of their own. A program without an
/// allocator is smaller without.
const FASTER: bool = cfg!(feature = "alloc");

/// The pool that most networks have.
impl Pool2d {
    /// Whether windows are of 2 x 2 pixels, side by side.
    fn is_by_quarters(&self) -> bool {
        let halves = |axis: &Axis| axis.kernel == 2 && axis.stride == 2 && !axis.is_padded();
        halves(&self.windows.y) && halves(&self.windows.x)
    }

    /// [`Pool2d::max_of_image`] of such windows.
    fn max_of_quarters(&self, image: &[u64], output: &mut [u64]) {
        let (Windows { x, .. }, per_pixel) = (&self.windows, row_len(self.channels));
        let rows = image.chunks_exact(2 * x.input * per_pixel);
        for (rows, to) in rows.zip(output.chunks_exact_mut(x.output * per_pixel)) {
            let (upper, lower) = rows
                .split_at_checked(x.input * per_pixel)
                .unwrap_or_default();
            if per_pixel == 1 {
                // Without inner loops, so that vectors are used.
                let pairs = upper
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .zip(lower.as_chunks::<2>().0);
                for (to, ([a, b], [c, d])) in to.iter_mut().zip(pairs) {
                    *to = a | b | c | d;
                }
                continue;
            }
            let pairs = upper
                .chunks_exact(2 * per_pixel)
                .zip(lower.chunks_exact(2 * per_pixel));
            for (to, (upper, lower)) in to.chunks_exact_mut(per_pixel).zip(pairs) {
                let (a, b) = upper.split_at_checked(per_pixel).unwrap_or_default();
                let (c, d) = lower.split_at_checked(per_pixel).unwrap_or_default();
                for (((to, a), b), (c, d)) in to.iter_mut().zip(a).zip(b).zip(c.iter().zip(d)) {
                    *to = a | b | c | d;
                }
            }
        }
    }
}

fn padding_fits(what: &'static str, found: usize, kernel: usize) -> Result<(), Error> {
    if found >= kernel {
        return Err(Error::OutOfRange {
            what,
            max: kernel - 1,
            found,
        });
    }
    Ok(())
}

/// Writes the largest element of each window: `+1` if any element is. Images are `[batch * height *
/// width, channels]`, `out` is `[batch * output height * output width, channels]`.
///
/// # Errors
/// Images or an output of other sizes than the pool's. On error, nothing is written.
pub fn max_pool2d(
    images: BitMatrixView<'_>,
    pool: &Pool2d,
    out: &mut BitMatrixViewMut<'_>,
) -> Result<(), Error> {
    let [input, output] = [pool.windows.input_size(), pool.windows.output_size()];
    let [input, output] = [input, output].map(|[height, width]| height * width);
    equal("channels of the images", pool.channels, images.cols())?;
    equal("channels of the output", pool.channels, out.cols())?;
    let batch = images.rows().div_ceil(input);
    let pixels = mul("pixels of the images", batch, input)?;
    equal("pixels of whole images", pixels, images.rows())?;
    let pixels = mul("pixels of the output", batch, output)?;
    equal("pixels of the output", pixels, out.rows())?;

    let per_pixel = row_words(pool.channels);
    let images = images.words().chunks_exact(input * per_pixel);
    let outputs = out.words_mut().chunks_exact_mut(output * per_pixel);
    if FASTER && pool.is_by_quarters() {
        images
            .zip(outputs)
            .for_each(|(image, output)| pool.max_of_quarters(image, output));
        return Ok(());
    }
    for (image, output) in images.zip(outputs) {
        pool.max_of_image(image, output);
    }
    Ok(())
}
