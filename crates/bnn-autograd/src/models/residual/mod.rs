//! Residual networks of binary convolutions.

mod activation;
mod config;
#[cfg(test)]
mod laws;
mod norm;
mod unit;
mod units;

pub use config::{Family, ResidualConfig, StemConfig, UnitConfig};

use std::iter;

use bnn_core::conv::Conv2d;

use crate::error::Error;
use crate::export::{ExportError, Lowering, MOST_TAPS};
use crate::models::size::{WeightCount, elements};
use crate::nn::{Int8Conv2d, Int8Linear, Module, recomputed, walk};
use crate::ops::{self, ConvOptions, Padding};
use crate::rng::Rng;
use crate::tape::Var;
use norm::{Norm, lower_rounded, rounded};
use unit::Unit;
use units::Units;

/// A network in which real numbers run past binary convolutions.
///
/// Pixels go through a convolution with weights of 8 bits and batch normalisation; then come units,
/// each a convolution with a shortcut around it, binary but for [`ResidualConfig::int8_units`]
/// ([`Family`] says what else); then the mean
/// of each channel over the image, and a linear layer with weights of 8 bits gives the scores.
///
/// From the papers it departs in two things, so that integers and few kinds of layers are enough to
/// run it: stem and head have weights of 8 bits instead of floats; and where a unit has more
/// channels than the one before, the shortcut repeats them, as ReActNet does, instead of a
/// convolution of 1 x 1 with float weights (Bi-Real Net, QuickNet).
///
/// ```
/// use bnn_autograd::Rng;
/// use bnn_autograd::models::{Family, ResidualConfig, ResidualNet};
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// // ReActNet on a ResNet of six binary convolutions, for CIFAR-10.
/// let config = ResidualConfig::resnet(Family::ReActNet, [32, 32, 3], 16, &[1, 1, 1], 10)?;
/// let net = ResidualNet::new(config, &mut Rng::new(1))?;
/// # drop(net);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ResidualNet {
    config: ResidualConfig,
    stem: Int8Conv2d,
    norm: Norm,
    /// All units, or as many at a time as are computed again together.
    units: Vec<Units>,
    head: Int8Linear,
}

/// The pool of a stem: side of its windows, pixels from one to the next.
const STEM_POOL: ([usize; 2], [usize; 2]) = ([3; 2], [2; 2]);

/// The exponent of integer scores: fine enough that equal ones are rare, and with room for scores
/// up to 2^19.
const SCORES: i8 = 12;

/// Inputs of a layer at most, so that sums of numbers of 16 bits times 8 have 32 bits, as a model
/// file wants them.
const MOST_SUMMED: usize = (i32::MAX as usize) >> 22;
/// Rows of a window of a model file, which the mean of the last image is.
const MOST_ROWS_OF_MEAN: usize = 255;
/// Rows of a window and of a step of a file that slides (docs/MODEL_FORMAT.md, "Rows without an
/// end").
const MOST_ROWS_OF_STREAM: usize = 1 << 14;

impl ResidualNet {
    /// A network with random weights.
    ///
    /// # Errors
    /// Sizes of 0 or too large, more than 2^28 weights, weights or images that there is no memory to
    /// train, no unit, channels of a unit that are no multiple of those before it, a stride of a
    /// unit that is neither 1 nor 2. In fixed point: an exponent outside -16 to 31, and what no
    /// model file has room for, more than 256 pixels in the last image or more than 511 channels.
    /// Integer scores without it.
    pub fn new(config: ResidualConfig, rng: &mut Rng) -> Result<Self, Error> {
        let units = config.units.len();
        Error::check_range("number of units", "at least 1", units as f64, units > 0)?;
        let StemConfig {
            channels,
            kernel,
            stride,
            ..
        } = config.stem;
        let [height, width, _] = config.image;
        let [_, columns] = config.kernel(kernel, width);
        let options = ConvOptions {
            stride: [stride; 2],
            padding: config.padding(width, columns, stride),
            ..ConvOptions::default()
        };
        let fits = config.sizes().all(|[rows, ..]| rows > 0);
        let what = "rows of the images";
        let expected = "enough for windows that are not padded";
        Error::check_range(what, expected, height as f64, !config.slides || fits)?;
        config.check_series()?;
        // Refuses images that do not fit before there are weights.
        Conv2d::new(config.image, channels, [kernel, columns], options)?;
        config.check_weights()?;
        config.check_fixed_point()?;
        let fixed_point = config.fixed_point;
        let stem = Int8Conv2d {
            // In fixed point, batch normalisation takes the integers as they are.
            scaled: fixed_point.is_none(),
            ..Int8Conv2d::new(config.image[2], channels, [kernel, columns], options, rng)?
        };
        let (mut units, mut before) = (Vec::new(), channels);
        // What the units take: what the stem gives out, and all but the last one of them.
        let layers_of_stem = 1 + usize::from(config.stem.pool);
        let mut images = config.sizes().skip(layers_of_stem - 1);
        let at_once = match config.recompute {
            0 => config.units.len(),
            at_once => at_once,
        };
        for (i, some) in config.units.chunks(at_once).enumerate() {
            let mut part = Units {
                first: i * at_once,
                units: Vec::new(),
            };
            for (number, unit) in (part.first..).zip(some) {
                let [_, width, _] = images.next().unwrap_or(config.image);
                let made = Unit::new(&config, number, [before, width], rng)?;
                part.units.push(made);
                before = unit.channels;
            }
            units.push(part);
        }
        drop(images);
        Ok(Self {
            stem,
            norm: Norm::new(channels, fixed_point)?,
            units,
            head: Int8Linear {
                exponent: fixed_point,
                scores_exponent: config.integer_scores.then_some(SCORES),
                ..Int8Linear::new(before, config.classes, rng)?
            },
            config,
        })
    }
}

impl ResidualConfig {
    /// Refuses a network with too many weights, or one that there is no memory to train, before
    /// weights are made.
    fn check_weights(&self) -> Result<(), Error> {
        let area = |kernel: usize| kernel.saturating_mul(kernel);
        let mut weights = WeightCount::default();
        weights.add(self.stem.channels, [self.image[2], area(self.stem.kernel)])?;
        for (unit, taken) in self.units_with_taken() {
            weights.add(unit.channels, [taken, area(unit.kernel)])?;
        }
        let last = self.units.last().map_or(0, |unit| unit.channels);
        weights.add(self.classes, [last, 1])?;
        weights.check_memory(self.largest())
    }

    /// Refuses series over which a file could not slide, before a network is trained for nothing.
    fn check_series(&self) -> Result<(), Error> {
        if !self.slides {
            return Ok(());
        }
        let last = self.sizes().last().map_or(0, |[height, ..]| height);
        let what = "rows of the last image, of a network that slides";
        Error::check_range(what, "at most 255", last as f64, last <= MOST_ROWS_OF_MEAN)?;
        let strides = [self.stem.stride]
            .into_iter()
            .chain(self.stem.pool.then_some(STEM_POOL.1[0]))
            .chain(self.units.iter().map(|unit| unit.stride));
        let step = strides.fold(1, usize::saturating_mul);
        let [height, ..] = self.image;
        let rows = height.saturating_add(step);
        // No step is longer than a window, for no stride is than its filter.
        let what = "rows of a window and of a step, of a network that slides";
        let fits = rows <= MOST_ROWS_OF_STREAM;
        Error::check_range(what, "at most 16384", rows as f64, fits)
    }

    /// Refuses what a network in fixed point cannot have, before it is trained for nothing.
    fn check_fixed_point(&self) -> Result<(), Error> {
        let Some(exponent) = self.fixed_point else {
            let expected = "none where numbers are not fixed-point ones";
            let what = "units with weights of 8 bits";
            Error::check_range(what, expected, self.int8_units as f64, self.int8_units == 0)?;
            let what = "exponent of integer scores";
            return Error::check_range(what, expected, SCORES.into(), !self.integer_scores);
        };
        ops::check_exponent(exponent)?;
        for (unit, taken) in self.units_with_taken().take(self.int8_units) {
            let elements = unit.kernel.saturating_mul(unit.kernel);
            let elements = elements.saturating_mul(taken);
            let what = "elements of a filter of 8 bits, in fixed point";
            let fits = elements <= MOST_SUMMED;
            Error::check_range(what, "at most 511", elements as f64, fits)?;
        }
        let [pixels, channels] = self
            .sizes()
            .last()
            .map_or([0; 2], |[height, width, channels]| {
                [height.saturating_mul(width), channels]
            });
        let what = "pixels of the last image, in fixed point";
        let fits = pixels <= MOST_TAPS;
        Error::check_range(what, "at most 256", pixels as f64, fits)?;
        let what = "channels of the last unit, in fixed point";
        let fits = channels <= MOST_SUMMED;
        Error::check_range(what, "at most 511", channels as f64, fits)
    }

    /// The units, each with the channels that one of its filters takes.
    fn units_with_taken(&self) -> impl Iterator<Item = (&UnitConfig, usize)> {
        let given = self.units.iter().map(|unit| unit.channels);
        let before = iter::once(self.stem.channels).chain(given);
        let units = self.units.iter().zip(before);
        units.map(|(unit, before)| (unit, if unit.depthwise { 1 } else { before }))
    }

    /// The padding of the pool of the stem.
    fn stem_pool_padding(&self) -> Padding {
        let width = self.sizes().next().map_or(0, |[_, width, _]| width);
        let ([_, columns], [_, stride]) = STEM_POOL;
        self.padding(width, columns, stride)
    }

    /// Elements of the largest tensor between two layers of a sample.
    fn largest(&self) -> usize {
        self.sizes().map(elements).max().unwrap_or(0)
    }

    /// `[height, width, channels]` of the tensors between the layers of a sample.
    fn sizes(&self) -> impl Iterator<Item = [usize; 3]> {
        let [mut height, mut width, _] = self.image;
        let stem = (self.stem.channels, self.stem.kernel, self.stem.stride);
        let ([pool_kernel, _], [pool_stride, _]) = STEM_POOL;
        let pool = self
            .stem
            .pool
            .then_some((self.stem.channels, pool_kernel, pool_stride));
        let units = self.units.iter();
        let units = units.map(|unit| (unit.channels, unit.kernel, unit.stride));
        let layers = [stem].into_iter().chain(pool).chain(units);
        layers.map(move |(channels, kernel, stride)| {
            height = self.side(height, kernel, stride, true);
            width = self.side(width, kernel, stride, false);
            [height, width, channels]
        })
    }
}

impl Module for ResidualNet {
    /// `x` is `[samples, height, width, channels]`, or `[samples, pixels]`; the result,
    /// `[samples, classes]`, are the scores.
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        let samples = x.shape().first().copied().unwrap_or(1);
        let [height, width, channels] = self.config.image;
        let x = ops::reshape(x, &[samples, height, width, channels])?;
        let x = self.stem.forward(&x).map_err(|e| e.in_layer("stem"))?;
        let mut x = self.norm.forward(&x).map_err(|e| e.in_layer("norm"))?;
        if self.config.stem.pool {
            let padding = self.config.stem_pool_padding();
            x = ops::max_pool2d(&x, STEM_POOL.0, STEM_POOL.1, padding)?;
        }
        for units in &mut self.units {
            x = match self.config.recompute > 0 && walk::in_training(units) {
                true => recomputed::forward(units, &x)?,
                false => units.forward(&x)?,
            };
        }
        if self.config.family == Family::QuickNet {
            x = ops::relu(&x)?;
        }
        let x = rounded(ops::global_avg_pool(&x)?, self.config.fixed_point)?;
        self.head.forward(&x).map_err(|e| e.in_layer("head"))
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.image(self.config.image)?;
        to.layer("stem", &self.stem)?;
        to.layer("norm", &self.norm)?;
        if self.config.stem.pool {
            to.max_pool2d(STEM_POOL.0, STEM_POOL.1, self.config.stem_pool_padding())?;
        }
        for units in &self.units {
            units.lower(to)?;
        }
        if self.config.family == Family::QuickNet {
            to.relu()?;
        }
        to.global_avg_pool()?;
        lower_rounded(to, self.config.fixed_point)?;
        to.layer("head", &self.head)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("stem", &self.stem);
        visit("norm", &self.norm);
        for units in &self.units {
            units.children(visit);
        }
        visit("head", &self.head);
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module)) {
        visit("stem", &mut self.stem);
        visit("norm", &mut self.norm);
        for units in &mut self.units {
            units.children_mut(visit);
        }
        visit("head", &mut self.head);
    }
}
