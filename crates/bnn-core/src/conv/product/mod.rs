//! Convolutions of batches as products, with filters packed for a kernel, on several threads if the
//! work is large. (`model::row` runs a convolution of one image without an allocator.)

mod byte_taps;
mod call;
mod clipping;
mod depthwise;
mod direct;
mod filters;
mod images;
mod layer;
mod patches;
mod run;
mod runs;
mod signs;
mod special;
mod vertical;

use call::Call;
pub use filters::PackedFilters;
pub use images::Images;
pub(crate) use layer::BitLayer;

use crate::bits::BitMatrixViewMut;
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::gemm::driver::InTiles;
use crate::gemm::epilogue::{Affine, RawSums, Tiles};
use crate::gemm::output::Strided;
use crate::gemm::sink::CutSink;
use crate::shape::{equal, strided};

/// Writes the sums: `c[p * c_stride + o]` for output pixel `p` (of the batch, row after row) and
/// output channel `o`.
///
/// # Errors
/// Images of another shape than the convolution's; an unsigned input with an element that exceeds
/// its depth, or padded with `+-1`; sums that could leave `i32`; `c` too short. On error, nothing
/// is written to `c`.
pub fn conv2d_i32<'a>(
    images: impl Into<Images<'a>>,
    filters: &PackedFilters,
    c: &mut [i32],
    c_stride: usize,
) -> Result<(), Error> {
    let call = Call::new(images.into(), filters)?;
    let [m, n] = call.shape();
    strided("output", c.len(), m, n, c_stride)?;
    let stride = c_stride;
    call.run(&RawSums, Strided { c, stride })
}

/// Writes `scale[o] * sum + bias[o]` to `c[p * c_stride + o]`, rounded as by
/// [`gemm_f32`](crate::gemm_f32).
///
/// # Errors
/// Those of [`conv2d_i32`]; `scale` or `bias` without one element per output channel.
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
    let stride = c_stride;
    call.run(&Affine { scale, bias }, Strided { c, stride })
}

/// Hands the sums to `sink`, tile by tile.
///
/// # Errors
/// Those of [`conv2d_i32`], before which `sink` has been given nothing.
pub(crate) fn conv2d_tiles(
    images: Images<'_>,
    filters: &PackedFilters,
    sink: impl CutSink,
) -> Result<(), Error> {
    Call::new(images, filters)?.run(&Tiles, InTiles(sink))
}

/// Writes bits: `out[p, o] = +1` where `sum >= thresholds[o]`.
///
/// # Errors
/// Those of [`conv2d_i32`]; not one threshold per output channel; `out` of another shape than
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
    let limits = filters.limits(thresholds)?;
    call.run_bits(thresholds, limits.as_ref(), out.words_mut())
}
