//! The convolutional binary network.

use bnn_core::conv::Conv2d;

use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::models::size::{WeightCount, elements};
use crate::nn::{BatchNorm, BinaryConv2d, BinaryLinear, MaxPool2d, Module, SignWeightConv2d};
use crate::ops::{self, ConvOptions, Padding};
use crate::rng::Rng;
use crate::tape::Var;

/// The sizes of a [`Cnn`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CnnConfig {
    /// `[height, width, channels]` of the images.
    pub image: [usize; 3],
    /// The output channels of each convolution, stage by stage; at least one stage, each of at
    /// least one convolution.
    pub stages: Vec<Vec<usize>>,
    /// The widths of the fully connected hidden layers after them; there may be none.
    pub hidden: Vec<usize>,
    /// Number of classes.
    pub classes: usize,
}

impl CnnConfig {
    /// Refuses a network with too many weights, or one that there is no memory to train, before
    /// weights are made.
    fn check_weights(&self) -> Result<(), Error> {
        let mut weights = WeightCount::default();
        let [mut height, mut width, mut before] = self.image;
        let mut largest = 0;
        for stage in &self.stages {
            for &channels in stage {
                weights.add(channels, [before, KERNEL[0] * KERNEL[1]])?;
                largest = largest.max(elements([height, width, channels]));
                before = channels;
            }
            (height, width) = (height / POOL[0], width / POOL[1]);
        }
        let mut inputs = [before, height.saturating_mul(width)];
        for &features in self.hidden.iter().chain([&self.classes]) {
            weights.add(features, inputs)?;
            inputs = [features, 1];
        }
        weights.check_memory(largest)
    }
}

/// A convolutional network with binary weights everywhere and binary activations in every hidden
/// layer.
///
/// Convolutions of 3 x 3 keep the size of the image (zeros around it). Each stage ends with a max
/// pool of 2 x 2 over the sums, before batch normalisation. The first convolution multiplies the
/// pixels as they are with `sign(w)`, every further one signs with signs. The remaining image goes
/// through fully connected binary layers, each followed by batch normalisation; the last one gives
/// out the class scores. Layers have no bias, because batch normalisation has one.
#[derive(Clone, Debug)]
pub struct Cnn {
    config: CnnConfig,
    first: Block<SignWeightConv2d>,
    convs: Vec<Block<BinaryConv2d>>,
    linears: Vec<Block<BinaryLinear>>,
}

/// A layer, with a max pool of its sums if there is one, and batch normalisation.
#[derive(Clone, Debug)]
struct Block<L> {
    layer: L,
    norm: BatchNorm,
}

const KERNEL: [usize; 2] = [3, 3];
const POOL: [usize; 2] = [2, 2];
const SAME: ConvOptions = ConvOptions {
    stride: [1, 1],
    dilation: [1, 1],
    groups: 1,
    padding: Padding::Same,
    pad_value: ops::PadValue::Zero,
};

impl Cnn {
    /// A network with random latent weights.
    ///
    /// # Errors
    /// Sizes of 0 or too large, more than 2^28 weights, weights or images that there is no memory to
    /// train, no stage, a stage without a convolution, or more stages than the image can be halved.
    pub fn new(config: CnnConfig, rng: &mut Rng) -> Result<Self, Error> {
        let least = config.stages.iter().map(Vec::len).min().unwrap_or(0);
        let what = "number of stages, and of convolutions in each";
        Error::check_range(what, "at least 1", least as f64, least > 0)?;
        config.check_weights()?;
        let [mut height, mut width, mut before] = config.image;
        let (mut first, mut convs) = (None, Vec::new());
        for stage in &config.stages {
            for (i, &channels) in stage.iter().enumerate() {
                Conv2d::new([height, width, before], channels, KERNEL, SAME)?;
                let pool = (i + 1 == stage.len()).then(|| MaxPool2d::new(POOL));
                if first.is_none() {
                    let mut layer = SignWeightConv2d::new(before, channels, KERNEL, SAME, rng)?;
                    layer.pool = pool;
                    first = Some(Block::new(layer, channels)?);
                } else {
                    let mut layer = BinaryConv2d::new(before, channels, KERNEL, SAME, rng)?;
                    layer.pool = pool;
                    convs.push(Block::new(layer, channels)?);
                }
                before = channels;
            }
            (height, width) = (height / POOL[0], width / POOL[1]);
        }
        let Some(first) = first else {
            unreachable!("no stage was found to be empty")
        };
        // Cannot overflow: it is less than an image of the last convolution.
        before *= height * width;
        let mut linears = Vec::new();
        for &features in config.hidden.iter().chain([&config.classes]) {
            let layer = BinaryLinear::new(before, features, rng)?;
            linears.push(Block::new(layer, features)?);
            before = features;
        }
        Ok(Self {
            config,
            first,
            convs,
            linears,
        })
    }
}

impl<L> Block<L> {
    fn new(layer: L, features: usize) -> Result<Self, Error> {
        let norm = BatchNorm::new(features)?;
        Ok(Self { layer, norm })
    }
}

impl<L: Module> Module for Block<L> {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        let sums = self.layer.forward(x).map_err(|e| e.in_layer("layer"))?;
        self.norm.forward(&sums).map_err(|e| e.in_layer("norm"))
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.layer("layer", &self.layer)?;
        to.layer("norm", &self.norm)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("layer", &self.layer);
        visit("norm", &self.norm);
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module)) {
        visit("layer", &mut self.layer);
        visit("norm", &mut self.norm);
    }
}

impl Module for Cnn {
    /// `x` is `[samples, height, width, channels]`, or `[samples, pixels]`; the result,
    /// `[samples, classes]`, are the scores.
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        let samples = x.shape().first().copied().unwrap_or(1);
        let [height, width, channels] = self.config.image;
        let x = ops::reshape(x, &[samples, height, width, channels])?;
        let mut x = self.first.forward(&x).map_err(|e| e.in_layer("first"))?;
        for (i, block) in self.convs.iter_mut().enumerate() {
            let named = |e: Error| e.in_layer(&format!("conv.{i}"));
            x = block.forward(&x).map_err(named)?;
        }
        let x = ops::flatten(&x)?;
        let mut linears = self.linears.iter_mut().enumerate();
        linears.try_fold(x, |x, (i, block)| {
            let named = |e: Error| e.in_layer(&format!("linear.{i}"));
            block.forward(&x).map_err(named)
        })
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.image(self.config.image)?;
        to.layer("first", &self.first)?;
        for (i, block) in self.convs.iter().enumerate() {
            to.layer(&format!("conv.{i}"), block)?;
        }
        to.flatten();
        for (i, block) in self.linears.iter().enumerate() {
            to.layer(&format!("linear.{i}"), block)?;
        }
        Ok(())
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("first", &self.first);
        for (i, block) in self.convs.iter().enumerate() {
            visit(&format!("conv.{i}"), block);
        }
        for (i, block) in self.linears.iter().enumerate() {
            visit(&format!("linear.{i}"), block);
        }
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module)) {
        visit("first", &mut self.first);
        for (i, block) in self.convs.iter_mut().enumerate() {
            visit(&format!("conv.{i}"), block);
        }
        for (i, block) in self.linears.iter_mut().enumerate() {
            visit(&format!("linear.{i}"), block);
        }
    }
}
