//! The gradient of the images of a binary convolution on CPUs with a faster way than the float
//! GEMM. Results are the same bits for any number of threads, because every image is added up by
//! one thread.

use bnn_core::BitMatrixView;
use bnn_core::internal::ImageGradient;
use rayon::prelude::*;

use super::passes::{Filters, PIECES, Passes};
use crate::buffer::{Buffer, take_buffer};
use crate::error::Error;
use crate::real::Real;

impl Passes<'_> {
    /// [`image_gradient`](Self::image_gradient) with the signs of filters, if this CPU has a faster
    /// way.
    pub(super) fn fast_image_gradient<T: Real>(
        &self,
        dy: &[T],
        filters: BitMatrixView<'_>,
    ) -> Result<Option<Vec<T>>, Error> {
        let (image, output) = (
            self.windows.pixels() * self.conv.channels(),
            self.windows.per_image() * self.conv.outputs(),
        );
        let Some((gradient, dy)) = ImageGradient::new(self.conv)?.zip(T::as_f32s(dy)) else {
            return Ok(None);
        };
        let mut result = take_buffer(self.batch * image);
        let Some(dx) = T::as_f32s_mut(&mut result) else {
            return Ok(None);
        };
        let piece = self.batch.div_ceil(PIECES);
        dx.par_chunks_mut(piece * image)
            .zip(dy.par_chunks(piece * output))
            .try_for_each(|(dx, dy)| gradient.compute(dy, filters, dx))?;
        Ok(Some(result))
    }

    /// [`image_gradient`](Self::image_gradient) with the signs of filters to every element of `dx`,
    /// for few images: by this thread, if this CPU has a faster way.
    pub(super) fn image_gradient_to<T: Real>(
        &self,
        dy: &[T],
        filters: BitMatrixView<'_>,
        dx: &mut [T],
    ) -> Result<(), Error> {
        let fast = ImageGradient::new(self.conv)?;
        if let (Some(fast), Some(dy), Some(dx)) = (fast, T::as_f32s(dy), T::as_f32s_mut(dx)) {
            return Ok(fast.compute(dy, filters, dx)?);
        }
        let product = Buffer::new(self.image_gradient(dy, Filters::Signs(filters))?);
        dx.copy_from_slice(&product);
        Ok(())
    }
}
