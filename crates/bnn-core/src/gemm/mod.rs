//! Matrix products on bits: `y[i, j] = sum over l of a[i, l] * w[j, l]`, with three epilogues: the
//! `i32` sums, an affine map to `f32`, or thresholds to bits. `a` is `[m, k]`, `w` is `[n, k]` (a
//! row per output), `y` is `[m, n]`. With `m = 1` it is the matrix-vector product.
//!
//! All results are equal, bit for bit, for every kernel and any number of threads.

mod byte_tables;
#[expect(
    dead_code,
    reason = "products in tiles and products in place each use a part of it"
)]
pub(crate) mod epilogue;
#[cfg(feature = "alloc")]
mod floats;
#[cfg(feature = "alloc")]
pub(crate) mod gather;
#[cfg(not(feature = "alloc"))]
mod in_place;
#[cfg_attr(
    not(feature = "std"),
    expect(dead_code, reason = "threads decide how outputs are cut")
)]
pub(crate) mod output;
#[cfg(feature = "alloc")]
mod packed;
#[cfg(feature = "std")]
mod parallel;
pub(crate) mod product;
#[cfg(feature = "alloc")]
mod sample_rows;
pub(crate) mod samples;
#[cfg(feature = "alloc")]
mod slabs;
#[cfg(feature = "alloc")]
mod tiled;
mod weights;

#[cfg(feature = "conv")]
pub(crate) use byte_tables::ByteTables;
#[cfg(feature = "alloc")]
pub use floats::FloatRows;
#[cfg(feature = "alloc")]
pub use packed::PackedWeights;
#[cfg(feature = "std")]
pub use parallel::{WORTH_A_THREAD, single_threaded};
#[cfg(feature = "conv")]
pub(crate) use weights::OUTPUTS;
pub use weights::Weights;
pub(crate) use weights::{Resolved, Sample};

use crate::bits::{BitMatrixView, BitMatrixViewMut};
use crate::error::Error;
use crate::planes::Planes;
use crate::shape::{equal, row_words, strided, sum_fits};
use epilogue::{Affine, Epilogue, RawSums};
use output::{Columns, Strided, TiledOutput};
use product::Product;
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

#[cfg(feature = "alloc")]
impl<'a> From<FloatRows<'a>> for Activations<'a> {
    fn from(floats: FloatRows<'a>) -> Self {
        Activations::Floats(floats)
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
    #[cfg(feature = "alloc")]
    pub(crate) fn get(&self, output: usize) -> Option<i32> {
        match self {
            Thresholds::I16(t) => t.get(output).map(|&t| t.into()),
            Thresholds::I32(t) => t.get(output).copied(),
        }
    }

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

/// Computes the whole product. `c` has room for it, and the epilogue has parameters for all
/// outputs.
pub(crate) fn compute<E: Epilogue>(
    a: &Samples<'_>,
    w: &Resolved<'_>,
    epilogue: &E,
    c: &mut [E::Elem],
    stride: usize,
) {
    #[cfg(feature = "alloc")]
    if slabs::compute(a, w, epilogue, c, stride) {
        return;
    }
    compute_all(&Product { a, w, epilogue }, c, stride);
}

/// Computes all outputs, on several threads if they are worth it. `c` holds a row of outputs per
/// sample, `stride` elements apart.
pub(crate) fn compute_all<P: TiledOutput>(outputs: &P, c: &mut [P::Elem], stride: usize) {
    #[cfg(feature = "std")]
    if parallel::compute(outputs, c, stride) {
        return;
    }
    let [m, n] = outputs.shape();
    outputs.part(0..m, &Columns::all(n), &mut Strided { c, stride });
}

/// Without threads there is nothing to keep work from.
#[cfg(all(feature = "alloc", not(feature = "std")))]
pub(crate) fn single_threaded<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Checks what every product requires of its two sides.
pub(crate) fn operands<'a, 'w>(
    a: Activations<'a>,
    w: Weights<'w>,
) -> Result<(Samples<'a>, Resolved<'w>), Error> {
    let a = match a {
        Activations::Bits(bits) => Samples::of_bits(bits),
        Activations::Planes(planes) => Samples::of_planes(planes),
        #[cfg(feature = "alloc")]
        Activations::Floats(floats) => Samples::of_floats(floats),
    };
    equal("elements per row of the two sides (k)", w.cols(), a.cols())?;
    sum_fits(a.cols(), a.most())?;
    let w = w.resolve(a.len().saturating_mul(a.rows_per_sample()))?;
    Ok((a, w))
}

#[cfg(all(test, feature = "alloc"))]
mod laws;
