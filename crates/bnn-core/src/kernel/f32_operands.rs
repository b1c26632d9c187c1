//! The operands of products of `f32` with signs, and what a kernel brings for them.

use core::ops::Range;

use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::shape::{equal, nonzero};

/// `out = a · b`; see [`F32Product`](crate::internal::F32Product). The sizes fit each other.
pub(crate) type F32Multiply = fn(a: F32Rows<'_>, b: F32Right<'_>, out: &mut [f32]);

/// A way to multiply `f32` with signs, or with numbers of few bits, that is faster than
/// [tables](super::sign_tables).
pub(crate) struct F32Functions {
    /// Whether this CPU has the instructions that it uses besides the kernel's own.
    pub(super) supported: fn() -> bool,
    pub(super) multiply: F32Multiply,
}

/// The left side of a product: rows of an `f32` matrix, or columns of one taken as rows.
#[derive(Clone, Copy, Debug)]
pub struct F32Rows<'a> {
    /// Starts at the first element.
    pub(crate) data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) depth: usize,
    /// Elements from row to row or, across, from term to term.
    pub(crate) stride: usize,
    /// Whether rows are columns of `data`: the terms of a row are a stride apart.
    pub(crate) across: bool,
}

impl<'a> F32Rows<'a> {
    /// Some terms of some rows, which exist.
    pub(crate) fn part(&self, rows: Range<usize>, terms: Range<usize>) -> Self {
        let first = match self.across {
            false => rows.start * self.stride + terms.start,
            true => terms.start * self.stride + rows.start,
        };
        Self {
            data: self.data.get(first..).unwrap_or_default(),
            rows: rows.len(),
            depth: terms.len(),
            ..*self
        }
    }

    /// The rows of the row-major `data`, `depth` elements each.
    ///
    /// # Errors
    /// [`Error::Zero`] if there are no rows or no terms; [`Error::Mismatch`] if `data` does not
    /// consist of such rows.
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
    /// [`Error::Zero`] if a dimension is zero; [`Error::Mismatch`] if `data` does not consist of
    /// such rows or does not have these columns.
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
    /// Numbers of few bits, such as pixels.
    Bf16Exact(Bf16Exact<'a>),
}

impl F32Right<'_> {
    pub(crate) fn shape(&self) -> (usize, usize) {
        match self {
            F32Right::Signs(bits) => (bits.rows(), bits.cols()),
            F32Right::Bf16Exact(numbers) => (numbers.rows, numbers.cols),
        }
    }
}

/// A row-major matrix of finite `f32` that bfloat16 holds exactly, in 8 significant bits: the
/// integers from -256 to 256 are among them.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(bnn_amx), expect(dead_code, reason = "only AMX reads them"))]
pub struct Bf16Exact<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

impl<'a> Bf16Exact<'a> {
    /// `None` if a number has more bits or is not finite, or if `data` does not consist of at least
    /// one row of `cols`.
    #[must_use]
    pub fn new(data: &'a [f32], cols: usize) -> Option<Self> {
        let rows = data.len().checked_div(cols)?;
        let narrow = |x: &f32| x.to_bits() & 0xFFFF == 0 && x.is_finite();
        // In whole blocks, which the compiler vectorises.
        let mut blocks = data.chunks(1024);
        let fits = rows > 0
            && rows * cols == data.len()
            && blocks.all(|block| block.iter().fold(true, |all, x| all & narrow(x)));
        fits.then_some(Self { data, rows, cols })
    }
}
