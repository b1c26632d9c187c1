//! The convolution, element by element.

use crate::bits::BitMatrixView;
use crate::conv::{Conv2d, Images, PadValue};
use crate::error::Error;
use crate::shape::{equal, mul, nonzero};

/// The convolution from its definition: for images of `[batch, height, width, channels]`, filters
/// `[outputs, patch_len]` and outputs `[batch, output height, output width, outputs]` without gaps,
/// `y[b, oy, ox, o]` is the sum over `ky`, `kx`, `c` of
/// `w[o, ky, kx, c] * x[b, oy * stride + ky * dilation - padding, .., first channel of o's group + c]`,
/// where `x` outside the image is the padding's value.
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
    let pixels = match images {
        Images::Bits(bits) => bits.rows(),
        Images::Unsigned { x, .. } => x.len() / channels,
        Images::Floats(x) => x.len() / channels,
    };
    let batch = nonzero("images", pixels / (height * width))?;
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
