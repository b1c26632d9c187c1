//! 2-D convolution and pooling on bits, NHWC, with the epilogues of a product: `i32` sums, an affine map
//! to `f32`, or thresholds to bits.
//!
//! A convolution is a product whose samples are output pixels: the patch under each window is gathered
//! a few windows at a time, so there never is an im2col matrix of the image. Outputs are
//! `[batch * output height * output width, outputs]`, a row per pixel: the bits that one convolution
//! writes are the images of the next.
//!
//! All results are exact: equal to the convolution of the `+-1` tensors (of the integers, for unsigned
//! inputs) as [`reference::conv2d`](crate::reference::conv2d) defines it, on every kernel and for any
//! number of threads.
//!
//! ```
//! use bnn_core::conv::{
//!     Conv2d, ConvOptions, PackedFilters, Padding, Pool2d, conv2d_bits, global_sum_pool, max_pool2d,
//! };
//! use bnn_core::BitMatrix;
//!
//! # fn main() -> Result<(), bnn_core::Error> {
//! // Two images of 8 x 8 pixels with 3 channels, five filters of 3 x 3, zeros around the images.
//! let (batch, pixels) = (2, 8 * 8);
//! let floats: Vec<f32> = (0..batch * pixels * 3).map(|i| (i % 7) as f32 - 3.0).collect();
//! let options = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
//! let conv = Conv2d::new([8, 8, 3], 5, [3, 3], options)?;
//! let weights: Vec<f32> = (0..5 * conv.patch_len()).map(|i| (i % 5) as f32 - 2.0).collect();
//! let filters = BitMatrix::pack(&weights, 5, conv.patch_len())?;
//! let filters = PackedFilters::new(&conv, filters.view())?; // laid out once
//!
//! let mut y = BitMatrix::zeros(batch * pixels, 5)?;
//! conv2d_bits(floats.as_slice(), &filters, [0_i32; 5].as_slice(), &mut y.view_mut())?;
//!
//! let pool = Pool2d::new([8, 8, 5], [2, 2], [2, 2], Padding::Valid)?;
//! let mut pooled = BitMatrix::zeros(batch * 4 * 4, 5)?;
//! max_pool2d(y.view(), &pool, &mut pooled.view_mut())?;
//! let mut sums = [0; 2 * 5];
//! global_sum_pool(pooled.view(), batch, &mut sums)?;
//! # Ok(())
//! # }
//! ```
//!
//! A 1-D convolution is one of images with a height of 1:
//! ```
//! use bnn_core::conv::{Conv2d, ConvOptions, PackedFilters, Padding, conv2d_i32};
//! use bnn_core::BitMatrix;
//!
//! # fn main() -> Result<(), bnn_core::Error> {
//! // A series of 6 steps of 1 channel, one filter of 3 taps, causal: two zeros before the series.
//! let padding = Padding::Explicit { top: 0, bottom: 0, left: 2, right: 0 };
//! let options = ConvOptions { padding, ..ConvOptions::default() };
//! let conv = Conv2d::new([1, 6, 1], 1, [1, 3], options)?;
//! let series = BitMatrix::pack(&[1_i8, 1, -1, -1, -1, 1], 6, 1)?;
//! let filter = BitMatrix::pack(&[1_i8, -1, 1], 1, 3)?;
//! let filter = PackedFilters::new(&conv, filter.view())?;
//! let mut y = [0; 6];
//! conv2d_i32(series.view(), &filter, &mut y, 1)?;
//! assert_eq!(y, [1, 0, -1, 1, -1, 1]);
//! # Ok(())
//! # }
//! ```

//!
//! Without an allocator, or with filters in flash, filters are read where they lie, in scratch memory
//! whose size is known before:
//! ```
//! use bnn_core::conv::{Conv2d, ConvOptions, Filters, Images, Padding, conv2d_i32};
//! use bnn_core::{BitMatrixView, Kernel};
//!
//! # fn main() -> Result<(), bnn_core::Error> {
//! // A picture of 2 x 2 bytes, one filter of 3 x 3 that is +1 in its middle and -1 around it.
//! let options = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
//! let conv = Conv2d::new([2, 2, 1], 1, [3, 3], options)?;
//! let mut scratch = [0; 9]; // of which `conv.scratch_words(Some(8))?` words are used
//! let filter = BitMatrixView::new(&[0b000_010_000], 1, 9)?;
//! let filters = Filters::canonical(&conv, filter, Kernel::active()?, &mut scratch)?;
//! let mut y = [0; 4];
//! conv2d_i32(Images::Unsigned { x: &[1, 2, 3, 255], depth: 8 }, filters, &mut y, 1)?;
//! assert_eq!(y, [1 - 2 - 3 - 255, 2 - 1 - 3 - 255, 3 - 1 - 2 - 255, 255 - 1 - 2 - 3]);
//! # Ok(())
//! # }
//! ```

mod axis;
mod byte_taps;
mod call;
mod clipping;
mod depthwise;
mod filters;
mod geometry;
#[cfg(feature = "std")]
pub(crate) mod gradients;
mod images;
mod in_place;
#[cfg(feature = "alloc")]
mod packed;
mod patches;
mod pool;
mod runs;
#[cfg(feature = "alloc")]
mod signs;
mod vertical;
mod window;

#[cfg(feature = "conv")]
pub(crate) use axis::Axis;
pub use axis::Padding;
pub use filters::Filters;
#[cfg(feature = "alloc")]
pub use filters::PackedFilters;
pub use geometry::{Conv2d, ConvOptions, PadValue};
pub use images::Images;
pub use pool::{Pool2d, global_sum_pool, max_pool2d, min_pool2d};

use crate::bits::BitMatrixViewMut;
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::gemm::epilogue::{Affine, RawSums};
use crate::shape::{equal, strided};
use call::Call;

/// Writes the sums: `c[p * c_stride + o]` for output pixel `p` (of the batch, row after row) and output
/// channel `o`.
///
/// # Errors
/// Images that are not the convolution's, an element of an unsigned input that has more bits than its
/// depth or is padded with `+-1`, sums that could leave `i32`, `c` or scratch memory too short. Nothing
/// is written to `c` then.
pub fn conv2d_i32<'a, 'w>(
    images: impl Into<Images<'a>>,
    filters: impl Into<Filters<'w>>,
    c: &mut [i32],
    c_stride: usize,
) -> Result<(), Error> {
    let call = Call::new(images.into(), filters.into())?;
    let [m, n] = call.shape();
    strided("output", c.len(), m, n, c_stride)?;
    call.run(&RawSums, c, c_stride)
}

/// Writes `scale[o] * sum + bias[o]` to `c[p * c_stride + o]`, as [`gemm_f32`](crate::gemm_f32) rounds
/// it.
///
/// # Errors
/// As [`conv2d_i32`], and where `scale` or `bias` does not have an element per output channel.
pub fn conv2d_f32<'a, 'w>(
    images: impl Into<Images<'a>>,
    filters: impl Into<Filters<'w>>,
    scale: &[f32],
    bias: &[f32],
    c: &mut [f32],
    c_stride: usize,
) -> Result<(), Error> {
    let call = Call::new(images.into(), filters.into())?;
    let [m, n] = call.shape();
    strided("output", c.len(), m, n, c_stride)?;
    equal("scales", n, scale.len())?;
    equal("biases", n, bias.len())?;
    call.run(&Affine { scale, bias }, c, c_stride)
}

/// Writes bits: `out[p, o] = +1` where `sum >= thresholds[o]`.
///
/// # Errors
/// As [`conv2d_i32`], and where there is not a threshold per output channel or `out` is not
/// `[batch * output height * output width, outputs]`.
pub fn conv2d_bits<'a, 'w, 't>(
    images: impl Into<Images<'a>>,
    filters: impl Into<Filters<'w>>,
    thresholds: impl Into<Thresholds<'t>>,
    out: &mut BitMatrixViewMut<'_>,
) -> Result<(), Error> {
    let call = Call::new(images.into(), filters.into())?;
    let thresholds = thresholds.into();
    let [m, n] = call.shape();
    equal("thresholds", n, thresholds.len())?;
    equal("rows of the output", m, out.rows())?;
    equal("columns of the output", n, out.cols())?;
    call.run_bits(thresholds, out.words_mut())
}

#[cfg(all(test, feature = "alloc"))]
mod laws;
