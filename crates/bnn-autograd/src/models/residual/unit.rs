//! A convolution with a shortcut around it.

use super::activation::Activation;
use super::norm::{Norm, lower_rounded, rounded};
use super::{Family, ResidualConfig, UnitConfig};
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::nn::{BatchNorm, BinaryConv2d, FixedConv2d, Module, RSign};
use crate::ops::{self, ConvOptions, Estimator, Padding, ResidualUnit, UnitVars};
use crate::rng::Rng;
use crate::tape::Var;

/// A unit of a [`Family`]. The shortcut of a stride of 2 is a pool of 2 x 2; if a unit has more
/// output than input channels, those of the shortcut are repeated. Where windows are not padded above
/// and below, the shortcut leaves out the first rows, as many as the convolution loses.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    family: Family,
    product: Product,
    /// The learned activation of [`Family::ReActNet`].
    activation: Option<Activation>,
    stride: usize,
    /// The first rows of the input that the shortcut leaves out, and the padding of its pool.
    cut_off: usize,
    padding: Padding,
    /// How often the channels of the shortcut are repeated.
    copies: usize,
    /// The exponent of [`ResidualConfig::fixed_point`](super::ResidualConfig::fixed_point).
    fixed_point: Option<i8>,
}

/// What the shortcut goes around.
#[derive(Clone, Debug)]
enum Product {
    Binary {
        /// Learned shifts before the signs, of [`Family::ReActNet`].
        sign: Option<RSign>,
        conv: BinaryConv2d,
        norm: Norm,
    },
    /// With weights of 8 bits, of fixed-point numbers.
    Int8(FixedConv2d),
}

impl Unit {
    /// Unit `i` of a network, which takes `inputs` channels of images of `width` columns.
    pub(super) fn new(
        config: &ResidualConfig,
        i: usize,
        [inputs, width]: [usize; 2],
        rng: &mut Rng,
    ) -> Result<Self, Error> {
        let UnitConfig {
            channels,
            kernel,
            stride,
            depthwise,
        } = config.units[i];
        let (family, fixed_point) = (config.family, config.fixed_point);
        let what = "stride of a unit";
        Error::check_range(what, "1 or 2", stride as f64, (1..=2).contains(&stride))?;
        // Otherwise the pool of the shortcut could reach a row farther than the convolution.
        let fits = !config.slides || kernel >= stride;
        let what = "rows of a filter that is not padded";
        Error::check_range(what, "at least the stride", kernel as f64, fits)?;
        let fits = !depthwise || channels == inputs;
        let what = "channels of a depthwise unit";
        Error::check_range(what, "those before it", channels as f64, fits)?;
        let [rows, columns] = config.kernel(kernel, width);
        let copies = channels.checked_div(inputs).unwrap_or_default();
        let fits = copies > 0 && channels % inputs == 0;
        let what = "channels of a unit";
        Error::check_range(what, "a multiple of those before it", channels as f64, fits)?;
        let options = ConvOptions {
            stride: [stride; 2],
            padding: config.padding(width, columns, stride),
            groups: if depthwise { inputs } else { 1 },
            ..ConvOptions::default()
        };
        let reacts = family == Family::ReActNet;
        let product = match fixed_point.filter(|_| i < config.int8_units) {
            Some(exponent) => {
                let (sizes, kernel) = ([inputs, channels], [rows, columns]);
                Product::Int8(FixedConv2d::new(sizes, kernel, options, exponent, rng)?)
            }
            None => Product::Binary {
                sign: reacts.then(|| RSign::new(inputs)).transpose()?,
                conv: BinaryConv2d {
                    estimator: Estimator::Approx,
                    ..BinaryConv2d::new(inputs, channels, [rows, columns], options, rng)?
                },
                norm: Norm::new(channels, fixed_point)?,
            },
        };
        Ok(Self {
            family,
            product,
            activation: reacts
                .then(|| Activation::new(channels, fixed_point))
                .transpose()?,
            stride,
            cut_off: if config.slides { kernel - stride } else { 0 },
            padding: config.padding(width, stride, stride),
            copies,
            fixed_point,
        })
    }

    /// The exponent of a product's sums where they become fixed-point numbers: they are integers.
    fn sums(&self) -> Option<i8> {
        self.fixed_point.map(|_| 0)
    }

    fn shortcut(&self, x: &Var) -> Result<Var, Error> {
        let window = [self.stride; 2];
        let x = &match self.cut_off {
            0 => x.clone(),
            rows => ops::crop(x, [rows, 0, 0, 0])?,
        };
        let mut y = match (self.stride, self.family) {
            (1, _) => x.clone(),
            (_, Family::QuickNet) => ops::max_pool2d(x, window, window, self.padding)?,
            _ => {
                let mean = ops::avg_pool2d(x, window, window, self.padding)?;
                rounded(mean, self.fixed_point)?
            }
        };
        let one = y.clone();
        for _ in 1..self.copies {
            y = ops::concat(&[&y, &one])?;
        }
        Ok(y)
    }
}

impl Unit {
    /// Everything in one function, if there is one for it.
    fn joined(&mut self, x: &Var) -> Result<Option<Var>, Error> {
        let plain = self.stride == 1 && self.copies == 1 && self.cut_off == 0;
        let Product::Binary {
            norm: Norm::Real(BatchNorm { training, .. }),
            ..
        } = self.product
        else {
            return Ok(None);
        };
        let evaluates = !training;
        // A summary lists the layers of a recorded evaluation one by one.
        if evaluates && x.requires_grad() {
            return Ok(None);
        }
        let shortcut = match plain {
            true => None,
            false => Some(self.shortcut(x)?),
        };
        let Product::Binary {
            sign,
            conv,
            norm: Norm::Real(norm),
        } = &mut self.product
        else {
            return Ok(None);
        };
        let (momentum, eps) = norm.constants()?;
        let tape = x.tape();
        let shift = sign.as_ref().map(|sign| tape.param(&sign.shift));
        let activation = self.activation.as_ref().map(|activation| {
            let numbers = activation.numbers();
            numbers.map(|numbers| tape.param(numbers))
        });
        let vars = UnitVars {
            x,
            shift: shift.as_ref(),
            filters: &tape.param(&conv.weight),
            gamma: &tape.param(&norm.gamma),
            beta: &tape.param(&norm.beta),
            shortcut: shortcut.as_ref(),
            activation: activation.as_ref().map(|numbers| numbers.each_ref()),
        };
        let unit = ResidualUnit {
            options: conv.options,
            rectified: self.family == Family::QuickNet,
            eps,
            running: evaluates.then(|| norm.running.clone()),
        };
        let Some((y, batch)) = ops::residual_unit(unit, &vars)? else {
            return Ok(None);
        };
        if !evaluates {
            let (rows, _) = y.value().rows_cols();
            norm.move_running(&batch, rows, momentum);
        }
        Ok(Some(y))
    }

    /// Operation after operation.
    fn apart(&mut self, x: &Var) -> Result<Var, Error> {
        let sums = self.sums();
        let y = match &mut self.product {
            Product::Binary { sign, conv, norm } => {
                // The convolution takes signs itself: no tensor of signs is made.
                let shifted = match sign {
                    Some(sign) => ops::shift(x, &x.tape().param(&sign.shift))?,
                    None => x.clone(),
                };
                let mut y = conv.forward(&shifted).map_err(|e| e.in_layer("conv"))?;
                drop(shifted);
                if self.family == Family::QuickNet {
                    y = ops::relu(&rounded(y, sums)?)?;
                }
                norm.forward(&y).map_err(|e| e.in_layer("norm"))?
            }
            Product::Int8(layer) => match self.family {
                Family::ReActNet => layer.forward(x)?,
                Family::BiRealNet | Family::QuickNet => layer.forward(&ops::relu(x)?)?,
            },
        };
        let y = rounded(ops::add(&y, &self.shortcut(x)?)?, self.fixed_point)?;
        match &mut self.activation {
            Some(activation) => activation.forward(&y).map_err(|e| e.in_layer("activation")),
            None => Ok(y),
        }
    }
}

impl Module for Unit {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        match self.joined(x)? {
            Some(y) => Ok(y),
            None => self.apart(x),
        }
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        let x = to.branch();
        match &self.product {
            Product::Binary { sign, conv, norm } => {
                if let Some(sign) = sign {
                    to.layer("sign", sign)?;
                }
                to.layer("conv", conv)?;
                if self.family == Family::QuickNet {
                    lower_rounded(to, self.sums())?;
                    to.relu()?;
                }
                to.layer("norm", norm)?;
            }
            Product::Int8(layer) => {
                if self.family != Family::ReActNet {
                    to.relu()?;
                }
                layer.lower(to)?;
            }
        }
        let y = to.branch();
        to.go_on_from(&x);
        if self.cut_off > 0 {
            to.crop([self.cut_off, 0, 0, 0])?;
        }
        let window = [self.stride; 2];
        match (self.stride, self.family) {
            (1, _) => {}
            (_, Family::QuickNet) => to.max_pool2d(window, window, self.padding)?,
            _ => {
                to.avg_pool2d(window, window, self.padding)?;
                lower_rounded(to, self.fixed_point)?;
            }
        }
        let one = to.branch();
        for _ in 1..self.copies {
            to.concat(&one)?;
        }
        to.add(&y)?;
        lower_rounded(to, self.fixed_point)?;
        match &self.activation {
            Some(activation) => to.layer("activation", activation),
            None => Ok(()),
        }
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        match &self.product {
            Product::Binary { sign, conv, norm } => {
                if let Some(sign) = sign {
                    visit("sign", sign);
                }
                visit("conv", conv);
                visit("norm", norm);
            }
            Product::Int8(layer) => layer.children(visit),
        }
        if let Some(activation) = &self.activation {
            visit("activation", activation);
        }
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module)) {
        match &mut self.product {
            Product::Binary { sign, conv, norm } => {
                if let Some(sign) = sign {
                    visit("sign", sign);
                }
                visit("conv", conv);
                visit("norm", norm);
            }
            Product::Int8(layer) => layer.children_mut(visit),
        }
        if let Some(activation) = &mut self.activation {
            visit("activation", activation);
        }
    }
}
