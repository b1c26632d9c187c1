//! Convolutions of real images: with the signs of filters, for a first layer, and with the filters
//! themselves.

use super::ConvOptions;
use super::passes::{Filters, Images, Passes, Pixels};
use super::shape::{ConvShape, W, X, conv_macs, padding};
use crate::bits::pack_signs;
use crate::context::{Context, Saved};
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs, inputs};
use crate::ops::channels::add_to_rows;
use crate::ops::reduce::column_sums;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The convolution of images `x`, `[batch, height, width, channels]`, of any numbers (pixels) with the
/// signs of latent filters `w`, `[outputs, kernel height, kernel width, channels / groups]`: output
/// `[batch, output height, output width, outputs]`.
///
/// For integer pixels the result is exact, whatever the order of summation, as long as the sum of
/// `|x|` under a window is at most 2^24 (`f32`). The padding has the value that the options say.
///
/// Gradients: that of `x` is the convolution's own, that of `w` passes its sign straight.
///
/// Kept for the reverse pass: `x` itself if `w` needs a gradient, which costs nothing while the
/// caller holds `x` anyway (as it does for a batch of data), and one bit per weight if `x` needs one.
///
/// # Errors
/// As [`binary_conv2d`](super::binary_conv2d).
pub fn sign_weight_conv2d<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    options: ConvOptions,
) -> Result<Var<T>, Error> {
    let function = RealConv2d {
        name: "sign_weight_conv2d",
        options,
        signs: true,
    };
    x.tape().apply(function, &[x, w])
}

/// The ordinary convolution of images `x`, `[batch, height, width, channels]`, with filters `w`,
/// `[outputs, kernel height, kernel width, channels / groups]`, and a bias `[outputs]`: output
/// `[batch, output height, output width, outputs]`.
///
/// Kept for the reverse pass: `x` if `w` needs a gradient and `w` if `x` does, both shared with
/// whoever else holds them.
///
/// # Errors
/// As [`binary_conv2d`](super::binary_conv2d).
pub fn conv2d<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    b: Option<&Var<T>>,
    options: ConvOptions,
) -> Result<Var<T>, Error> {
    let function = RealConv2d {
        name: "conv2d",
        options,
        signs: false,
    };
    match b {
        Some(b) => x.tape().apply(function, &[x, w, b]),
        None => x.tape().apply(function, &[x, w]),
    }
}

struct RealConv2d {
    name: &'static str,
    options: ConvOptions,
    /// Whether the signs of the filters count, not the filters themselves.
    signs: bool,
}

const B: usize = 2;

// Slots of the context.
const IMAGES: usize = 0;
const FILTERS: usize = 1;

impl<T: Real> Function<T> for RealConv2d {
    fn name(&self) -> &'static str {
        self.name
    }

    fn macs(&self, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Macs {
        Macs {
            binary: 0,
            float: conv_macs(inputs, outputs),
        }
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let (bias, given) = match given {
            [x, w, b] => (Some(b), &[*x, *w][..]),
            _ => (None, given),
        };
        let [x, w] = inputs("inputs of a convolution", given)?;
        let shape = ConvShape::new(x.shape(), w.shape(), self.options)?;
        let passes = Passes::new(&shape.conv, shape.batch);
        let (mut y, filters) = match self.signs {
            true => {
                let signs = pack_signs(w.data(), shape.conv.outputs(), shape.conv.patch_len())?;
                let y = passes.output(self.images(x), Filters::Signs(signs.view()))?;
                (y, Saved::from(signs))
            }
            false => {
                let y = passes.output(self.images(x), Filters::Real(w.data()))?;
                (y, Saved::from(w.clone()))
            }
        };
        if let Some(bias) = bias {
            let expected = [shape.conv.outputs()];
            Error::check_shape("bias of a convolution", &expected, bias.shape())?;
            add_to_rows(&mut y, bias.data());
        }
        ctx.save(ctx.varies(W).then(|| x.clone()));
        ctx.save(ctx.varies(X).then_some(filters));
        Ok(vec![Tensor::trusted(y, shape.output())])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let shape = ConvShape::of(ctx, self.options)?;
        let passes = Passes::new(&shape.conv, shape.batch);
        let mut grads = vec![None; ctx.num_inputs()];
        if ctx.needs_input_grad(X) {
            let dx = self.with_filters(ctx, |w| passes.image_gradient(dy.data(), w))?;
            grads[X] = Some(Tensor::trusted(dx, shape.input()));
        }
        if ctx.needs_input_grad(W) {
            let x = ctx.saved_tensor(IMAGES)?;
            let dw = passes.filter_gradient(dy.data(), self.images(&x))?;
            grads[W] = Some(Tensor::trusted(dw, shape.filters()));
        }
        if ctx.needs_input_grad(B) {
            let sums = column_sums(dy.data(), shape.conv.outputs());
            grads[B] = Some(Tensor::from_f64s(sums));
        }
        Ok(grads)
    }

    /// `dy = dx * w + x * dw + db`, in which `*` is the convolution, and the padding of `dx` is zero.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let shape = ConvShape::of(ctx, self.options)?;
        let passes = Passes::new(&shape.conv, shape.batch);
        let mut dy = Tensor::full(T::zero(), &shape.output())?;
        if let Some(dx) = tangents.get(X) {
            let dx = Images::tangents(dx.data());
            let part = self.with_filters(ctx, |w| passes.output(dx, w))?;
            dy.add_assign(&Tensor::trusted(part, shape.output()));
        }
        if let Some(dw) = tangents.get(W) {
            let x = ctx.saved_tensor(IMAGES)?;
            let part = passes.output(self.images(&x), Filters::Real(dw.data()))?;
            dy.add_assign(&Tensor::trusted(part, shape.output()));
        }
        if let Some(db) = tangents.get(B) {
            add_to_rows(dy.data_mut(), db.data());
        }
        Ok(vec![Some(dy)])
    }
}

impl RealConv2d {
    fn images<'a, T: Real>(&self, x: &'a Tensor<T>) -> Images<'a, T> {
        Images {
            pixels: Pixels::Real(x.data()),
            padding: padding(self.options.pad_value),
        }
    }

    /// Hands the saved filters, as the forward pass saw them, to `then`.
    fn with_filters<T: Real, R>(
        &self,
        ctx: &Context<T>,
        then: impl FnOnce(Filters<'_, T>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        match self.signs {
            true => then(Filters::Signs(ctx.saved_bits(FILTERS)?.view())),
            false => then(Filters::Real(ctx.saved_tensor(FILTERS)?.data())),
        }
    }
}
