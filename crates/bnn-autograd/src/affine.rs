//! A factor and a summand for each column: what a batch norm comes to.

use bnn_core::internal::{Loop, vectorised};

use crate::buffer::take_buffer;
use crate::parallel::for_row_pairs;
use crate::real::Real;

/// `y = scale * x + bias` per column, such as a folded normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine<T: Real = f32> {
    /// One factor per column.
    pub scale: Vec<T>,
    /// One summand per column.
    pub bias: Vec<T>,
}

impl<T: Real> Affine<T> {
    /// `scale * x + bias` for every row of `x`; rounded after the product and after the sum.
    pub(crate) fn apply(&self, x: &[T]) -> Vec<T> {
        let mut y = take_buffer(x.len());
        for_row_pairs(&mut y, x, self.scale.len(), |y, x| self.row(x, y));
        y
    }

    /// [`apply`](Self::apply) to whole rows, on this thread.
    pub(crate) fn apply_to(&self, x: &[T], y: &mut [T]) {
        vectorised(AffineRows { affine: self, x, y });
    }

    #[inline(always)]
    fn row(&self, x: &[T], y: &mut [T]) {
        let columns = self.scale.iter().zip(&self.bias);
        for ((y, &x), (&scale, &bias)) in y.iter_mut().zip(x).zip(columns) {
            *y = scale * x + bias;
        }
    }
}

/// The loop of [`Affine::apply_to`].
struct AffineRows<'a, T: Real> {
    affine: &'a Affine<T>,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Real> Loop for AffineRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let n = self.affine.scale.len();
        for (y, x) in self.y.chunks_mut(n).zip(self.x.chunks(n)) {
            self.affine.row(x, y);
        }
    }
}
