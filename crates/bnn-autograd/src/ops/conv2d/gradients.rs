//! The gradients of a binary convolution without a tape. `dy` is `[batch, output height, output
//! width, outputs]`: with respect to the outputs for the scale, and with respect to the sums
//! (`scaled`) for images and filters. What is saved has a row
//! per image.

use bnn_core::conv::{Conv2d, PackedFilters};
use bnn_core::{BitMatrix, BitMatrixView};

use super::passes::{Filters, PIECES, PaddedImages, Passes, Pixels};
use super::shape::padding;
use crate::bits::{apply_mask, split_rows};
use crate::buffer::{Buffer, take_buffer};
use crate::error::Error;
use crate::linalg::sign_conv2d;
use crate::ops::channels::column_sums_of;
use crate::saved_input::SavedInput;

/// The most pieces that the gradient of the filters is added up from; each has the gradient's size
/// and is a sum of products of that size.
pub const FILTER_PIECES: usize = PIECES;

/// `dx`, `[batch, height, width, channels]`: `dy` through the transpose of the convolution with
/// `sign(w)`, where the mask of `saved` is set, else 0. Filters are `[outputs, patch_len]`.
///
/// # Errors
/// [`Error::Count`] if a slice has another length than the shapes say.
pub fn input(
    conv: &Conv2d,
    filters: BitMatrixView<'_>,
    saved: &SavedInput<'_>,
    dy: &[f32],
    dx: &mut [f32],
) -> Result<(), Error> {
    let passes = passes(conv, saved, dy)?;
    Error::check_count("filters", conv.outputs(), filters.rows())?;
    Error::check_count("elements of a filter", conv.patch_len(), filters.cols())?;
    let elements = saved.signs().rows().saturating_mul(saved.signs().cols());
    Error::check_count("gradient of the images", elements, dx.len())?;
    let product = Buffer::new(passes.image_gradient(dy, Filters::Signs(filters))?);
    dx.copy_from_slice(&product);
    apply_mask(dx, saved.mask());
    Ok(())
}

/// `dw`, `[outputs, kernel height, kernel width, channels / groups]`: the gradient with respect to
/// `sign(w)`, which passes straight.
///
/// # Errors
/// [`Error::Count`] if a slice has another length than the shapes say.
pub fn filters(
    conv: &Conv2d,
    saved: &SavedInput<'_>,
    dy: &[f32],
    dw: &mut [f32],
) -> Result<(), Error> {
    let passes = passes(conv, saved, dy)?;
    let elements = conv.outputs() * conv.patch_len();
    Error::check_count("gradient of the filters", elements, dw.len())?;
    let images = PaddedImages {
        pixels: Pixels::Signs(saved.signs()),
        padding: padding(conv.pad_value()),
    };
    let product = Buffer::new(passes.filter_gradient(dy, images)?);
    dw.copy_from_slice(&product);
    Ok(())
}

/// `dscale[o] = sum over windows of dy[.., o] * sum[.., o]`, the sums computed again from the saved
/// signs.
///
/// # Errors
/// [`Error::Count`] if a slice has another length than the shapes say.
pub fn scale(
    filters: &PackedFilters,
    saved: &SavedInput<'_>,
    dy: &[f32],
    dscale: &mut [f32],
) -> Result<(), Error> {
    let conv = filters.conv();
    passes(conv, saved, dy)?;
    Error::check_count("gradient of the scale", conv.outputs(), dscale.len())?;
    let mut sums = Buffer::new(take_buffer(dy.len()));
    let pixels = pixels(conv, saved)?;
    sign_conv2d(pixels.view(), filters, sums.as_mut_slice())?;
    let products = column_sums_of(dy, &sums, conv.outputs(), |dy, sum| {
        f64::from(dy) * f64::from(sum)
    });
    dscale.copy_from_slice(products.data());
    Ok(())
}

/// The saved signs with a row per pixel, `[batch * height * width, channels]`, as convolutions read
/// them.
///
/// # Errors
/// [`Error::Count`] if the rows are not the convolution's images.
pub fn pixels(conv: &Conv2d, saved: &SavedInput<'_>) -> Result<BitMatrix, Error> {
    check_images(conv, saved)?;
    Ok(split_rows(saved.signs(), conv.channels())?)
}

fn check_images(conv: &Conv2d, saved: &SavedInput<'_>) -> Result<(), Error> {
    let [height, width] = conv.windows().input_size();
    let image = height * width * conv.channels();
    Error::check_count("elements of an image", image, saved.signs().cols())
}

fn passes<'c>(conv: &'c Conv2d, saved: &SavedInput<'_>, dy: &[f32]) -> Result<Passes<'c>, Error> {
    check_images(conv, saved)?;
    let batch = saved.signs().rows();
    let [height, width] = conv.windows().output_size();
    let elements = (height * width * conv.outputs()).saturating_mul(batch);
    Error::check_count("gradient of the outputs", elements, dy.len())?;
    Ok(Passes::new(conv, batch))
}
