//! Pools on bits: the largest and the smallest of a window, and the sum over an image.

use super::axis::{Axis, Padding, axes};
use super::vertical::Counters;
use crate::bits::{BitMatrixView, BitMatrixViewMut};
use crate::error::Error;
use crate::shape::{WORD, equal, matrix_words, mul, nonzero, positive, row_len, row_words};

/// The shape of a 2-D pool: images `[batch, height, width, channels]`, outputs
/// `[batch, output height, output width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    y: Axis,
    x: Axis,
    channels: usize,
}

impl Pool2d {
    /// A pool of images `[height, width, channels]` over windows of `kernel` pixels, `stride` apart,
    /// both `[vertical, horizontal]`. Pixels of the padding never win.
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
        let [y, x] = axes([height, width], kernel, stride, [1, 1], padding)?;
        if let Padding::Explicit {
            top,
            bottom,
            left,
            right,
        } = padding
        {
            padding_fits("vertical padding of a pool", top.max(bottom), y.kernel)?;
            padding_fits("horizontal padding of a pool", left.max(right), x.kernel)?;
        }
        nonzero("image channels", channels)?;
        matrix_words(mul("pixels of an image", height, width)?, channels)?;
        matrix_words(mul("pixels of an output", y.output, x.output)?, channels)?;
        Ok(Self { y, x, channels })
    }

    /// The same for sizes that have been checked.
    pub(crate) const fn trusted([y, x]: [Axis; 2], channels: usize) -> Self {
        Self { y, x, channels }
    }

    /// `[height, width]` of the images.
    #[must_use]
    pub fn input_size(&self) -> [usize; 2] {
        [self.y.input, self.x.input]
    }

    /// `[height, width]` of the outputs.
    #[must_use]
    pub fn output_size(&self) -> [usize; 2] {
        [self.y.output, self.x.output]
    }

    /// Channels of images and outputs.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// `[height, width]` of a window.
    #[must_use]
    pub fn kernel(&self) -> [usize; 2] {
        [self.y.kernel, self.x.kernel]
    }

    /// `[vertical, horizontal]` stride.
    #[must_use]
    pub fn stride(&self) -> [usize; 2] {
        [self.y.stride, self.x.stride]
    }

    /// Pixels of padding `[above, left of]` the image.
    #[must_use]
    pub fn padding_before(&self) -> [usize; 2] {
        [self.y.before, self.x.before]
    }

    /// Pixels of padding `[below, right of]` the image, as many of them as windows reach into.
    #[must_use]
    pub fn padding_after(&self) -> [usize; 2] {
        [self.y.after(), self.x.after()]
    }

    /// As [`Conv2d::line`](super::Conv2d).
    pub(crate) fn line(&self, oy: usize) -> Self {
        let (_, y) = self.y.stop(oy);
        Self { y, ..*self }
    }

    /// Whether padding is less than a window, and outputs are no larger than images: what a model file wants
    /// of its layers, so that there are rows to run by, and no small file asks for much memory or time.
    #[cfg(feature = "alloc")]
    pub(crate) fn is_moderate(&self) -> bool {
        self.y.is_moderate() && self.x.is_moderate()
    }

    /// The windows from row to row.
    pub(crate) fn vertical(&self) -> &Axis {
        &self.y
    }

    /// Writes the largest element of each window of one image; sizes are those of the pool.
    pub(crate) fn max_of_image(&self, image: &[u64], output: &mut [u64]) {
        self.of_image(image, output, |a, b| a | b);
    }

    fn of_image(&self, image: &[u64], output: &mut [u64], join: impl Fn(u64, u64) -> u64) {
        let (y, x, per_pixel) = (&self.y, &self.x, row_len(self.channels));
        for (i, to) in output.chunks_exact_mut(per_pixel).enumerate() {
            // Padding is less than the kernel, so that there is a first pixel.
            let mut first = true;
            let (oy, ox) = (i / positive(x.output), i % positive(x.output));
            for ky in y.inside(oy) {
                let at = y.pixel(oy, ky) * x.input;
                for kx in x.inside(ox) {
                    let at = (at + x.pixel(ox, kx)) * per_pixel;
                    let from = image.get(at..at + per_pixel).unwrap_or_default();
                    for (to, from) in to.iter_mut().zip(from) {
                        *to = if first { *from } else { join(*to, *from) };
                    }
                    first = false;
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

/// Writes the largest element of each window: `+1` where one is. Images are
/// `[batch * height * width, channels]`, `out` is `[batch * output height * output width, channels]`.
///
/// # Errors
/// Images or an output that are not the pool's. Nothing is written then.
pub fn max_pool2d(
    images: BitMatrixView<'_>,
    pool: &Pool2d,
    out: &mut BitMatrixViewMut<'_>,
) -> Result<(), Error> {
    pool2d(images, pool, out, |a, b| a | b)
}

/// As [`max_pool2d`] with the smallest element: `+1` where all are.
///
/// # Errors
/// As [`max_pool2d`].
pub fn min_pool2d(
    images: BitMatrixView<'_>,
    pool: &Pool2d,
    out: &mut BitMatrixViewMut<'_>,
) -> Result<(), Error> {
    pool2d(images, pool, out, |a, b| a & b)
}

fn pool2d(
    images: BitMatrixView<'_>,
    pool: &Pool2d,
    out: &mut BitMatrixViewMut<'_>,
    join: impl Fn(u64, u64) -> u64,
) -> Result<(), Error> {
    let (y, x) = (&pool.y, &pool.x);
    equal("channels of the images", pool.channels, images.cols())?;
    equal("channels of the output", pool.channels, out.cols())?;
    let batch = images.rows().div_ceil(y.input * x.input);
    let pixels = mul("pixels of the images", batch, y.input * x.input)?;
    equal("pixels of whole images", pixels, images.rows())?;
    let pixels = mul("pixels of the output", batch, y.output * x.output)?;
    equal("pixels of the output", pixels, out.rows())?;

    let per_pixel = row_words(pool.channels);
    let images = images.words().chunks_exact(y.input * x.input * per_pixel);
    let outputs = out
        .words_mut()
        .chunks_exact_mut(y.output * x.output * per_pixel);
    for (image, output) in images.zip(outputs) {
        pool.of_image(image, output, &join);
    }
    Ok(())
}

/// Writes the sums of the `+-1` over the pixels of each image: `sums[b * channels + c]`. `images` is
/// `[batch * pixels, channels]`, `sums` is `[batch, channels]`.
///
/// # Errors
/// A zero batch, pixels that it does not divide or whose sum could leave `i32`, or `sums` of another
/// length. Nothing is written then.
pub fn global_sum_pool(
    images: BitMatrixView<'_>,
    batch: usize,
    sums: &mut [i32],
) -> Result<(), Error> {
    let (rows, channels) = (images.rows(), images.cols());
    nonzero("images", batch)?;
    if !rows.is_multiple_of(batch) {
        return Err(Error::Indivisible {
            what: "pixels of the images, by images",
            divisor: batch,
            found: rows,
        });
    }
    crate::shape::sum_fits(rows / batch, 1)?;
    equal("sums", mul("sums", batch, channels)?, sums.len())?;
    let per_pixel = row_words(channels);
    let images = images.words().chunks_exact(rows / batch * per_pixel);
    for (image, sums) in images.zip(sums.chunks_exact_mut(channels)) {
        for (w, sums) in sums.chunks_mut(WORD).enumerate() {
            sum_word(image.iter().skip(w).step_by(per_pixel), sums);
        }
    }
    Ok(())
}

/// Sums the channels of one word over the pixels.
fn sum_word<'a>(pixels: impl ExactSizeIterator<Item = &'a u64>, sums: &mut [i32]) {
    sums.fill(-(pixels.len() as i32));
    let mut counters = Counters::<8, 1>::default();
    let mut flush = |counters: &mut Counters<8, 1>| {
        for (sum, count) in sums.iter_mut().zip(counters.take().as_flattened()) {
            *sum += 2 * i32::from(*count);
        }
    };
    for pixel in pixels {
        if counters.are_full() {
            flush(&mut counters);
        }
        counters.add(&[*pixel]);
    }
    flush(&mut counters);
}
