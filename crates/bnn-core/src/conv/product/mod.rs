//! Convolutions of whole batches as products, with filters that are packed for a kernel, on as many threads as they are
//! worth. (`model::row` runs a convolution of one image without an allocator.)

mod byte_taps;
mod call;
mod clipping;
mod depthwise;
mod filters;
mod images;
mod patches;
mod run;
mod runs;
mod signs;
mod vertical;

use call::Call;
pub use filters::PackedFilters;
pub use images::Images;

use crate::bits::BitMatrixViewMut;
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::gemm::epilogue::{Affine, RawSums};
use crate::shape::{equal, strided};

/// Writes the sums: `c[p * c_stride + o]` for output pixel `p` (of the batch, row after row) and output
/// channel `o`.
///
/// # Errors
/// Images that are not the convolution's, an element of an unsigned input that has more bits than its
/// depth or is padded with `+-1`, sums that could leave `i32`, `c` too short. Nothing is written to `c`
/// then.
pub fn conv2d_i32<'a>(
    images: impl Into<Images<'a>>,
    filters: &PackedFilters,
    c: &mut [i32],
    c_stride: usize,
) -> Result<(), Error> {
    let call = Call::new(images.into(), filters)?;
    let [m, n] = call.shape();
    strided("output", c.len(), m, n, c_stride)?;
    call.run(&RawSums, c, c_stride)
}

/// Writes `scale[o] * sum + bias[o]` to `c[p * c_stride + o]`, as [`gemm_f32`](crate::gemm_f32) rounds
/// it.
///
/// # Errors
/// As [`conv2d_i32`], and where `scale` or `bias` does not have an element per output channel.
pub fn conv2d_f32<'a>(
    images: impl Into<Images<'a>>,
    filters: &PackedFilters,
    scale: &[f32],
    bias: &[f32],
    c: &mut [f32],
    c_stride: usize,
) -> Result<(), Error> {
    let call = Call::new(images.into(), filters)?;
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
pub fn conv2d_bits<'a, 't>(
    images: impl Into<Images<'a>>,
    filters: &PackedFilters,
    thresholds: impl Into<Thresholds<'t>>,
    out: &mut BitMatrixViewMut<'_>,
) -> Result<(), Error> {
    let call = Call::new(images.into(), filters)?;
    let thresholds = thresholds.into();
    let [m, n] = call.shape();
    equal("thresholds", n, thresholds.len())?;
    equal("rows of the output", m, out.rows())?;
    equal("columns of the output", n, out.cols())?;
    call.run_bits(thresholds, out.words_mut())
}
