//! A tensor's heads: `[.., t, d]` as one `[t, d / heads]` matrix per leading index and head.

use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// The division of the elements of `[.., t, d]` into heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heads {
    /// Product of the leading dimensions.
    pub(super) batch: usize,
    /// Rows of a head: positions.
    pub(super) rows: usize,
    pub(super) heads: usize,
    /// Columns of a head: features.
    pub(super) width: usize,
}

impl Heads {
    pub(super) fn new(what: &'static str, shape: &[usize], heads: usize) -> Result<Self, Error> {
        let error = || Error::Shape {
            what,
            expected: format!("[.., t, d] with d a multiple of the {heads} heads"),
            found: shape.to_vec(),
        };
        let [leading @ .., rows, d] = shape else {
            return Err(error());
        };
        if heads == 0 || !d.is_multiple_of(heads) {
            return Err(error());
        }
        Ok(Self {
            batch: leading.iter().product(),
            rows: *rows,
            heads,
            width: d / heads,
        })
    }

    /// The number of matrices.
    pub(super) fn count(&self) -> usize {
        self.batch * self.heads
    }

    /// Head `i`, row-major without gaps.
    pub(super) fn take<T: Real>(&self, x: &Tensor<T>, i: usize) -> Vec<T> {
        let mut head = Vec::with_capacity(self.rows * self.width);
        for row in 0..self.rows {
            head.extend_from_slice(&x.data()[self.start(i, row)..][..self.width]);
        }
        head
    }

    /// The tensor of such heads.
    pub(super) fn join<'a, T: Real>(
        &self,
        heads: impl Iterator<Item = &'a [T]>,
        shape: &[usize],
    ) -> Tensor<T> {
        let mut x = vec![T::zero(); self.count() * self.rows * self.width];
        for (i, head) in heads.enumerate() {
            for (row, part) in head.chunks(self.width).enumerate() {
                x[self.start(i, row)..][..self.width].copy_from_slice(part);
            }
        }
        Tensor::trusted(x, shape.to_vec())
    }

    /// The first element of a row of head `i`.
    fn start(&self, i: usize, row: usize) -> usize {
        let (batch, head) = (i / self.heads, i % self.heads);
        ((batch * self.rows + row) * self.heads + head) * self.width
    }
}
