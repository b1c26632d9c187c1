//! Convolutions of any shape, on bits, floats and integers, by every kernel,
//! with every epilogue: equal to the reference, bit for bit. What the constructor refuses is left.

use super::extreme::Extreme;
use super::parsed;
use crate::{Numbers, Product, affordable, check_epilogues};
use arbitrary::{Arbitrary, Unstructured};
use bnn_core::conv::{
    Conv2d, ConvOptions, Images, PackedFilters, PadValue, Padding, conv2d_bits, conv2d_f32,
    conv2d_i32,
};
use bnn_core::internal::packed_filters;
use bnn_core::{BitMatrixViewMut, Error, Kernel, Thresholds, reference};

/// Products of the largest convolution, for the reference is slow.
const MOST: usize = 1 << 19;

#[derive(Arbitrary, Debug)]
enum Case<'a> {
    Usual(Usual<'a>),
    Extreme(Extreme),
}

#[derive(Arbitrary, Debug)]
struct Usual<'a> {
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=2))]
    batch: usize,
    #[arbitrary(with = sizes::<1, 9, 2>)]
    image: [usize; 2],
    #[arbitrary(with = sizes::<1, 70, 2>)]
    group: [usize; 2],
    #[arbitrary(with = sizes::<1, 4, 1>)]
    groups: [usize; 1],
    depthwise: bool,
    #[arbitrary(with = sizes::<1, 4, 2>)]
    kernel: [usize; 2],
    #[arbitrary(with = sizes::<1, 3, 2>)]
    stride: [usize; 2],
    #[arbitrary(with = sizes::<1, 3, 2>)]
    dilation: [usize; 2],
    padding: Option<Option<[u8; 4]>>,
    value: Option<bool>,
    left: Left,
    numbers: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum Left {
    Bits,
    Floats,
    Unsigned(#[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=8))] usize),
}

fn sizes<const LEAST: usize, const MOST: usize, const N: usize>(
    u: &mut Unstructured<'_>,
) -> arbitrary::Result<[usize; N]> {
    let mut sizes = [0; N];
    for size in &mut sizes {
        *size = u.int_in_range(LEAST..=MOST)?;
    }
    Ok(sizes)
}

/// Runs the case that the bytes describe; whether they describe one that can be run.
///
/// # Panics
/// Where a result is wrong.
pub fn convolution(data: &[u8]) -> bool {
    parsed(data).is_some_and(|case: Case<'_>| case.run())
}

impl Case<'_> {
    fn run(self) -> bool {
        match self {
            Case::Usual(case) => case.run(),
            Case::Extreme(case) => case.run(),
        }
    }
}

impl Usual<'_> {
    fn run(self) -> bool {
        let case = self;
        let [height, width] = case.image;
        let ([mut inputs, mut outputs], [mut groups]) = (case.group, case.groups);
        if case.depthwise {
            (inputs, outputs, groups) = (1, outputs % 3 + 1, inputs);
        }
        let pads = |pad: u8| usize::from(pad % 4);
        let options = ConvOptions {
            stride: case.stride,
            dilation: case.dilation,
            groups,
            padding: match case.padding {
                None => Padding::Valid,
                Some(None) => Padding::Same,
                Some(Some([top, bottom, left, right])) => Padding::Explicit {
                    top: pads(top),
                    bottom: pads(bottom),
                    left: pads(left),
                    right: pads(right),
                },
            },
            pad_value: match (case.value, &case.left) {
                (None, _) | (_, Left::Unsigned(_)) => PadValue::Zero,
                (Some(false), _) => PadValue::MinusOne,
                (Some(true), _) => PadValue::PlusOne,
            },
        };
        let image = [height, width, inputs * groups];
        let Ok(conv) = Conv2d::new(image, outputs * groups, case.kernel, options) else {
            return false;
        };
        let [out_height, out_width] = conv.windows().output_size();
        let sizes = [
            case.batch,
            out_height,
            out_width,
            conv.outputs(),
            conv.patch_len(),
        ];
        let is_affordable = affordable(&sizes, MOST);
        if is_affordable {
            check(&case, &conv).expect("arguments that fit each other are accepted");
        }
        is_affordable
    }
}

fn check(case: &Usual<'_>, conv: &Conv2d) -> Result<(), Error> {
    let mut numbers = Numbers::new(case.numbers);
    let ([height, width], [out_height, out_width]) =
        (conv.windows().input_size(), conv.windows().output_size());
    let (pixels, n) = (case.batch * height * width, conv.outputs());
    let elements = pixels * conv.channels();
    let filters = numbers.bits(n, conv.patch_len())?;
    let mut expected = vec![0; case.batch * out_height * out_width * n];
    let (bits, floats, bytes);
    let images: Images<'_> = match case.left {
        Left::Bits => {
            bits = numbers.bits(pixels, conv.channels())?;
            bits.view().into()
        }
        Left::Floats => {
            floats = (0..elements).map(|_| numbers.f32()).collect::<Vec<_>>();
            floats.as_slice().into()
        }
        Left::Unsigned(depth) => {
            bytes = (0..elements)
                .map(|_| numbers.byte() >> (8 - depth))
                .collect::<Vec<_>>();
            Images::Unsigned { x: &bytes, depth }
        }
    };
    reference::conv2d(images, conv, filters.view(), &mut expected)?;
    for kernel in Kernel::available() {
        let filters = packed_filters(kernel, conv, filters.view())?;
        let mut product = Run { images, filters };
        check_epilogues(&mut product, n, 3, &expected, &mut numbers);
    }
    Ok(())
}

struct Run<'a> {
    images: Images<'a>,
    filters: PackedFilters,
}

impl Product for Run<'_> {
    fn i32(&mut self, c: &mut [i32], c_stride: usize) -> Result<(), Error> {
        conv2d_i32(self.images, &self.filters, c, c_stride)
    }

    fn f32(
        &mut self,
        scale: &[f32],
        bias: &[f32],
        c: &mut [f32],
        c_stride: usize,
    ) -> Result<(), Error> {
        conv2d_f32(self.images, &self.filters, scale, bias, c, c_stride)
    }

    fn bits(
        &mut self,
        thresholds: Thresholds<'_>,
        out: &mut BitMatrixViewMut<'_>,
    ) -> Result<(), Error> {
        conv2d_bits(self.images, &self.filters, thresholds, out)
    }
}
