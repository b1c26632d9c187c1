//! Matrix products on bits: `y[i, j] = sum over l of a[i, l] * w[j, l]`, with three epilogues: the
//! `i32` sums, an affine map to `f32`, or thresholds to bits. `a` is `[m, k]`, `w` is `[n, k]` (a
//! row per output), `y` is `[m, n]`. With `m = 1` it is the matrix-vector product.
//!
//! All results are equal, bit for bit, for every kernel and any number of threads.
//!
//! Without an allocator, [`driver`] is `in_place.rs`: weights are canonical, samples are packed,
//! and sums are made in registers.

pub(crate) mod byte_tables;
#[cfg_attr(not(feature = "alloc"), path = "in_place.rs")]
pub(crate) mod driver;
#[expect(
    dead_code,
    reason = "products in tiles and products in place each use a part of it"
)]
pub(crate) mod epilogue;
#[cfg(feature = "alloc")]
mod floats;
#[cfg(feature = "alloc")]
pub(crate) mod gather;
#[cfg_attr(
    not(feature = "std"),
    expect(dead_code, reason = "threads decide how outputs are cut")
)]
pub(crate) mod output;
#[cfg(feature = "alloc")]
mod packed;
#[cfg(feature = "alloc")]
#[cfg_attr(not(feature = "std"), path = "one_thread.rs")]
pub(crate) mod parallel;
pub(crate) mod product;
#[cfg(feature = "alloc")]
mod sample_rows;
pub(crate) mod samples;
#[cfg(feature = "alloc")]
#[cfg_attr(
    not(feature = "std"),
    expect(dead_code, reason = "threads decide how sinks are cut")
)]
pub(crate) mod sink;
#[cfg(feature = "alloc")]
mod slabs;
#[cfg(feature = "alloc")]
mod tiled;
pub(crate) mod weights;

pub use weights::Weights;
pub(crate) use weights::{Resolved, Sample};
#[cfg(feature = "alloc")]
pub use {floats::FloatRows, packed::PackedWeights};

use crate::bits::{BitMatrixView, BitMatrixViewMut};
use crate::error::Error;
use crate::planes::Planes;
use crate::shape::{equal, row_words, strided, sum_fits};
use driver::compute;
use epilogue::{Affine, RawSums};
use samples::Samples;

/// The left side of a product: `[m, k]`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Activations<'a> {
    /// Elements in {-1, +1}.
    Bits(BitMatrixView<'a>),
    /// Unsigned integers of up to 8 bits, for a first layer.
    Planes(Planes<'a>),
    /// Floats, whose signs are taken.
    #[cfg(feature = "alloc")]
    Floats(FloatRows<'a>),
}

impl<'a> From<BitMatrixView<'a>> for Activations<'a> {
    fn from(bits: BitMatrixView<'a>) -> Self {
        Activations::Bits(bits)
    }
}

impl<'a> From<Planes<'a>> for Activations<'a> {
    fn from(planes: Planes<'a>) -> Self {
        Activations::Planes(planes)
    }
}

/// A threshold per output: the output bit is 1 (`+1`) where `sum >= threshold`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Thresholds<'a> {
    /// Half the bytes, if all thresholds fit.
    I16(&'a [i16]),
    /// The full range of sums.
    I32(&'a [i32]),
}

impl<'a> From<&'a [i16]> for Thresholds<'a> {
    fn from(thresholds: &'a [i16]) -> Self {
        Thresholds::I16(thresholds)
    }
}

impl<'a> From<&'a [i32]> for Thresholds<'a> {
    fn from(thresholds: &'a [i32]) -> Self {
        Thresholds::I32(thresholds)
    }
}

impl Thresholds<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Thresholds::I16(t) => t.len(),
            Thresholds::I32(t) => t.len(),
        }
    }
}

/// Writes the sums: `c[i * c_stride + j]` for `i < m`, `j < n`.
///
/// # Errors
/// If the two sides differ in `k`, a sum could leave `i32`, `c` is too short, or `BNN_ISA` is
/// wrong. Nothing is written then.
pub fn gemm_i32<'a, 'w>(
    a: impl Into<Activations<'a>>,
    w: impl Into<Weights<'w>>,
    c: &mut [i32],
    c_stride: usize,
) -> Result<(), Error> {
    let (a, w) = operands(a.into(), w.into())?;
    strided("output", c.len(), a.len(), w.rows(), c_stride)?;
    compute(&a, &w, &RawSums, c, c_stride);
    Ok(())
}

/// Writes `scale[j] * sum + bias[j]` to `c[i * c_stride + j]`, the sum converted to `f32`, the
/// product and the sum each rounded (never fused), so that every target gives the same bits.
///
/// # Errors
/// Those of [`gemm_i32`], and if `scale` or `bias` does not have `n` elements.
pub fn gemm_f32<'a, 'w>(
    a: impl Into<Activations<'a>>,
    w: impl Into<Weights<'w>>,
    scale: &[f32],
    bias: &[f32],
    c: &mut [f32],
    c_stride: usize,
) -> Result<(), Error> {
    let (a, w) = operands(a.into(), w.into())?;
    strided("output", c.len(), a.len(), w.rows(), c_stride)?;
    equal("scales", w.rows(), scale.len())?;
    equal("biases", w.rows(), bias.len())?;
    compute(&a, &w, &Affine { scale, bias }, c, c_stride);
    Ok(())
}

/// Writes bits: `out[i, j] = +1` where `sum >= thresholds[j]`.
///
/// # Errors
/// Those of [`gemm_i32`], and if there are not `n` thresholds or `out` is not `[m, n]`.
pub fn gemm_bits<'a, 'w, 't>(
    a: impl Into<Activations<'a>>,
    w: impl Into<Weights<'w>>,
    thresholds: impl Into<Thresholds<'t>>,
    out: &mut BitMatrixViewMut<'_>,
) -> Result<(), Error> {
    let (a, w) = operands(a.into(), w.into())?;
    let thresholds = thresholds.into();
    equal("thresholds", w.rows(), thresholds.len())?;
    equal("rows of the output", a.len(), out.rows())?;
    equal("columns of the output", w.rows(), out.cols())?;
    let stride = row_words(out.cols());
    compute(
        &a,
        &w,
        &epilogue::Threshold(thresholds),
        out.words_mut(),
        stride,
    );
    Ok(())
}

/// Checks what every product requires of its two sides.
pub(crate) fn operands<'a, 'w>(
    a: Activations<'a>,
    w: Weights<'w>,
) -> Result<(Samples<'a>, Resolved<'w>), Error> {
    let a = Samples::of(a);
    equal("elements per row of the two sides (k)", w.cols(), a.cols())?;
    sum_fits(a.cols(), a.most())?;
    let w = w.resolve(a.len().saturating_mul(a.rows_per_sample()))?;
    Ok((a, w))
}

#[cfg(all(test, feature = "alloc"))]
mod laws;
