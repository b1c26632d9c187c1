//! 2-D convolution and pooling on bits, NHWC, with the epilogues of a product: `i32` sums, an
//! affine map to `f32`, or thresholds to bits.
//!
//! A convolution is a product whose samples are output pixels: the patch under each window is
//! gathered a few windows at a time, so there never is an im2col matrix of the image. Outputs are
//! `[batch * output height * output width, outputs]`, a row per pixel: the bits that one
//! convolution writes are the images of the next.
//!
//! All results are exact: equal to the convolution of the `+-1` tensors (of the integers, for
//! unsigned inputs) as `reference::conv2d` defines it, on every kernel and for any
//! number of threads.
//!
//! ```
//! use bnn_core::conv::{
//!     Conv2d, ConvOptions, PackedFilters, Padding, Pool2d, conv2d_bits, max_pool2d,
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

mod geometry;
#[cfg(feature = "alloc")]
pub(crate) mod gradients;
mod pool;
#[cfg(feature = "alloc")]
pub(crate) mod product;

pub use geometry::{Conv2d, ConvOptions, PadValue};
pub use pool::{Pool2d, max_pool2d};
#[cfg(feature = "alloc")]
pub(crate) use product::conv2d_tiles;
#[cfg(feature = "alloc")]
pub use product::{Images, PackedFilters, conv2d_bits, conv2d_f32, conv2d_i32};

pub use crate::window::{Padding, Windows};

#[cfg(all(test, feature = "alloc"))]
mod laws;
