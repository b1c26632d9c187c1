//! A unit of a residual network in one function: a binary convolution of shifted images, batch
//! normalisation of its sums, the shortcut added to it, and an activation with learned shifts.
//!
//! Its passes go over the images as seldom as the statistics of the batch allow, twice each:
//! forward, the sums of some images at a time, kept as 16-bit integers until all are known, and
//! then everything after them; backward, the sums again from the saved signs with everything after
//! them, and then the gradients of the convolution. In between, numbers are in the cache.
//!
//! The output is the same bits as that of the single operations, and for any number of threads: the
//! pieces depend only on the shape.

mod backward;
mod forward;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws;
mod loops;

use std::rc::Rc;

use bnn_core::BitMatrix;

use self::backward::{Activation, Backward};
use super::ConvOptions;
use super::passes::PIECES;
use super::shape::{ConvShape, W, X, conv_macs};
use crate::context::{Context, KeptInput};
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs};
use crate::ops::batch_norm::{ColumnStats, check_rows, fold, inverse_std};
use crate::ops::channels::check_channels;
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// What a unit computes besides its convolution and its normalisation.
#[derive(Clone, Debug)]
pub(crate) struct ResidualUnit<T: Real> {
    /// Strides, dilations and padding of the convolution; it has one group.
    pub(crate) options: ConvOptions,
    /// Whether negative sums count as 0.
    pub(crate) rectified: bool,
    /// What keeps the root of the variance away from 0.
    pub(crate) eps: T,
    /// The statistics to normalise with; those of the batch if there are none.
    pub(crate) running: Option<ColumnStats<T>>,
}

/// The variables that a unit takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitVars<'a, T: Real> {
    /// Images `[batch, height, width, channels]`.
    pub(crate) x: &'a Var<T>,
    /// Added to the images before their signs, `[channels]`.
    pub(crate) shift: Option<&'a Var<T>>,
    /// Latent filters `[outputs, kernel height, kernel width, channels]`.
    pub(crate) filters: &'a Var<T>,
    /// The factor of the normalised sums, `[outputs]`.
    pub(crate) gamma: &'a Var<T>,
    /// The summand of the normalised sums, `[outputs]`.
    pub(crate) beta: &'a Var<T>,
    /// The tensor that is added to the normalised sums, in their shape; the images if there is
    /// none.
    pub(crate) shortcut: Option<&'a Var<T>>,
    /// The parameters of `prelu(y + before) + after`: `before`, the slopes and `after`, `[outputs]`
    /// each.
    pub(crate) activation: Option<[&'a Var<T>; 3]>,
}

/// The output of a unit, and the statistics that its sums were normalised with.
pub(crate) type Output<T> = (Var<T>, ColumnStats<T>);

/// The output of a unit, `[batch, output height, output width, outputs]`, and the statistics that
/// its sums were normalised with. The gradient of the signs is that of
/// [`Estimator::Approx`](crate::ops::Estimator::Approx).
///
/// `None` if the single operations have to compute it: for forward mode, groups, and sums that are
/// no 16-bit integers.
///
/// Kept for the reverse pass: the images and, before an activation, another shortcut, both shared;
/// a bit per element of the images and of the filters; a few numbers per channel.
///
/// # Errors
/// Those of the single operations.
pub(crate) fn residual_unit<T: Real>(
    unit: ResidualUnit<T>,
    vars: &UnitVars<'_, T>,
) -> Result<Option<Output<T>>, Error> {
    let given = vars.shift.into_iter().chain(vars.shortcut);
    let given = given.chain(vars.activation.into_iter().flatten());
    let mut inputs = vec![vars.x, vars.filters, vars.gamma, vars.beta];
    inputs.extend(given);
    let shape = ConvShape::new(vars.x.shape(), vars.filters.shape(), unit.options)?;
    let joined = shape.conv.groups() == 1
        && shape.conv.patch_len() <= MOST_TERMS
        && inputs.iter().all(|input| input.tangent().is_none());
    if !joined {
        return Ok(None);
    }
    let rows = shape.output().iter().product::<usize>() / shape.conv.outputs();
    if unit.running.is_none() {
        check_rows(rows)?;
    }
    let shift = vars.shift.map(|_| FIRST_OPTIONAL);
    let shortcut_at = FIRST_OPTIONAL + usize::from(shift.is_some());
    let shortcut = vars.shortcut.map(|_| shortcut_at);
    let activation_at = shortcut_at + usize::from(shortcut.is_some());
    let function = Joined {
        unit,
        shift,
        shortcut,
        activation: vars.activation.map(|_| activation_at),
    };
    let outputs = vars.x.tape().apply_many(function, &inputs)?;
    let [y, mean, var] = outputs.try_into().map_err(|outputs: Vec<_>| Error::Count {
        what: "outputs of a residual unit",
        expected: 3,
        found: outputs.len(),
    })?;
    let (mean, var) = (mean.into(), var.into());
    Ok(Some((y, ColumnStats { mean, var })))
}

/// The most signs whose sum is a 16-bit integer.
const MOST_TERMS: usize = i16::MAX as usize;

const GAMMA: usize = 2;
const BETA: usize = 3;
const FIRST_OPTIONAL: usize = 4;

/// The function, with the places of the inputs that need not be there.
struct Joined<T: Real> {
    unit: ResidualUnit<T>,
    shift: Option<usize>,
    shortcut: Option<usize>,
    /// The place of the first of its three inputs.
    activation: Option<usize>,
}

struct Kept<T: Real> {
    x: KeptInput<T>,
    /// A row per image.
    x_signs: Rc<BitMatrix>,
    w_signs: Rc<BitMatrix>,
    shift: Option<Tensor<T>>,
    norm: KeptNorm<T>,
    activation: Option<KeptActivation<T>>,
}

/// Per channel.
struct KeptNorm<T: Real> {
    mean: Tensor<T>,
    inverse_std: Tensor<T>,
    scale: Tensor<T>,
}

/// What the input of the activation is computed from again.
struct KeptActivation<T: Real> {
    /// `None`: the images.
    shortcut: Option<KeptInput<T>>,
    /// The summand after the scale of the normalisation.
    bias: Tensor<T>,
    before: Tensor<T>,
    slope: Tensor<T>,
}

saved_state!(Kept<T> { x, x_signs, w_signs, shift, norm, activation });
saved_state!(KeptNorm<T> { mean, inverse_std, scale });
saved_state!(KeptActivation<T> { shortcut, bias, before, slope });

impl<T: Real> Function<T> for Joined<T> {
    fn name(&self) -> &'static str {
        "residual_unit"
    }

    fn macs(&self, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Macs {
        Macs {
            binary: conv_macs(inputs, outputs.get(..1).unwrap_or_default()),
            float: 0,
        }
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let (x, w, gamma, beta) = (given[X], given[W], given[GAMMA], given[BETA]);
        let sizes = UnitSizes::new(ConvShape::new(x.shape(), w.shape(), self.unit.options)?);
        let conv = &sizes.shape.conv;
        let shift = self.shift.map(|i| given[i]);
        if let Some(shift) = shift {
            check_channels("input of shift", x, "shifts", shift)?;
        }
        let w_signs = w.signs(conv.outputs(), conv.patch_len())?;
        let shifts = shift.map(Tensor::data);
        let counted = forward::count(&sizes, x.data(), shifts, &w_signs, self.unit.rectified)?;
        let stats = match &self.unit.running {
            Some(running) => running.clone(),
            None => counted.stats(&sizes),
        };
        let ColumnStats { mean, var } = stats;
        let affine = fold(gamma, beta, &mean, &var, self.unit.eps)?;
        let output = sizes.shape.output();
        let shortcut = self.shortcut.map(|i| given[i]);
        let added = shortcut.unwrap_or(x);
        Error::check_shape("second summand", &output, added.shape())?;
        let activation = self
            .activation
            .map(|i| [given[i], given[i + 1], given[i + 2]]);
        for numbers in activation.iter().flatten() {
            check_channels("input of an activation", added, "numbers", numbers)?;
        }
        let learned = activation.map(|numbers| numbers.map(Tensor::data));
        let y = forward::finish(&counted.sums, added.data(), &affine, learned);

        let n = conv.outputs();
        let [scale, bias] = [affine.scale, affine.bias].map(|x| Tensor::trusted(x, vec![n]));
        let (x_signs, w_signs) = (Rc::new(counted.signs), Rc::new(w_signs));
        ctx.save_each(|pass| {
            Ok(Kept {
                x: pass.input(X, x),
                x_signs: Rc::clone(&x_signs),
                w_signs: Rc::clone(&w_signs),
                shift: shift.cloned(),
                norm: KeptNorm {
                    mean: mean.clone(),
                    inverse_std: inverse_std(&var, self.unit.eps),
                    scale: scale.clone(),
                },
                activation: activation.map(|[before, slope, _]| KeptActivation {
                    shortcut: self.shortcut.map(|i| pass.input(i, given[i])),
                    bias: bias.clone(),
                    before: before.clone(),
                    slope: slope.clone(),
                }),
            })
        })?;
        ctx.mark_non_differentiable(1);
        ctx.mark_non_differentiable(2);
        Ok(vec![Tensor::trusted(y, output), mean, var])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        mut grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.take_dense(0)?;
        let kept: &Kept<T> = ctx.saved_state()?;
        let x = kept.x.tensor()?;
        let shortcut = match &kept.activation {
            Some(activation) => activation.shortcut.as_ref(),
            None => None,
        };
        let shortcut = shortcut.map_or_else(|| Ok(x.clone()), KeptInput::tensor)?;
        let pass = Backward {
            sizes: &UnitSizes::new(ConvShape::of(ctx, self.unit.options)?),
            rectified: self.unit.rectified,
            own_statistics: self.unit.running.is_none(),
            adds_images: self.shortcut.is_none(),
            x: &x,
            x_signs: kept.x_signs.view(),
            w_signs: kept.w_signs.view(),
            shift: kept.shift.as_ref(),
            norm: &kept.norm,
            activation: kept.activation.as_ref().map(|numbers| Activation {
                shortcut: shortcut.data(),
                bias: numbers.bias.data(),
                before: numbers.before.data(),
                slope: numbers.slope.data(),
            }),
        };
        let needs = [X, W].map(|i| ctx.needs_input_grad(i));
        let found = pass.gradients(dy, needs)?;
        let mut grads = vec![None; ctx.num_inputs()];
        (grads[X], grads[W]) = (found.x, found.filters);
        (grads[GAMMA], grads[BETA]) = (Some(found.gamma), Some(found.beta.clone()));
        if let Some(i) = self.shift {
            grads[i] = found.shift;
        }
        if let Some(i) = self.shortcut {
            grads[i] = found.shortcut;
        }
        if let (Some(i), Some([slope, after])) = (self.activation, found.activation) {
            // What is added before the activation and what batch norm adds have one gradient.
            (grads[i], grads[i + 1], grads[i + 2]) = (Some(found.beta), Some(slope), Some(after));
        }
        Ok(grads)
    }
}

/// The sizes of a unit, and how many images go through it together.
struct UnitSizes {
    shape: ConvShape,
}

/// Sums that are in the cache at a time: 256 KiB of `f32`.
const SUMS: usize = 1 << 16;

impl UnitSizes {
    fn new(shape: ConvShape) -> Self {
        Self { shape }
    }

    /// Elements of an image.
    fn image_len(&self) -> usize {
        self.shape.image_len()
    }

    /// Sums of an image.
    fn sums_len(&self) -> usize {
        let [height, width] = self.shape.conv.windows().output_size();
        height * width * self.shape.conv.outputs()
    }

    /// Sums of the batch.
    fn all_sums(&self) -> usize {
        self.shape.batch * self.sums_len()
    }

    /// Images of a piece: a thread takes whole pieces, and adds up each in order.
    fn piece(&self) -> usize {
        self.shape.batch.div_ceil(PIECES)
    }

    /// Images whose numbers are in the cache together.
    fn at_once(&self) -> usize {
        (SUMS / self.sums_len()).clamp(1, self.piece())
    }
}

/// Sums of pieces, added in their order.
fn total(pieces: impl IntoIterator<Item = Vec<f64>>) -> Vec<f64> {
    let mut pieces = pieces.into_iter();
    let mut total = pieces.next().unwrap_or_default();
    for piece in pieces {
        total.iter_mut().zip(piece).for_each(|(sum, x)| *sum += x);
    }
    total
}
