//! Convolutions of one image.

use std::fmt;

use bnn_core::conv::{
    Conv2d, ConvOptions, PackedFilters, PadValue, Padding, conv2d_bits, conv2d_f32, conv2d_i32,
};
use bnn_core::internal::packed_filters;
use bnn_core::{BitMatrix, Error, Kernel};

use crate::epilogues::Epilogues;
use crate::im2col::im2col;
use crate::workload::{Contender, Form, Workload};
use crate::{elements, signs};

/// A convolution whose output is as large as its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Height, width, channels.
    pub image: [usize; 3],
    /// Channels of the output.
    pub outputs: usize,
    /// Height and width of a filter.
    pub side: usize,
    /// Groups of channels.
    pub groups: usize,
}

/// The convolutions that are compared by default.
pub const CONVOLUTIONS: [ConvShape; 2] = [
    ConvShape {
        image: [14, 14, 256],
        outputs: 256,
        side: 3,
        groups: 1,
    },
    ConvShape {
        image: [56, 56, 64],
        outputs: 64,
        side: 3,
        groups: 1,
    },
];

/// A depthwise convolution; there is no float product to compare it with.
pub const DEPTHWISE: ConvShape = ConvShape {
    image: [28, 28, 256],
    outputs: 256,
    side: 3,
    groups: 256,
};

impl ConvShape {
    fn conv(&self, pad_value: PadValue) -> Result<Conv2d, Error> {
        let options = ConvOptions {
            padding: Padding::Same,
            pad_value,
            groups: self.groups,
            ..ConvOptions::default()
        };
        Conv2d::new(self.image, self.outputs, [self.side; 2], options)
    }
}

impl fmt::Display for ConvShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([height, width, channels], side) = (self.image, self.side);
        write!(
            f,
            "{side}x{side} {channels} to {} on {height}x{width}",
            self.outputs
        )?;
        match self.groups {
            1 => Ok(()),
            groups => write!(f, " in {groups} groups"),
        }
    }
}

/// A convolution of one image, with filters packed for every kernel. The float contenders pad with
/// zeros; their time includes im2col and the product.
#[derive(Debug)]
pub struct Convolution {
    conv: Conv2d,
    x: Vec<f32>,
    bits: BitMatrix,
    weights: Vec<f32>,
    filters: Vec<PackedFilters>,
    patches: Vec<f32>,
    epilogues: Epilogues,
}

impl Convolution {
    /// A convolution with `pad_value` around the image of bits.
    ///
    /// # Errors
    /// As [`Conv2d::new`], and where a matrix has more than 2^28 elements.
    pub fn new(shape: ConvShape, pad_value: PadValue) -> Result<Self, Error> {
        let conv = shape.conv(pad_value)?;
        let [height, width, channels] = shape.image;
        let (m, n, k) = (height * width, shape.outputs, conv.patch_len());
        // Checks all sizes before any memory is allocated.
        let patches = elements("the patches of an image", m, k)?;
        elements("filters", n, k)?;
        elements("outputs", m, n)?;
        let (x, weights) = (signs("image", m, channels)?, signs("filters", n, k)?);
        let rows = BitMatrix::pack(&weights, n, k)?;
        let filters = Kernel::available().map(|kernel| packed_filters(kernel, &conv, rows.view()));
        Ok(Self {
            bits: BitMatrix::pack(&x, m, channels)?,
            filters: filters.collect::<Result<_, _>>()?,
            patches: vec![0.0; patches],
            epilogues: Epilogues::new(m, n)?,
            conv,
            x,
            weights,
        })
    }

    /// The equivalent product: output pixels, outputs, elements of a filter.
    fn shape(&self) -> [usize; 3] {
        let [height, width] = self.conv.windows().output_size();
        [height * width, self.conv.outputs(), self.conv.patch_len()]
    }
}

impl Workload for Convolution {
    fn operations(&self) -> u64 {
        2 * self
            .shape()
            .iter()
            .map(|size| *size as u64)
            .product::<u64>()
    }

    fn run(&mut self, contender: Contender) -> Result<(), Error> {
        let (shape, to) = (self.shape(), &mut self.epilogues);
        let (form, kernel) = match contender {
            Contender::Floats(_) if self.conv.groups() != 1 => {
                let what = "groups in floats, expected a convolution that is one product";
                return Err(Error::Unsupported { what });
            }
            Contender::Floats(library) => {
                im2col(&self.conv, 0, &self.x, &mut self.patches);
                return library.multiply(shape, &self.patches, &self.weights, &mut to.floats);
            }
            Contender::Bits(form, kernel) => (form, kernel),
        };
        let filters = self.filters.iter().find(|f| f.kernel() == kernel);
        let filters = filters.ok_or(Error::IsaAbsent {
            name: kernel.isa().name(),
        })?;
        let n = self.conv.outputs();
        match form {
            Form::BitsToI32 => conv2d_i32(self.bits.view(), filters, &mut to.sums, n),
            Form::BitsToBits => {
                let thresholds = to.thresholds.as_slice();
                conv2d_bits(
                    self.bits.view(),
                    filters,
                    thresholds,
                    &mut to.bits.view_mut(),
                )
            }
            Form::F32ToF32 => {
                let x = self.x.as_slice();
                conv2d_f32(x, filters, &to.scale, &to.bias, &mut to.floats, n)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epilogues::agreement::all_compute;

    fn shape(image: [usize; 3], outputs: usize, side: usize) -> ConvShape {
        ConvShape {
            image,
            outputs,
            side,
            groups: 1,
        }
    }

    #[test]
    fn all_contenders_compute_the_same() -> Result<(), Error> {
        for shape in [
            shape([1, 1, 1], 1, 1),
            shape([5, 4, 3], 2, 3),
            shape([3, 2, 70], 33, 2),
            shape([2, 3, 5], 4, 7),
        ] {
            let mut work = Convolution::new(shape, PadValue::Zero)?;
            let expected = sums(&work, shape);
            let contenders = Contender::floats().chain(Contender::bits());
            all_compute(&expected, contenders, &mut work, |c| &mut c.epilogues)?;
        }
        Ok(())
    }

    /// By the definition, zeros around the image.
    fn sums(
        work: &Convolution,
        ConvShape {
            image,
            outputs,
            side,
            ..
        }: ConvShape,
    ) -> Vec<f32> {
        let ([height, width, channels], [top, left]) =
            (image, work.conv.windows().padding_before());
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        let outputs = pixels.flat_map(|(y, x)| (0..outputs).map(move |o| (y, x, o)));
        let taps = || (0..side).flat_map(|ky| (0..side).map(move |kx| (ky, kx)));
        let sum = |(y, x, o): (usize, usize, usize)| {
            let inside = taps().filter_map(|(ky, kx)| {
                let iy = (y + ky).checked_sub(top).filter(|iy| *iy < height)?;
                let ix = (x + kx).checked_sub(left).filter(|ix| *ix < width)?;
                Some((
                    (iy * width + ix) * channels,
                    ((o * side + ky) * side + kx) * channels,
                ))
            });
            let products = inside
                .flat_map(|(i, w)| (0..channels).map(move |c| work.x[i + c] * work.weights[w + c]));
            products.sum()
        };
        outputs.map(sum).collect()
    }

    #[test]
    fn what_is_no_single_product_has_no_floats() -> Result<(), Error> {
        let shape = ConvShape {
            groups: 4,
            ..shape([3, 3, 4], 4, 3)
        };
        let mut work = Convolution::new(shape, PadValue::MinusOne)?;
        assert!(Contender::floats().all(|floats| work.run(floats).is_err()));
        Contender::bits().try_for_each(|bits| work.run(bits))
    }

    #[test]
    fn a_shape_is_told_in_words() {
        assert_eq!(CONVOLUTIONS[1].to_string(), "3x3 64 to 64 on 56x56");
        assert_eq!(
            DEPTHWISE.to_string(),
            "3x3 256 to 256 on 28x28 in 256 groups"
        );
    }
}
