//! The binary convolution: signs times signs, on bits.

use bnn_core::BitMatrix;
use bnn_core::conv::PackedFilters;

use super::ConvOptions;
use super::passes::{Filters, PaddedImages, Passes, Pixels};
use super::shape::{ConvShape, W, X, conv_macs, padding};
use crate::bits::split_rows;
use crate::buffer::take_buffer;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs, inputs};
use crate::linalg::sign_conv2d;
use crate::ops::Estimator;
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The convolution of `sign(x)`, `[batch, height, width, channels]`, with the signs of latent
/// filters `w`, `[outputs, kernel height, kernel width, channels / groups]`: output `[batch, output
/// height, output width, outputs]`.
///
/// `sign(v)` is `+1` where `v >= 0`, else `-1`; the options make the padding exactly zero, `-1` or
/// `+1`. The sums are computed on bits and are exact integers (in `f32` for filters of up to 2^24
/// elements). Filters are not flipped: this is the cross-correlation that all frameworks call
/// convolution.
///
/// Gradients are those of the straight-through estimator, as in
/// [`binary_linear`](crate::ops::binary_linear): the gradient of `x` passes where `|x| <= 1`, the
/// gradient of `w` passes everywhere. Zero padding adds nothing to either.
///
/// Kept for the reverse pass: two bits per element of `x` (its sign, and the mask if `x` needs a
/// gradient), each image rounded up to whole words, and one bit per weight. The output can be
/// computed again from them, so that later functions need not keep it.
///
/// ```
/// use bnn_autograd::ops::{self, ConvOptions, Padding};
/// use bnn_autograd::{Tape, Tensor};
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// let tape = Tape::new();
/// // One image of 2 x 2 pixels with 1 channel, one filter of 3 x 3, all +1.
/// let x = tape.leaf(Tensor::new(vec![0.5, -0.2, 1.5, -0.0_f32], &[1, 2, 2, 1])?);
/// let w = tape.leaf(Tensor::full(0.1, &[1, 3, 3, 1])?);
/// let options = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
/// let y = ops::binary_conv2d(&x, &w, options)?;
/// // Every window sees the whole image, and zeros around it.
/// assert_eq!((y.shape(), y.value().data()), (&[1, 2, 2, 1][..], &[2.0; 4][..]));
/// let gradients = y.vjp(Tensor::full(1.0, &[1, 2, 2, 1])?)?;
/// // The gradient stops where |x| > 1.
/// assert_eq!(gradients.get(&x).map(Tensor::data), Some(&[4.0, 4.0, 0.0, 4.0][..]));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Shape`] if a rank or the depth of the filters does not fit; [`Error::Core`] if the
/// options do not fit the sizes; [`Error::ForeignVar`].
pub fn binary_conv2d<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    options: ConvOptions,
) -> Result<Var<T>, Error> {
    let estimator = Estimator::default();
    x.tape()
        .apply(BinaryConv2dForward { options, estimator }, &[x, w])
}

/// The binary convolution as a [`Function`] of images and latent filters, for another
/// pseudo-gradient of the images' signs; [`binary_conv2d`] says what it computes and what its
/// passes return.
///
/// ```
/// use bnn_autograd::ops::{BinaryConv2dForward, ConvOptions, Estimator};
/// use bnn_autograd::{Tape, Tensor};
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::new(vec![0.5, -0.25, 3.0_f32], &[1, 1, 3, 1])?);
/// let w = tape.leaf(Tensor::full(0.1, &[1, 1, 3, 1])?);
/// let (options, estimator) = (ConvOptions::default(), Estimator::Approx);
/// let conv = BinaryConv2dForward { options, estimator };
/// let gradients = tape.apply(conv, &[&x, &w])?.backward()?;
/// assert_eq!(gradients.get(&x).map(Tensor::data), Some(&[1.0, 1.5, 0.0][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryConv2dForward {
    /// Strides, dilations, groups and padding.
    pub options: ConvOptions,
    /// The pseudo-gradient of the signs of the images.
    pub estimator: Estimator,
}

/// What is kept besides what the estimator keeps.
pub(super) struct Kept {
    /// A row per image.
    pub(super) x_signs: BitMatrix,
    pub(super) w_signs: BitMatrix,
}

saved_state!(Kept { x_signs, w_signs });

impl BinaryConv2dForward {
    pub(super) fn images<'a, T: Real>(&self, x_signs: &'a BitMatrix) -> PaddedImages<'a, T> {
        PaddedImages {
            pixels: Pixels::Signs(x_signs.view()),
            padding: padding(self.options.pad_value),
        }
    }
}

impl<T: Real> Function<T> for BinaryConv2dForward {
    fn name(&self) -> &'static str {
        "binary_conv2d"
    }

    fn takes_affine(&self, i: usize) -> bool {
        i == X && self.estimator.takes_affine()
    }

    fn macs(&self, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Macs {
        Macs {
            binary: conv_macs(inputs, outputs),
            float: 0,
        }
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, w] = inputs("inputs of binary_conv2d", given)?;
        let shape = ConvShape::new(x.shape(), w.shape(), self.options)?;
        let (batch, image) = (shape.batch, shape.image_len());
        // With a row per image the estimator pads the fewest bits.
        let rows = x.reshape(&[batch, image])?;
        let x_signs = self.estimator.signs(ctx, X, &rows)?;
        let w_signs = w.signs(shape.conv.outputs(), shape.conv.patch_len())?;
        let y = sums(&shape, &x_signs, &w_signs)?;
        ctx.save(Kept { x_signs, w_signs });
        ctx.offer_recompute();
        Ok(vec![y])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let shape = ConvShape::of(ctx, self.options)?;
        let passes = Passes::new(&shape.conv, shape.batch);
        let Kept { x_signs, w_signs } = ctx.saved_state()?;
        let mut grads = vec![None, None];
        if ctx.needs_input_grad(X) {
            let filters = Filters::Signs(w_signs.view());
            let mut dx = passes.image_gradient(dy.data(), filters)?;
            self.estimator.apply(ctx, &mut dx)?;
            grads[X] = Some(Tensor::trusted(dx, shape.input()));
        }
        if ctx.needs_input_grad(W) {
            let dw = passes.filter_gradient(dy.data(), self.images(x_signs))?;
            grads[W] = Some(Tensor::trusted(dw, shape.filters()));
        }
        Ok(grads)
    }

    /// `dy = (dx * slope(x)) * sign(w) + sign(x) * dw`, in which `*` between images and filters is
    /// the convolution, and the padding of `dx` is zero.
    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let shape = ConvShape::of(ctx, self.options)?;
        let passes = Passes::new(&shape.conv, shape.batch);
        let Kept { x_signs, w_signs } = ctx.saved_state()?;
        let mut dy = Tensor::full(T::zero(), &shape.output())?;
        if let Some(mut dx) = tangents.take(X) {
            self.estimator.apply(ctx, dx.data_mut())?;
            let filters = Filters::Signs(w_signs.view());
            let part = passes.output(PaddedImages::tangents(dx.data()), filters)?;
            dy.add_assign(&Tensor::trusted(part, shape.output()));
        }
        if let Some(dw) = tangents.get(W) {
            let part = passes.output(self.images(x_signs), Filters::Real(dw.data()))?;
            dy.add_assign(&Tensor::trusted(part, shape.output()));
        }
        Ok(vec![Some(dy)])
    }

    fn recompute(&self, ctx: &Context<T>) -> Result<Tensor<T>, Error> {
        let shape = ConvShape::of(ctx, self.options)?;
        let Kept { x_signs, w_signs } = ctx.saved_state()?;
        sums(&shape, x_signs, w_signs)
    }
}

/// The exact integer sums, as numbers.
fn sums<T: Real>(
    shape: &ConvShape,
    x_signs: &BitMatrix,
    w_signs: &BitMatrix,
) -> Result<Tensor<T>, Error> {
    let pixels = split_rows(x_signs.view(), shape.conv.channels())?;
    let filters = PackedFilters::new(&shape.conv, w_signs.view())?;
    let mut sums = take_buffer(shape.output().iter().product());
    sign_conv2d(pixels.view(), &filters, &mut sums)?;
    Ok(Tensor::trusted(sums, shape.output()))
}
