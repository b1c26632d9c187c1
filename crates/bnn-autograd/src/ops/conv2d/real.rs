//! Convolutions of real images: with the signs of filters, for a first layer, and with the filters
//! themselves.

use super::ConvOptions;
use std::rc::Rc;

use bnn_core::BitMatrix;

use super::byte_images::ByteImages;
use super::ordered::ordered_output;
use super::passes::{Filters, PaddedImages, Passes, Pixels};
use super::shape::{ConvShape, W, X, conv_macs, padding};
use crate::buffer::take_buffer;
use crate::context::{Context, Part, SavedState};
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs, inputs};
use crate::ops::channels::add_to_rows;
use crate::ops::reduce::column_sums;
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The convolution of images `x`, `[batch, height, width, channels]`, of any numbers (pixels) with
/// the signs of latent filters `w`, `[outputs, kernel height, kernel width, channels / groups]`:
/// output `[batch, output height, output width, outputs]`.
///
/// For integer pixels the result is exact in any order of summation, as long as the sum of `|x|`
/// under a window is at most 2^24 (`f32`). The options give the value of the padding.
///
/// The gradient of `x` is that of the convolution; the gradient of `w` passes straight through the
/// sign.
///
/// Kept for the reverse pass: `x` itself if `w` needs a gradient, which costs nothing while the
/// caller holds `x` too (as for a batch of data), and one bit per weight if `x` needs a gradient.
///
/// # Errors
/// Those of [`binary_conv2d`](super::binary_conv2d).
pub fn sign_weight_conv2d<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    options: ConvOptions,
) -> Result<Var<T>, Error> {
    x.tape().apply(RealConv2d::of_signs(options), &[x, w])
}

/// The ordinary convolution of images `x`, `[batch, height, width, channels]`, with filters `w`,
/// `[outputs, kernel height, kernel width, channels / groups]`, and a bias `[outputs]`: output
/// `[batch, output height, output width, outputs]`.
///
/// Kept for the reverse pass: `x` if `w` needs a gradient and `w` if `x` does, both shared.
///
/// # Errors
/// Those of [`binary_conv2d`](super::binary_conv2d).
pub fn conv2d<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    b: Option<&Var<T>>,
    options: ConvOptions,
) -> Result<Var<T>, Error> {
    let function = RealConv2d {
        name: "conv2d",
        options,
        filters: Kind::Real,
    };
    match b {
        Some(b) => x.tape().apply(function, &[x, w, b]),
        None => x.tape().apply(function, &[x, w]),
    }
}

/// [`conv2d`] with the sums of a model file, equal on every target: each begins with `+0` and takes
/// the products under its window one by one, in the order of a filter's elements, each product and
/// each sum rounded; taps in the padding, which is of zeros, are left out.
pub(crate) fn ordered_conv2d<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    b: &Var<T>,
    options: ConvOptions,
) -> Result<Var<T>, Error> {
    let function = RealConv2d {
        name: "conv2d",
        options,
        filters: Kind::Ordered,
    };
    x.tape().apply(function, &[x, w, b])
}

pub(super) struct RealConv2d {
    name: &'static str,
    pub(super) options: ConvOptions,
    filters: Kind,
}

/// What a convolution multiplies with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The signs of the filters.
    Signs,
    /// The filters, whose products are summed in any order.
    Real,
    /// The filters, whose products are summed in the order of [`ordered_conv2d`].
    Ordered,
}

const B: usize = 2;

pub(super) struct Kept<T: Real> {
    /// Kept for the derivative of the filters.
    pub(super) x: Option<Tensor<T>>,
    /// Kept for the derivative of the images.
    pub(super) filters: Option<KeptFilters<T>>,
}

/// Filters as the forward pass uses them.
#[derive(Clone)]
pub(super) enum KeptFilters<T: Real> {
    Real(Tensor<T>),
    Signs(Rc<BitMatrix>),
}

saved_state!(Kept<T> { x, filters });

impl<T: Real> KeptFilters<T> {
    pub(super) fn view(&self) -> Filters<'_, T> {
        match self {
            Self::Real(w) => Filters::Real(w.data()),
            Self::Signs(signs) => Filters::Signs(signs.view()),
        }
    }
}

impl<T: Real> SavedState<T> for KeptFilters<T> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        match self {
            Self::Real(w) => w.parts(visit),
            Self::Signs(signs) => signs.parts(visit),
        }
    }
}

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
        let filters = match self.filters {
            Kind::Signs => {
                let signs = w.signs(shape.conv.outputs(), shape.conv.patch_len())?;
                KeptFilters::Signs(Rc::new(signs))
            }
            Kind::Real | Kind::Ordered => KeptFilters::Real((*w).clone()),
        };
        let mut y = match ByteImages::new(&shape.conv, x.data(), filters.view())? {
            Some(bytes) => {
                let mut y = take_buffer(shape.output().iter().product());
                bytes.sums(0..shape.batch, &mut y)?;
                y
            }
            None if self.filters == Kind::Ordered => ordered_output(&shape, x.data(), w.data()),
            None => passes.output(self.images(x), filters.view())?,
        };
        if let Some(bias) = bias {
            let expected = [shape.conv.outputs()];
            Error::check_shape("bias of a convolution", &expected, bias.shape())?;
            add_to_rows(&mut y, bias.data());
        }
        self.keep(ctx, x, filters)?;
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
        let Kept { x, filters } = ctx.saved_state::<Kept<T>>()?;
        let mut grads = vec![None; ctx.num_inputs()];
        if let Some(filters) = filters {
            let dx = passes.image_gradient(dy.data(), filters.view())?;
            grads[X] = Some(Tensor::trusted(dx, shape.input()));
        }
        if let Some(x) = x {
            let dw = passes.filter_gradient(dy.data(), self.images(x))?;
            grads[W] = Some(Tensor::trusted(dw, shape.filters()));
        }
        if ctx.needs_input_grad(B) {
            let sums = column_sums(dy.data(), shape.conv.outputs());
            grads[B] = Some(Tensor::from_f64s(sums));
        }
        Ok(grads)
    }

    /// `dy = dx * w + x * dw + db`, in which `*` is the convolution, and the padding of `dx` is
    /// zero.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let shape = ConvShape::of(ctx, self.options)?;
        let passes = Passes::new(&shape.conv, shape.batch);
        let mut dy = Tensor::full(T::zero(), &shape.output())?;
        let Kept { x, filters } = ctx.saved_state::<Kept<T>>()?;
        if let (Some(filters), Some(dx)) = (filters, tangents.get(X)) {
            let dx = PaddedImages::tangents(dx.data());
            let part = passes.output(dx, filters.view())?;
            dy.add_assign(&Tensor::trusted(part, shape.output()));
        }
        if let (Some(x), Some(dw)) = (x, tangents.get(W)) {
            let part = passes.output(self.images(x), Filters::Real(dw.data()))?;
            dy.add_assign(&Tensor::trusted(part, shape.output()));
        }
        if let Some(db) = tangents.get(B) {
            add_to_rows(dy.data_mut(), db.data());
        }
        Ok(vec![Some(dy)])
    }
}

impl RealConv2d {
    /// The convolution with the signs of filters.
    pub(super) fn of_signs(options: ConvOptions) -> Self {
        Self {
            name: "sign_weight_conv2d",
            options,
            filters: Kind::Signs,
        }
    }

    /// Saves what the passes need.
    pub(super) fn keep<T: Real>(
        &self,
        ctx: &mut Context<T>,
        x: &Tensor<T>,
        filters: KeptFilters<T>,
    ) -> Result<(), Error> {
        ctx.save_each(|pass| {
            Ok(Kept {
                x: pass.needs(W).then(|| x.clone()),
                filters: pass.needs(X).then(|| filters.clone()),
            })
        })
    }

    pub(super) fn images<'a, T: Real>(&self, x: &'a Tensor<T>) -> PaddedImages<'a, T> {
        PaddedImages {
            pixels: Pixels::Real(x.data()),
            padding: padding(self.options.pad_value),
        }
    }
}
