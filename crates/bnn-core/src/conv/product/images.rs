//! The left side of a convolution, and its checks.

use crate::bits::BitMatrixView;
use crate::conv::geometry::{Conv2d, PadValue};
use crate::error::Error;
use crate::planes::{check_depth, depth_fits, most};
use crate::shape::{equal, mul, nonzero, row_words, sum_fits};

/// A batch of images `[batch, height, width, channels]` (NHWC).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Images<'a> {
    /// Elements in {-1, +1}: a row per pixel, `[batch * height * width, channels]`, as a
    /// convolution with thresholds writes it.
    Bits(BitMatrixView<'a>),
    /// Unsigned integers without gaps, for a first layer.
    Unsigned {
        /// The elements, each less than `2^depth`.
        x: &'a [u8],
        /// Bits per element, 1 to 8.
        depth: usize,
    },
    /// Floats without gaps; their signs are convolved. A call packs them into memory that it
    /// allocates: [`matrix_words(pixels, channels)`](crate::matrix_words) words, 1/32 of the
    /// floats' memory if channels are a multiple of 64.
    Floats(&'a [f32]),
}

impl<'a> From<BitMatrixView<'a>> for Images<'a> {
    fn from(bits: BitMatrixView<'a>) -> Self {
        Images::Bits(bits)
    }
}

impl<'a> From<&'a [f32]> for Images<'a> {
    fn from(x: &'a [f32]) -> Self {
        Images::Floats(x)
    }
}

impl Images<'_> {
    /// Checks the images against the convolution; returns their number.
    pub(super) fn check(&self, conv: &Conv2d) -> Result<usize, Error> {
        let channels = conv.channels();
        let (elements, per_pixel) = match *self {
            Images::Bits(bits) => {
                equal("channels of the images", channels, bits.cols())?;
                (bits.rows(), 1)
            }
            Images::Unsigned { x, depth } => {
                depth_fits(depth)?;
                sum_fits(conv.patch_len(), most(depth))?;
                if conv.pad_value() != PadValue::Zero {
                    return Err(Error::Unsupported {
                        what: "padding of unsigned inputs with -1 or +1, expected zero",
                    });
                }
                check_depth(x, depth)?;
                (x.len(), channels)
            }
            Images::Floats(x) => (x.len(), channels),
        };
        // No overflow: `Conv2d` has checked the words of an image's pixels.
        let batch = nonzero(
            "images",
            elements.div_ceil(conv.windows().pixels() * per_pixel),
        )?;
        let expected = mul(
            "elements of the images",
            batch,
            conv.windows().pixels() * per_pixel,
        )?;
        equal("pixels or elements of whole images", expected, elements)?;
        Ok(batch)
    }
}

/// Images as the rest of this module reads them: floats have been packed.
#[derive(Clone, Copy, Debug)]
pub(super) enum PackedImages<'a> {
    Bits(BitMatrixView<'a>),
    Bytes { x: &'a [u8], depth: usize },
}

impl<'a> PackedImages<'a> {
    pub(super) fn depth(&self) -> Option<usize> {
        match *self {
            PackedImages::Bits(_) => None,
            PackedImages::Bytes { depth, .. } => Some(depth),
        }
    }

    /// Rows of words that a patch takes; see [`Planes`](crate::Planes).
    pub(super) fn rows_per_sample(&self) -> usize {
        self.depth().map_or(1, |depth| depth + 1)
    }
}

/// The words of the pixels from `first` on.
pub(super) fn pixel_words(bits: BitMatrixView<'_>, first: usize, count: usize) -> &[u64] {
    let per_pixel = row_words(bits.cols());
    let words = bits
        .words()
        .get(first * per_pixel..(first + count) * per_pixel);
    words.unwrap_or_default()
}
