//! Shapes whose sizes are as large as they can be: refused, or computed with in what their buffers
//! account for. A case that takes unbounded time or memory shows as a time-out or as memory
//! exhausted.

use arbitrary::{Arbitrary, Unstructured};
use bnn_core::conv::{
    Conv2d, ConvOptions, PackedFilters, PadValue, Padding, Pool2d, conv2d_bits, conv2d_i32,
    max_pool2d,
};
use bnn_core::internal::ImageGradient;
use bnn_core::model::{Epilogue, InputType, ModelWriter};
use bnn_core::{BitMatrix, Error, reference};

use crate::{Numbers, affordable};

/// Elements of the largest operand, and products of the largest convolution.
const MOST: usize = 1 << 16;

#[derive(Arbitrary, Debug)]
pub(super) struct Extreme {
    #[arbitrary(with = sizes)]
    image: [usize; 3],
    #[arbitrary(with = sizes)]
    outputs: [usize; 1],
    #[arbitrary(with = sizes)]
    groups: [usize; 1],
    #[arbitrary(with = sizes)]
    kernel: [usize; 2],
    #[arbitrary(with = sizes)]
    stride: [usize; 2],
    #[arbitrary(with = sizes)]
    dilation: [usize; 2],
    #[arbitrary(with = sizes)]
    padding: [usize; 4],
    same: bool,
    value: Option<bool>,
}

/// Mostly small sizes, for others must be few to be a shape; else around powers of two, or any.
fn sizes<const N: usize>(u: &mut Unstructured<'_>) -> arbitrary::Result<[usize; N]> {
    let mut sizes = [0; N];
    for size in &mut sizes {
        let power = 1_usize << u.int_in_range(0..=usize::BITS - 1)?;
        *size = match u.int_in_range(0..=9)? {
            0..=5 => u.int_in_range(1..=6)?,
            6 => power,
            7 => power - 1,
            8 => power.saturating_add(1),
            _ => u.arbitrary()?,
        };
    }
    Ok(sizes)
}

impl Extreme {
    pub(super) fn run(&self) -> bool {
        let [top, bottom, left, right] = self.padding;
        let padding = match self.same {
            true => Padding::Same,
            false => Padding::Explicit {
                top,
                bottom,
                left,
                right,
            },
        };
        let pooled = Pool2d::new(self.image, self.kernel, self.stride, padding);
        let pooled = pooled.is_ok_and(|pool| self.pool(&pool).expect("a matrix of some words"));
        let options = ConvOptions {
            stride: self.stride,
            dilation: self.dilation,
            groups: self.groups[0],
            padding,
            pad_value: match self.value {
                None => PadValue::Zero,
                Some(false) => PadValue::MinusOne,
                Some(true) => PadValue::PlusOne,
            },
        };
        let conv = Conv2d::new(self.image, self.outputs[0], self.kernel, options);
        let convolved = conv.is_ok_and(|conv| convolve(&conv).expect("matrices of some words"));
        pooled || convolved
    }

    fn pool(&self, pool: &Pool2d) -> Result<bool, Error> {
        let ([height, width], [out_height, out_width]) =
            (pool.windows().input_size(), pool.windows().output_size());
        let channels = pool.channels();
        // Each window looks at no more than the whole image.
        let is_affordable = affordable(&[height, width, out_height, out_width, channels], MOST);
        if is_affordable {
            let images = Numbers::new(b"pool").bits(height * width, channels)?;
            let mut out = BitMatrix::zeros(out_height * out_width, channels)?;
            max_pool2d(images.view(), pool, &mut out.view_mut())?;
        }
        Ok(is_affordable)
    }
}

/// Lays filters out wherever they are affordable themselves, and compares with the definition where
/// all is.
fn convolve(conv: &Conv2d) -> Result<bool, Error> {
    let (n, k) = (conv.outputs(), conv.patch_len());
    if !affordable(&[n, k], MOST) {
        return Ok(false);
    }
    let mut numbers = Numbers::new(b"convolution");
    let filters = numbers.bits(n, k)?;
    let packed = PackedFilters::new(conv, filters.view())?;
    let mut writer = ModelWriter::new(InputType::Bits);
    if writer.conv2d(conv, filters.view(), Epilogue::Sums).is_ok() {
        writer.finish().expect("a layer that the writer has taken");
    }
    let ([height, width], [out_height, out_width]) =
        (conv.windows().input_size(), conv.windows().output_size());
    let elements = [height, width, conv.channels()];
    if !affordable(&elements, MOST) || !affordable(&[out_height, out_width, n, k], MOST) {
        return Ok(true);
    }
    let outputs = out_height * out_width;
    let images = numbers.bits(height * width, conv.channels())?;
    let mut expected = vec![0; outputs * n];
    reference::conv2d(images.view(), conv, filters.view(), &mut expected)?;
    let mut sums = vec![0; outputs * n];
    conv2d_i32(images.view(), &packed, &mut sums, n)?;
    assert_eq!(sums, expected);
    let mut bits = BitMatrix::zeros(outputs, n)?;
    let thresholds = vec![1; n];
    let out = &mut bits.view_mut();
    conv2d_bits(images.view(), &packed, thresholds.as_slice(), out)?;
    for (i, &sum) in expected.iter().enumerate() {
        assert_eq!(bits.view().get(i / n, i % n), Some(sum >= 1));
    }
    if let Some(gradient) = ImageGradient::new(conv)? {
        let dy = vec![1.0; outputs * n];
        let mut dx = vec![0.0; height * width * conv.channels()];
        gradient.compute(&dy, filters.view(), &mut dx)?;
    }
    Ok(true)
}
