//! The gradients of a binary convolution on CPUs with a faster way than the float GEMM. Results are
//! the same bits for any number of threads, because the pieces depend only on the batch.

use bnn_core::internal::F32Gradients;
use bnn_core::{BitMatrixView, row_words};
use rayon::prelude::*;

use super::passes::{PIECES, Passes, added_up};
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
        let image = self.windows.pixels() * self.conv.channels();
        let Some((gradients, dy)) = F32Gradients::new(self.conv)?.zip(T::as_f32s(dy)) else {
            return Ok(None);
        };
        let mut result = take_buffer(self.batch * image);
        let Some(dx) = T::as_f32s_mut(&mut result) else {
            return Ok(None);
        };
        dx.par_chunks_mut(self.piece() * image)
            .zip(dy.par_chunks(self.piece() * self.output_len()))
            .try_for_each(|(dx, dy)| gradients.of_images(dy, filters, dx))?;
        Ok(Some(result))
    }

    /// [`filter_gradient`](Self::filter_gradient) with the signs of images, if this CPU has a
    /// faster way.
    pub(super) fn fast_filter_gradient<T: Real>(
        &self,
        dy: &[T],
        images: BitMatrixView<'_>,
    ) -> Result<Option<Vec<T>>, Error> {
        let filters = self.conv.outputs() * self.conv.patch_len();
        let Some((gradients, dy)) = F32Gradients::new(self.conv)?.zip(T::as_f32s(dy)) else {
            return Ok(None);
        };
        let per_image = row_words(images.cols());
        let words = images.words().par_chunks(self.piece() * per_image);
        let pieces = dy
            .par_chunks(self.piece() * self.output_len())
            .zip(words)
            .map(|(dy, words)| {
                let images = BitMatrixView::new(words, words.len() / per_image, images.cols())?;
                let mut sums = Buffer::new(take_buffer(filters));
                if let Some(sums) = T::as_f32s_mut(sums.as_mut_slice()) {
                    gradients.of_filters(dy, images, sums)?;
                }
                Ok(sums)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Some(added_up(pieces)))
    }

    /// Images of a piece.
    fn piece(&self) -> usize {
        self.batch.div_ceil(PIECES)
    }

    /// Elements of an image's output.
    fn output_len(&self) -> usize {
        self.windows.per_image() * self.conv.outputs()
    }
}
