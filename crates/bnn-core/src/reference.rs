//! The naive reference: element by element, straight from the laws. Every kernel is tested against
//! it; use it to check a port or a binding, never for speed.

use crate::bits::BitMatrixView;
use crate::conv::{Conv2d, Images, PadValue};
use crate::error::Error;
use crate::shape::{equal, mul, nonzero, strided, sum_fits};

/// `c[i, j] = sum over l of a[i, l] * b[j, l]`, elements in {-1, +1}; `a` is `[m, k]`, `b` is
/// `[n, k]`, `c` is `[m, n]` with rows `c_stride` apart.
///
/// # Errors
/// Shapes that do not fit each other, or `c` too short.
pub fn gemm_i32(
    a: BitMatrixView<'_>,
    b: BitMatrixView<'_>,
    c: &mut [i32],
    c_stride: usize,
) -> Result<(), Error> {
    equal("columns of a and b (k)", a.cols(), b.cols())?;
    sum_fits(a.cols(), 1)?;
    strided("output", c.len(), a.rows(), b.rows(), c_stride)?;
    for (i, row) in c.chunks_mut(c_stride).take(a.rows()).enumerate() {
        for (j, sum) in row.iter_mut().take(b.rows()).enumerate() {
            *sum = (0..a.cols())
                .map(|l| if a.get(i, l) == b.get(j, l) { 1 } else { -1 })
                .sum();
        }
    }
    Ok(())
}

/// `c[i, j] = sum over l of x[i, l] * b[j, l]` with bytes `x`, row-major `[m, k]`, and `b` in
/// {-1, +1}, `[n, k]`; `c` is `[m, n]` with rows `c_stride` apart.
///
/// # Errors
/// Shapes that do not fit each other, or `c` too short.
pub fn gemm_u8_i32(
    x: &[u8],
    b: BitMatrixView<'_>,
    c: &mut [i32],
    c_stride: usize,
) -> Result<(), Error> {
    let rows = nonzero("rows of x", x.len() / b.cols())?;
    equal("bytes of x", rows * b.cols(), x.len())?;
    sum_fits(b.cols(), 255)?;
    strided("output", c.len(), rows, b.rows(), c_stride)?;
    for (x, row) in x.chunks(b.cols()).zip(c.chunks_mut(c_stride)) {
        for (j, sum) in row.iter_mut().take(b.rows()).enumerate() {
            let signed = |(l, &x)| {
                if b.get(j, l) == Some(true) {
                    i32::from(x)
                } else {
                    -i32::from(x)
                }
            };
            *sum = x.iter().enumerate().map(signed).sum();
        }
    }
    Ok(())
}

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
    let ([height, width], [out_height, out_width]) = (conv.input_size(), conv.output_size());
    let (channels, outputs) = (conv.channels(), conv.outputs());
    let (group_channels, group_outputs) = (channels / conv.groups(), outputs / conv.groups());
    let ([_, kernel_width], [top, left]) = (conv.kernel(), conv.padding_before());
    let ([down, right], [dilation_y, dilation_x]) = (conv.stride(), conv.dilation());
    equal("filters", outputs, filters.rows())?;
    equal("elements of a filter", conv.patch_len(), filters.cols())?;
    let pixels = match images {
        Images::Bits(bits) => bits.rows(),
        Images::Unsigned { x, .. } => x.len() / channels,
        #[cfg(feature = "alloc")]
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
            #[cfg(feature = "alloc")]
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
