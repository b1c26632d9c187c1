//! A network as a chain of products with functions of single numbers between them, which becomes a
//! model file layer by layer.
//!
//! A product is kept until the next one, or the end, says what its sums become. Between them are
//! monotone functions ([`Scalar`]) and max pools. Where they take two values, the product's layer
//! has thresholds: the sum at which the very `f32` expression changes from one value to the other.
//! A neuron that falls is stored with negated weights. After a pool that is not possible where the
//! functions after the pool fall: its bits are stored negated, and so are the weights that meet
//! them in the next layer.

mod batch_norm;
mod finish;
mod input;
mod levels;
mod product;
mod quantizer;
mod scalar;
mod settle;

use bnn_core::conv::{Conv2d, ConvOptions, PadValue, Pool2d};
use bnn_core::internal::{padded_sides, padding};
use bnn_core::model::ModelWriter;

use crate::budget::Budget;
use crate::{ImportError, Inputs};

use levels::{Pair, Why};
use product::{Kind, Product, Weights};

pub(crate) use batch_norm::BatchNorm;
pub(crate) use finish::Finished;
pub(crate) use input::straight;
pub(crate) use quantizer::{Quantizer, Rounding};
pub(crate) use scalar::{Relation, Scalar};

/// A chain in the making.
#[derive(Debug)]
pub(crate) struct Chain {
    inputs: Inputs,
    /// `[height, width, channels]` of the value that the chain has come to.
    pub(crate) image: [usize; 3],
    /// The shape of the model's input.
    input_image: [usize; 3],
    /// None before the first product.
    writer: Option<ModelWriter>,
    pending: Option<Product>,
    before_pool: Vec<Scalar>,
    pools: Vec<Pool2d>,
    after_pool: Vec<Scalar>,
    /// Pixels around the next convolution's images, above, to the left, below and to the right, and
    /// their value.
    pad: Option<([usize; 4], f32)>,
    notes: Vec<String>,
}

/// A convolution as networks describe it; pairs are vertical and horizontal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windowed {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Above, to the left, below, to the right.
    pub(crate) pads: [usize; 4],
    pub(crate) groups: usize,
}

/// What the elements of a product's input are to it.
struct InputScale {
    /// An element is worth `unit * integer + base`, `base` by its channel.
    unit: f64,
    bases: Vec<f64>,
    flipped: Vec<bool>,
    most: i32,
    is_signed: bool,
}

impl Chain {
    pub(crate) fn new(inputs: Inputs, image: [usize; 3]) -> Self {
        Self {
            inputs,
            image,
            input_image: image,
            writer: None,
            pending: None,
            before_pool: Vec::new(),
            pools: Vec::new(),
            after_pool: Vec::new(),
            pad: None,
            notes: Vec::new(),
        }
    }

    /// Whether the chain is still at the input and nothing was done to it.
    pub(crate) fn is_untouched(&self) -> bool {
        self.pending.is_none() && self.before_pool.is_empty()
    }

    /// The input has another shape from the beginning.
    pub(crate) fn set_input(&mut self, image: [usize; 3]) {
        (self.image, self.input_image) = (image, image);
    }

    /// The only channel of the input becomes as many as it has elements.
    pub(crate) fn spread(
        &mut self,
        elements: usize,
        budget: &mut Budget,
    ) -> Result<(), ImportError> {
        for scalar in &self.before_pool {
            budget.floats(scalar.lists(), elements)?;
        }
        self.set_input([1, 1, elements]);
        for scalar in &mut self.before_pool {
            scalar.spread(elements);
        }
        if let Inputs::Bytes {
            mean, deviation, ..
        } = &mut self.inputs
        {
            mean.truncate(1);
            deviation.truncate(1);
        }
        Ok(())
    }

    pub(crate) fn is_at_input(&self) -> bool {
        self.pending.is_none()
    }

    pub(crate) fn scalar(&mut self, scalar: Scalar) {
        match self.pools.is_empty() {
            true => self.before_pool.push(scalar),
            false => self.after_pool.push(scalar),
        }
    }

    pub(crate) fn pad(&mut self, sides: [usize; 4], value: f32) -> Result<(), Why> {
        if self.pad.is_some() {
            return Err("images were padded already".into());
        }
        self.pad = Some((sides, value));
        Ok(())
    }

    /// Padding goes around the images of a convolution, and nothing may come between them.
    pub(crate) fn check_not_padded(&self) -> Result<(), Why> {
        match self.pad {
            None => Ok(()),
            Some(_) => Err("expected a convolution right after the padding".into()),
        }
    }

    pub(crate) fn max_pool(&mut self, windowed: &Windowed) -> Result<(), Why> {
        if self.is_at_input() {
            return Err("a pool of the input, expected one of binary activations".into());
        }
        if !self.after_pool.is_empty() {
            return Err("a second pool before the next product".into());
        }
        let padding = padding(windowed.pads);
        let pool = Pool2d::new(self.image, windowed.kernel, windowed.stride, padding);
        let pool = pool.map_err(|error| error.to_string())?;
        let [height, width] = pool.windows().output_size();
        self.image = [height, width, self.image[2]];
        self.pools.push(pool);
        Ok(())
    }

    /// A product with weights `[outputs, inputs]`, whose inputs are in the order of the model's
    /// elements, `[height, width, channels]`.
    pub(crate) fn dense(&mut self, node: (String, String), weights: &[f32]) -> Result<(), Failed> {
        self.check_not_padded()?;
        let [height, width, channels] = self.image;
        let weights = Weights::split(weights, height * width * channels)?;
        if [height, width] == [1, 1] {
            return self.product(node, Kind::Dense, weights, 0.0);
        }
        let n = weights.rows.len();
        let conv = Conv2d::new(self.image, n, [height, width], ConvOptions::default())?;
        self.product(node, Kind::Conv(conv), weights, 0.0)
    }

    /// A convolution with filters `[outputs, kernel height, kernel width, channels / groups]`.
    pub(crate) fn conv(
        &mut self,
        node: (String, String),
        windowed: &Windowed,
        filters: &[f32],
    ) -> Result<(), Failed> {
        let (mut pads, mut value) = (windowed.pads, 0.0);
        if let Some((around, of)) = self.pad.take() {
            if pads != [0; 4] && of != 0.0 {
                return Err(Why::from("padding of zeros around padding of other values").into());
            }
            value = of;
            for (pad, around) in pads.iter_mut().zip(around) {
                *pad += around;
            }
        }
        let k = windowed.kernel[0] * windowed.kernel[1] * (self.image[2] / windowed.groups.max(1));
        let weights = Weights::split(filters, k.max(1))?;
        let options = ConvOptions {
            stride: windowed.stride,
            dilation: windowed.dilation,
            groups: windowed.groups,
            padding: padding(pads),
            // Known when the input is.
            pad_value: PadValue::Zero,
        };
        let conv = Conv2d::new(self.image, weights.rows.len(), windowed.kernel, options)?;
        self.product(node, Kind::Conv(conv), weights, value)
    }

    fn product(
        &mut self,
        node: (String, String),
        mut kind: Kind,
        weights: Weights,
        pad: f32,
    ) -> Result<(), Failed> {
        if weights.rows.is_empty() {
            return Err(Why::from("a product without outputs").into());
        }
        let operand = match self.pending.take() {
            None => self.begin()?,
            Some(product) => {
                let settled = self.settle(product)?;
                InputScale::of_pair(settled.pair, settled.flipped)
            }
        };
        let channels = match &kind {
            Kind::Dense => self.image[2],
            Kind::Conv(conv) => conv.channels() / conv.groups(),
        };
        let mut has_parity = operand.is_signed;
        if let Kind::Conv(conv) = &mut kind {
            if conv.groups() > 1 && operand.flipped.contains(&true) {
                return Err(Why::from("groups of channels after a pool of falling ones").into());
            }
            if conv.groups() > 1 && operand.bases.iter().any(|&base| base != operand.bases[0]) {
                return Err(Why::from("groups of channels of an input with several means").into());
            }
            let padded = padded_sides(conv.windows()) != [0; 4];
            if padded {
                let value = operand.padding(pad)?;
                has_parity &= value != PadValue::Zero;
                *conv = with_pad_value(conv, value)?;
            }
            let [height, width] = conv.windows().output_size();
            self.image = [height, width, conv.outputs()];
        } else {
            self.image = [1, 1, weights.rows.len()];
        }
        let offsets = weights.rows.iter().map(|row| {
            let terms = row.iter().enumerate().map(|(i, &plus)| {
                let base = operand.bases[i % channels];
                if plus { base } else { -base }
            });
            terms.sum()
        });
        self.pending = Some(Product {
            node,
            kind,
            offsets: offsets.collect(),
            weights,
            flipped: operand.flipped,
            channels,
            unit: operand.unit,
            most: operand.most,
            is_signed: operand.is_signed,
            has_parity,
        });
        Ok(())
    }
}

impl InputScale {
    fn of_pair(pair: Pair, flipped: Vec<bool>) -> Self {
        Self {
            unit: pair.half(),
            bases: vec![pair.middle(); flipped.len()],
            flipped,
            most: 1,
            is_signed: true,
        }
    }

    /// How padding whose elements are worth `value` is written.
    fn padding(&self, value: f32) -> Result<PadValue, Why> {
        let integer = (f64::from(value) - self.bases[0]) / self.unit;
        let same = self.bases.iter().all(|&base| base == self.bases[0]);
        let flips = self.flipped.contains(&true);
        match (integer, self.is_signed) {
            (0.0, _) if same => Ok(PadValue::Zero),
            (1.0, true) if same && !flips => Ok(PadValue::PlusOne),
            (-1.0, true) if same && !flips => Ok(PadValue::MinusOne),
            _ => Err(format!(
                "padding of {value} around elements that are never it, nor halfway between the two \
                 that they are"
            )),
        }
    }
}

fn with_pad_value(conv: &Conv2d, pad_value: PadValue) -> Result<Conv2d, bnn_core::Error> {
    let windows = conv.windows();
    let [height, width] = windows.input_size();
    let options = ConvOptions {
        stride: windows.stride(),
        dilation: windows.dilation(),
        groups: conv.groups(),
        padding: padding(padded_sides(windows)),
        pad_value,
    };
    let image = [height, width, conv.channels()];
    Conv2d::new(image, conv.outputs(), windows.kernel(), options)
}

/// Why a chain does not go on.
#[derive(Debug)]
pub(crate) enum Failed {
    /// This node is the reason.
    Here(Why),
    /// An earlier node, or the format, is the reason.
    Before(ImportError),
}

impl From<Why> for Failed {
    fn from(why: Why) -> Self {
        Self::Here(why)
    }
}

impl From<&str> for Failed {
    fn from(why: &str) -> Self {
        Self::Here(why.into())
    }
}

impl From<bnn_core::Error> for Failed {
    fn from(error: bnn_core::Error) -> Self {
        Self::Here(error.to_string())
    }
}

impl From<ImportError> for Failed {
    fn from(error: ImportError) -> Self {
        Self::Before(error)
    }
}
