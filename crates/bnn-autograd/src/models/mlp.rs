//! The fully connected binary network.

use bnn_core::model::InputType;

use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::models::size::WeightCount;
use crate::nn::{BatchNorm, BinaryLinear, InputThresholds, Module, Param, SignWeightLinear};
use crate::rng::Rng;
use crate::tape::Var;

/// The shape of an [`Mlp`].
///
/// ```
/// use bnn_autograd::Rng;
/// use bnn_autograd::models::{Mlp, MlpConfig};
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// let config = MlpConfig {
///     inputs: 64,
///     depth: 5,
///     hidden: vec![128],
///     classes: 10,
///     ..MlpConfig::default()
/// };
/// let mlp = Mlp::new(config, &mut Rng::new(1))?;
/// # drop(mlp);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MlpConfig {
    /// Inputs per sample.
    pub inputs: usize,
    /// Bits per input: an unsigned integer less than `2^depth`, 1 to 8.
    pub depth: u8,
    /// The widths of the hidden layers, at least one.
    pub hidden: Vec<usize>,
    /// Number of classes.
    pub classes: usize,
    /// A threshold for each input, if the first layer is to multiply signs as well: `+1` where an
    /// input reaches its threshold.
    pub thresholds: Option<Vec<u8>>,
    /// Whether there is no batch normalisation after the last layer: its sums are the scores, so
    /// that a model file of the network gives out `i32`, and running it takes no float instruction.
    ///
    /// Sums of `k` signs are up to `k`, so such a network needs a
    /// temperature (`TrainConfig::temperature`) of about `sqrt(k)` to learn.
    pub integer_scores: bool,
}

impl Default for MlpConfig {
    /// Inputs of 8 bits, taken as they are, and real scores. There are no inputs, layers and
    /// classes yet: [`Mlp::new`] refuses it as it is.
    fn default() -> Self {
        Self {
            inputs: 0,
            depth: 8,
            hidden: Vec::new(),
            classes: 0,
            thresholds: None,
            integer_scores: false,
        }
    }
}

/// A fully connected network with binary weights and binary activations in every hidden layer.
///
/// The first layer multiplies the integer inputs as they are with `sign(w)`, or bits made of them
/// ([`MlpConfig::thresholds`]); every further layer multiplies signs with signs; each is followed
/// by batch normalisation. The last batch normalisation gives out the class scores, real numbers;
/// with [`MlpConfig::integer_scores`] there is none after the last layer, whose sums are the
/// scores. Layers have no bias, because batch normalisation has one (Hubara et al. 2016, arXiv
/// 1602.02830, section 1).
#[derive(Clone, Debug)]
pub struct Mlp {
    /// Bits per input.
    depth: u8,
    /// Before the first layer, if that takes bits.
    thresholds: Option<InputThresholds>,
    first: SignWeightLinear,
    rest: Vec<BinaryLinear>,
    /// One for each layer, but for the last if the scores are integers.
    norms: Vec<BatchNorm>,
}

/// Integers up to this are exact in `f32`, in which the tape computes the first layer's sums.
const EXACT_IN_F32: usize = 1 << 24;

impl Mlp {
    /// A network with random latent weights.
    ///
    /// # Errors
    /// Sizes of 0 or too large, more than 2^28 weights or weights that there is no memory to train,
    /// no hidden layer, a depth outside 1 to 8, another number of thresholds than inputs, or so
    /// many inputs that the first layer's sums could exceed 2^24 and would not be exact in `f32`.
    pub fn new(config: MlpConfig, rng: &mut Rng) -> Result<Self, Error> {
        let depth = config.depth;
        Error::check_range(
            "bits per input",
            "1 to 8",
            depth.into(),
            (1..=8).contains(&depth),
        )?;
        let most = EXACT_IN_F32 / ((1 << depth) - 1);
        let inputs = config.inputs;
        let exact = "small enough for sums up to 2^24, exact in f32";
        Error::check_range("number of inputs", exact, inputs as f64, inputs <= most)?;
        let mut widths = config.hidden.iter().copied().chain([config.classes]);
        let hidden = config.hidden.len();
        Error::check_range(
            "number of hidden layers",
            "at least 1",
            hidden as f64,
            hidden > 0,
        )?;
        let (mut weights, mut before) = (WeightCount::default(), inputs);
        for width in widths.clone() {
            weights.add(width, [before, 1])?;
            before = width;
        }
        weights.check_memory(0)?;
        let width = widths.next().unwrap_or_default();
        let thresholds = config.thresholds.as_deref();
        if let Some(thresholds) = thresholds
            && thresholds.len() != inputs
        {
            return Err(Error::Shape {
                what: "thresholds of the inputs",
                expected: format!("[{inputs}]"),
                found: vec![thresholds.len()],
            });
        }
        let thresholds = thresholds.map(InputThresholds::new).transpose()?;
        let first = SignWeightLinear::new(inputs, width, rng)?;
        let mut norms = vec![BatchNorm::new(width)?];
        let mut rest = Vec::new();
        let mut before = width;
        for width in widths {
            rest.push(BinaryLinear::new(before, width, rng)?);
            norms.push(BatchNorm::new(width)?);
            before = width;
        }
        if config.integer_scores {
            norms.truncate(rest.len());
        }
        Ok(Self {
            depth: config.depth,
            thresholds,
            first,
            rest,
            norms,
        })
    }

    /// The type of its inputs in a model file.
    #[must_use]
    pub fn input(&self) -> InputType {
        match self.thresholds {
            Some(_) => InputType::Thresholds,
            None => InputType::Unsigned { depth: self.depth },
        }
    }

    /// The latent weights `[n, k]` of each layer and its batch normalisation, if it has one, from
    /// the input to the output.
    pub(crate) fn layers(&self) -> impl Iterator<Item = (&Param, Option<&BatchNorm>)> {
        let rest = self.rest.iter().map(|layer| &layer.weight);
        let weights = [&self.first.weight].into_iter().chain(rest);
        let norms = self.norms.iter().map(Some).chain([None]);
        weights.zip(norms)
    }
}

impl Module for Mlp {
    /// `x` is `[samples, inputs]`; the result, `[samples, classes]`, are the scores.
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        let named = |i: usize, part: &str, e: Error| e.in_layer(&format!("{i}.{part}"));
        let mut norms = self.norms.iter_mut().enumerate();
        let mut norm = |x: Var| match norms.next() {
            Some((i, norm)) => norm.forward(&x).map_err(|e| named(i, "norm", e)),
            None => Ok(x),
        };
        let bits = match &mut self.thresholds {
            Some(thresholds) => thresholds.forward(x).map_err(|e| e.in_layer("input"))?,
            None => x.clone(),
        };
        let sums = self.first.forward(&bits);
        let mut x = norm(sums.map_err(|e| named(0, "linear", e))?)?;
        for (i, layer) in self.rest.iter_mut().enumerate() {
            let sums = layer.forward(&x);
            x = norm(sums.map_err(|e| named(i + 1, "linear", e))?)?;
        }
        Ok(x)
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        if let Some(thresholds) = &self.thresholds {
            to.layer("input", thresholds)?;
        }
        to.layer("0.linear", &self.first)?;
        for (i, norm) in self.norms.iter().enumerate() {
            to.layer(&format!("{i}.norm"), norm)?;
            if let Some(next) = self.rest.get(i) {
                to.layer(&format!("{}.linear", i + 1), next)?;
            }
        }
        Ok(())
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        if let Some(thresholds) = &self.thresholds {
            visit("input", thresholds);
        }
        visit("0.linear", &self.first);
        for (i, layer) in self.rest.iter().enumerate() {
            visit(&format!("{}.linear", i + 1), layer);
        }
        for (i, norm) in self.norms.iter().enumerate() {
            visit(&format!("{i}.norm"), norm);
        }
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module)) {
        if let Some(thresholds) = &mut self.thresholds {
            visit("input", thresholds);
        }
        visit("0.linear", &mut self.first);
        for (i, layer) in self.rest.iter_mut().enumerate() {
            visit(&format!("{}.linear", i + 1), layer);
        }
        for (i, norm) in self.norms.iter_mut().enumerate() {
            visit(&format!("{i}.norm"), norm);
        }
    }
}
