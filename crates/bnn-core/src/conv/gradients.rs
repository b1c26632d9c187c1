//! The gradients of a binary convolution on CPUs that have a faster way than products of patches
//! (AMX-BF16).

use super::geometry::{Conv2d, PadValue};
use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::kernel::Kernel;
use crate::kernel::f32_operands::F32Gradient;
use crate::kernel::grid::Grid;
use crate::shape::{equal, nonzero};
use crate::window::Axis;

/// With fewer channels most of a tile would be empty.
const LEAST_CHANNELS: usize = 16;

/// The largest ratio of the padded image to all other operands.
const MOST_PADDING: usize = 4;

/// The gradients of a convolution of signs with signs, computed as products of `f32` and signs
/// without a matrix of patches. If [`F32Gradients::new`] returns `None`, gather patches and call a
/// matrix product.
///
/// The error is that of [`F32Product`](crate::internal::F32Product). Padding adds what its value
/// says; infinite or NaN gradients of the output give NaN wherever the padding is zero and seen by
/// their windows. Both functions run on the calling thread; the gradient of an image has the same
/// bits whatever others are made with it.
///
/// ```
/// use bnn_core::BitMatrix;
/// use bnn_core::conv::{Conv2d, ConvOptions, Padding};
/// use bnn_core::internal::F32Gradients;
///
/// # fn main() -> Result<(), bnn_core::Error> {
/// let options = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
/// let conv = Conv2d::new([5, 5, 16], 32, [3, 3], options)?;
/// if let Some(gradients) = F32Gradients::new(&conv)? {
///     let dy = [1.0; 5 * 5 * 32];
///     let filters = BitMatrix::pack(&[1.0_f32; 32 * 9 * 16], 32, conv.patch_len())?;
///     let mut dx = [0.0; 5 * 5 * 16];
///     gradients.of_images(&dy, filters.view(), &mut dx)?;
///     assert_eq!(dx[0], 4.0 * 32.0); // four windows see the corner
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct F32Gradients {
    grid: Grid,
    images: F32Gradient,
    filters: F32Gradient,
}

impl F32Gradients {
    /// `None` if the active kernel has no such functions, or if they are not fast for this
    /// convolution: they require a stride of 1, one group, at least 16 channels, and a padded image
    /// that is not mostly padding.
    ///
    /// # Errors
    /// As [`Kernel::active`].
    pub fn new(conv: &Conv2d) -> Result<Option<Self>, Error> {
        let fits = conv.windows().stride() == [1, 1]
            && conv.groups() == 1
            && conv.channels().min(conv.outputs()) >= LEAST_CHANNELS
            && is_compact(conv);
        let ways = Kernel::active()?.f32_gradients().filter(|_| fits);
        Ok(ways.map(|[images, filters]| Self {
            grid: Grid {
                input: conv.windows().input_size(),
                output: conv.windows().output_size(),
                kernel: conv.windows().kernel(),
                dilation: conv.windows().dilation(),
                before: conv.windows().padding_before(),
                channels: conv.channels(),
                outputs: conv.outputs(),
                padding: match conv.pad_value() {
                    PadValue::Zero => None,
                    PadValue::MinusOne => Some(false),
                    PadValue::PlusOne => Some(true),
                },
            },
            images,
            filters,
        }))
    }

    /// Writes the gradient of some images, `[images, height, width, channels]`, to `dx`, out of
    /// that of their outputs, `dy`, `[images, output height, output width, outputs]`, and the
    /// filters, rows of bits `[outputs, patch_len]`.
    ///
    /// # Errors
    /// [`Error::Zero`] for no images; [`Error::Mismatch`] where sizes do not fit. Nothing is
    /// written then.
    pub fn of_images(
        &self,
        dy: &[f32],
        filters: BitMatrixView<'_>,
        dx: &mut [f32],
    ) -> Result<(), Error> {
        let images = self.images_of(dy)?;
        equal("filters", self.grid.outputs, filters.rows())?;
        equal("elements of a filter", self.grid.patch(), filters.cols())?;
        let elements = images.saturating_mul(self.grid.image_len());
        equal("elements of the images", elements, dx.len())?;
        (self.images)(&self.grid, dy, filters, dx);
        Ok(())
    }

    /// Writes the gradient of the filters, `[outputs, patch_len]`, to `dw`, out of that of the
    /// outputs, `dy`, as in [`of_images`](Self::of_images), and the signs of the images, a row of
    /// bits for each.
    ///
    /// # Errors
    /// As there.
    pub fn of_filters(
        &self,
        dy: &[f32],
        images: BitMatrixView<'_>,
        dw: &mut [f32],
    ) -> Result<(), Error> {
        equal("images", self.images_of(dy)?, images.rows())?;
        equal("elements of an image", self.grid.image_len(), images.cols())?;
        let elements = self.grid.outputs.saturating_mul(self.grid.patch());
        equal("elements of the filters", elements, dw.len())?;
        (self.filters)(&self.grid, dy, images, dw);
        Ok(())
    }

    fn images_of(&self, dy: &[f32]) -> Result<usize, Error> {
        let images = nonzero("images", dy.len() / self.grid.output_len())?;
        equal(
            "elements of the gradient of the outputs",
            images * self.grid.output_len(),
            dy.len(),
        )?;
        Ok(images)
    }
}

/// Whether the padded image, which is held in memory, is not many times larger than image, output
/// and filters together. A large dilation can spread it to any size, even beyond `usize`.
fn is_compact(conv: &Conv2d) -> bool {
    // Of an axis with a stride of 1: all pixels under windows.
    let side = |axis: &Axis| axis.output + (axis.extent() - 1);
    let windows = conv.windows();
    let pixels = side(&windows.y).checked_mul(side(&windows.x));
    let known = [windows.pixels(), windows.output_pixels(), windows.taps()];
    let known = known.iter().fold(0, |sum: usize, n| sum.saturating_add(*n));
    pixels.is_some_and(|pixels| pixels / MOST_PADDING <= known)
}

#[cfg(test)]
mod laws;
