//! Products of `f32` matrices with signs, as the backward pass of binary layers wants them, where the CPU has
//! something faster for that than multiplying floats with floats.

use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::kernel::{F32Multiply, Kernel};
use crate::shape::{equal, nonzero};

/// The way of this CPU to multiply `f32` with signs or with [`Narrow`] numbers that is faster than a product of
/// floats. Whoever has none expands the signs and takes a library for floats.
///
/// Every `f32` is cut into three numbers of 8 significant bits (bfloat16), which add up to it exactly; their products
/// with signs and narrow numbers are summed in `f32`. So the error is that of a sum in `f32`, of three times as
/// many terms, in an order that depends on the shape alone: which rows are multiplied together changes no bit of
/// the result. Finite numbers below 2^-110 lose bits below 2^-126, and sums below that are 0. NaN and infinity
/// go through.
#[derive(Clone, Copy, Debug)]
pub struct F32Product {
    multiply: F32Multiply,
}

impl F32Product {
    /// `None` where the kernel in use has no such way.
    ///
    /// # Errors
    /// As [`Kernel::active`].
    pub fn active() -> Result<Option<Self>, Error> {
        Ok(Kernel::active()?.f32_product())
    }

    pub(crate) fn new(multiply: F32Multiply) -> Self {
        Self { multiply }
    }

    /// Writes `a · b` to `out`, row-major `[a.rows, b.cols]` without gaps. Runs on the calling thread.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where the sizes do not fit each other. Nothing is written then.
    pub fn multiply(&self, a: F32Rows<'_>, b: F32Right<'_>, out: &mut [f32]) -> Result<(), Error> {
        let (depth, cols) = b.shape();
        equal("terms of the two sides of a product", depth, a.depth)?;
        let outputs = a.rows.saturating_mul(cols);
        equal("elements of a product", outputs, out.len())?;
        (self.multiply)(a, b, out);
        Ok(())
    }
}

/// Rows of an `f32` matrix, or columns of one, taken as rows: the left side of a product.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "read by kernels that not every target has")]
pub struct F32Rows<'a> {
    /// From the first element on.
    pub(crate) data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) depth: usize,
    /// From row to row, or from term to term.
    pub(crate) stride: usize,
    /// Whether a row lies across `data`: its terms are a stride apart.
    pub(crate) across: bool,
}

impl<'a> F32Rows<'a> {
    /// The rows of the row-major `data`, `depth` elements each.
    ///
    /// # Errors
    /// [`Error::Zero`] for no rows or rows of nothing; [`Error::Mismatch`] where `data` is not made of such rows.
    pub fn rows(data: &'a [f32], depth: usize) -> Result<Self, Error> {
        let rows = nonzero("rows", data.len() / nonzero("terms", depth)?)?;
        equal("elements of a matrix", rows * depth, data.len())?;
        Ok(Self {
            data,
            rows,
            depth,
            stride: depth,
            across: false,
        })
    }

    /// `count` columns, from `first` on, of the row-major `data` of `cols` columns.
    ///
    /// # Errors
    /// [`Error::Zero`] for nothing; [`Error::Mismatch`] where `data` is not made of such rows or does not have these
    /// columns.
    pub fn columns(
        data: &'a [f32],
        cols: usize,
        first: usize,
        count: usize,
    ) -> Result<Self, Error> {
        let depth = nonzero("terms", data.len() / nonzero("columns", cols)?)?;
        equal("elements of a matrix", depth * cols, data.len())?;
        nonzero("rows", count)?;
        let last = first.saturating_add(count);
        equal("columns of a matrix", last.min(cols), last)?;
        Ok(Self {
            data: data.get(first..).unwrap_or_default(),
            rows: count,
            depth,
            stride: cols,
            across: true,
        })
    }
}

/// The right side of a product, `[terms, cols]`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum F32Right<'a> {
    /// Numbers in {-1, +1}.
    Signs(BitMatrixView<'a>),
    /// Numbers of few bits, as pixels are.
    Narrow(Narrow<'a>),
}

impl F32Right<'_> {
    pub(crate) fn shape(&self) -> (usize, usize) {
        match self {
            F32Right::Signs(bits) => (bits.rows(), bits.cols()),
            F32Right::Narrow(numbers) => (numbers.rows, numbers.cols),
        }
    }
}

/// A row-major matrix of finite `f32` of 8 significant bits: among them the integers from -256 to 256.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "read by kernels that not every target has")]
pub struct Narrow<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

impl<'a> Narrow<'a> {
    /// `None` where a number has more bits or is not finite, or `data` is not made of rows of `cols`, at least one.
    #[must_use]
    pub fn new(data: &'a [f32], cols: usize) -> Option<Self> {
        let rows = data.len().checked_div(cols)?;
        let narrow = |x: &f32| x.to_bits() & 0xFFFF == 0 && x.is_finite();
        // Whole blocks, which the compiler makes vectors of.
        let mut blocks = data.chunks(1024);
        let fits = rows > 0
            && rows * cols == data.len()
            && blocks.all(|block| block.iter().fold(true, |all, x| all & narrow(x)));
        fits.then_some(Self { data, rows, cols })
    }
}

#[cfg(test)]
#[path = "f32_product_laws.rs"]
mod laws;
