//! The convolution of fixed-point numbers with filters of 8 bits, in integers.

use bnn_core::internal::fixed;

use super::ConvOptions;
use super::passes::{Filters, PaddedImages, Passes, Pixels};
use super::shape::{ConvShape, conv_macs};
use crate::context::Context;
use crate::error::Error;
use crate::function::{Function, Macs, inputs};
use crate::ops::FixedAffine;
use crate::ops::fixed_point::power;
use crate::parallel::for_row_pairs;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Elements of a filter up to which sums are exact in `f32`: sums of this many bytes times -127 to
/// 127 are below `2^24`.
const MOST_ELEMENTS: usize = (1 << 24) / (255 * 127);

/// What `step` makes of the sums of a convolution: `x` are multiples of `2^-from` whose integers
/// have 16 bits, the filters `w` integers of -127 to 127, at most [`MOST_ELEMENTS`] each, and
/// images are padded with zeros. In evaluation, without a gradient.
pub(crate) fn fixed_conv2d<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    options: ConvOptions,
    from: i8,
    step: FixedAffine,
) -> Result<Var<T>, Error> {
    let function = FixedConv2d {
        options,
        from,
        step,
    };
    x.tape().apply(function, &[x, w])
}

struct FixedConv2d {
    options: ConvOptions,
    from: i8,
    step: FixedAffine,
}

impl<T: Real> Function<T> for FixedConv2d {
    fn name(&self) -> &'static str {
        "fixed_conv2d"
    }

    fn macs(&self, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Macs {
        Macs {
            binary: 0,
            float: conv_macs(inputs, outputs),
        }
    }

    fn forward(&self, _: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, w] = inputs("inputs of fixed_conv2d", given)?;
        let shape = ConvShape::new(x.shape(), w.shape(), self.options)?;
        let (outputs, elements) = (shape.conv.outputs(), shape.conv.patch_len());
        Error::check_count("outputs of fixed_conv2d", self.step.factor.len(), outputs)?;
        let what = "elements of a filter of fixed-point numbers";
        let fits = elements <= MOST_ELEMENTS;
        Error::check_range(what, "at most 518", elements as f64, fits)?;
        // Sums of 31 bits, from those of the upper and of the lower bytes.
        let up = power(self.from);
        let upper = |x: T| (x.as_f64() * up / 256.0).floor();
        let lower = |x: T| x.as_f64() * up - 256.0 * upper(x);
        let lower = self.sums(&shape, [x, w], lower)?;
        let mut y = self.sums(&shape, [x, w], upper)?;
        let down = power(-self.step.exponent);
        for_row_pairs(&mut y, &lower, outputs, |y, lower| {
            let steps = self.step.factor.iter().zip(&self.step.bias);
            for ((y, lower), (&factor, &bias)) in y.iter_mut().zip(lower).zip(steps) {
                // A network whose sums may need more than 32 bits has no file.
                let sum = (y.as_f64() * 256.0 + lower.as_f64()) as i32;
                let v = fixed::affine(sum, factor, bias, self.step.shift);
                *y = T::from_f64(f64::from(fixed::saturated(v)) * down);
            }
        });
        Ok(vec![Tensor::trusted(y, shape.output())])
    }
}

impl FixedConv2d {
    /// Sums of products with a part of the numbers.
    fn sums<T: Real>(
        &self,
        shape: &ConvShape,
        [x, w]: [&Tensor<T>; 2],
        part: impl Fn(T) -> f64,
    ) -> Result<Vec<T>, Error> {
        let numbers: Vec<T> = x.data().iter().map(|&x| T::from_f64(part(x))).collect();
        let images = PaddedImages {
            pixels: Pixels::Real(&numbers),
            padding: T::zero(),
        };
        Passes::new(&shape.conv, shape.batch).output(images, Filters::Real(w.data()))
    }
}
