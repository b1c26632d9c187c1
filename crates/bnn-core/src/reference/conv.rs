//! The convolution, element by element.

use crate::bits::BitMatrixView;
use crate::conv::{Conv2d, Images, PadValue};
use crate::error::Error;
use crate::shape::{equal, mul, nonzero};

/// The convolution from its definition: for images of `[batch, height, width, channels]`, filters
/// `[outputs, patch_len]` and outputs `[batch, output height, output width, outputs]` without gaps,
/// `y[b, oy, ox, o]` is the sum over `ky`, `kx`, `c` of `w[o, ky, kx, c] * x[b, oy * stride + ky *
/// dilation - padding, .., first channel of o's group + c]`, where `x` outside the image is the
/// padding's value.
///
/// # Errors
/// Filters or outputs of another shape than the convolution's, images that are not whole.
pub fn conv2d<'a>(
    images: impl Into<Images<'a>>,
    conv: &Conv2d,
    filters: BitMatrixView<'_>,
    y: &mut [i32],
) -> Result<(), Error> {
    let images = images.into();
    let ([height, width], [out_height, out_width]) =
        (conv.windows().input_size(), conv.windows().output_size());
    let (channels, outputs) = (conv.channels(), conv.outputs());
    let (group_channels, group_outputs) = (channels / conv.groups(), outputs / conv.groups());
    let ([_, kernel_width], [top, left]) =
        (conv.windows().kernel(), conv.windows().padding_before());
    let ([down, right], [dilation_y, dilation_x]) =
        (conv.windows().stride(), conv.windows().dilation());
    equal("filters", outputs, filters.rows())?;
    equal("elements of a filter", conv.patch_len(), filters.cols())?;
    let elements = match images {
        Images::Bits(bits) => {
            equal("bits of a pixel", channels, bits.cols())?;
            mul("bits of the images", bits.rows(), channels)?
        }
        Images::Unsigned { x, .. } => x.len(),
        Images::Floats(x) => x.len(),
    };
    let per_image = mul("elements of an image", height * width, channels)?;
    let batch = nonzero("images", elements / per_image)?;
    equal("elements of whole images", batch * per_image, elements)?;
    let out_pixels = mul("pixels of y", batch, out_height * out_width)?;
    equal(
        "elements of y",
        mul("elements of y", out_pixels, outputs)?,
        y.len(),
    )?;
    let sign = |plus: bool| if plus { 1 } else { -1 };
    let element = |b: usize, iy: Option<usize>, ix: Option<usize>, c: usize| {
        let (Some(iy), Some(ix)) = (iy.filter(|&iy| iy < height), ix.filter(|&ix| ix < width))
        else {
            return match conv.pad_value() {
                PadValue::Zero => 0,
                PadValue::MinusOne => -1,
                PadValue::PlusOne => 1,
            };
        };
        let pixel = (b * height + iy) * width + ix;
        match images {
            Images::Bits(bits) => sign(bits.get(pixel, c) == Some(true)),
            Images::Unsigned { x, .. } => x.get(pixel * channels + c).map_or(0, |&x| i32::from(x)),
            Images::Floats(x) => sign(x.get(pixel * channels + c).is_some_and(|&x| x >= 0.0)),
        }
    };
    for (i, y) in y.iter_mut().enumerate() {
        let (o, p) = (i % outputs, i / outputs);
        let (ox, oy, b) = (
            p % out_width,
            p / out_width % out_height,
            p / (out_width * out_height),
        );
        let group = o / group_outputs;
        *y = (0..conv.patch_len())
            .map(|l| {
                let (c, tap) = (l % group_channels, l / group_channels);
                let (kx, ky) = (tap % kernel_width, tap / kernel_width);
                let iy = (oy * down + ky * dilation_y).checked_sub(top);
                let ix = (ox * right + kx * dilation_x).checked_sub(left);
                let x = element(b, iy, ix, group * group_channels + c);
                sign(filters.get(o, l) == Some(true)) * x
            })
            .sum();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conv::ConvOptions;

    #[test]
    fn images_that_are_not_whole_are_refused() -> Result<(), Error> {
        let conv = Conv2d::new([2, 2, 1], 1, [1, 1], ConvOptions::default())?;
        let filter = BitMatrixView::new(&[1], 1, 1)?;
        let x = [1, 2, 3, 4, 5, 6, 7, 8];
        for (len, whole) in [(4, true), (5, false), (7, false), (8, true)] {
            let images = Images::Unsigned {
                x: &x[..len],
                depth: 8,
            };
            let mut y = [0; 8];
            let result = conv2d(images, &conv, filter, &mut y[..len / 4 * 4]);
            assert_eq!(result.is_ok(), whole, "{len} pixels");
        }
        // Two pixels of two bits are not four of one.
        let wide = BitMatrixView::new(&[0, 0], 2, 2)?;
        assert!(conv2d(wide, &conv, filter, &mut [0; 4]).is_err());
        Ok(())
    }
}
