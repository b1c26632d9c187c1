//! A model file that is being put together, layer by layer.

use bnn_core::model::{InputType, ModelWriter};

use super::ExportError;
use super::nodes::Nodes;
use super::operations::Operations;
use super::product::{Product, Then};
use crate::error::Error;
use crate::nn::Module;
use crate::real::Real;

/// Collects what the layers of a network compute, from the input to the output, and writes it as
/// the layers of a model file. [`Module::lower`] gets it from [`export`](super::export).
///
/// A network passes on the layers that it is made of, in the order in which they are applied:
/// ```
/// use bnn_autograd::export::{ExportError, Lowering, export};
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Module};
/// use bnn_autograd::{Error, Rng, Var, children};
/// use bnn_core::model::InputType;
///
/// struct Net {
///     hidden: BinaryLinear,
///     norm: BatchNorm,
/// }
///
/// impl Module for Net {
///     fn forward(&mut self, x: &Var) -> Result<Var, Error> {
///         self.norm.forward(&self.hidden.forward(x)?)
///     }
///     children!(hidden, norm);
///     fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
///         to.layer("hidden", &self.hidden)?;
///         to.layer("norm", &self.norm) // or both by `to.in_order(self)`
///     }
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hidden = BinaryLinear::new(5, 3, &mut Rng::new(1))?;
/// let mut net = Net { hidden, norm: BatchNorm::new(3)? };
/// let file = export(&mut net, InputType::Bits)?;
/// # assert!(!file.is_empty());
/// # Ok(())
/// # }
/// ```
/// A layer that computes nothing in evaluation (dropout) returns `Ok(())`; any other one calls the
/// methods that say what it computes.
pub struct Lowering {
    pub(super) writer: ModelWriter,
    pub(super) input: InputType,
    /// For [`InputType::Thresholds`], once a layer has given them: one for each channel.
    pub(super) thresholds: Option<Vec<u8>>,
    /// The text kept in the file.
    pub(super) meta: String,
    /// The product added last, until the layers after it have said what its epilogue is.
    pub(super) open: Option<Product>,
    /// How the values that the next layer takes are laid out.
    pub(super) values: SampleShape,
    /// The images that the model takes, if it takes images.
    pub(super) image: Option<[usize; 3]>,
    /// What the layers have accounted for.
    pub(super) operations: Operations,
    /// The nodes so far, if the layers become a graph and not a chain.
    pub(super) graph: Option<Nodes>,
    /// Whether there was a step that graphs alone have.
    pub(super) has_graph_steps: bool,
    /// Name and kind of the layer that was the last affine step.
    pub(super) last_affine: Option<(String, &'static str)>,
    /// How far scores may be from several affine steps.
    pub(super) tolerance: f64,
    /// The refusal, should no sign be taken of the numbers clipped last.
    pub(super) clipped: Option<Refusal>,
    /// The refusal, should the values pooled last not become bits.
    pub(super) pooled: Option<Refusal>,
    /// Names and kinds of the modules that are being lowered, from the model inwards.
    path: Vec<(String, &'static str)>,
}

/// Layer, kind and reason of an [`ExportError::Layer`].
pub(super) type Refusal = (String, &'static str, &'static str);

/// A file, and how far each output can be from what the network computes: 0 unless a tolerance was
/// allowed.
pub(crate) struct Lowered {
    pub(crate) file: Vec<u8>,
    pub(super) differences: Vec<f64>,
}

/// How the values of a sample are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SampleShape {
    /// A row.
    Row,
    /// An image `[height, width, channels]`.
    Image([usize; 3]),
    /// A row that was such an image.
    Flat([usize; 3]),
}

impl Lowering {
    /// A model file without layers, for samples of the type `input`; `kind` is what errors call the
    /// network.
    pub(crate) fn new(kind: &'static str, input: InputType) -> Result<Self, Error> {
        if let InputType::Unsigned { depth } = input {
            let inside = (1..=8).contains(&depth);
            Error::check_range("bits per input", "1 to 8", depth.into(), inside)?;
        }
        Ok(Self {
            writer: ModelWriter::new(input),
            input,
            thresholds: None,
            meta: String::new(),
            open: None,
            values: SampleShape::Row,
            image: None,
            operations: Operations::default(),
            graph: None,
            has_graph_steps: false,
            last_affine: None,
            tolerance: 0.0,
            clipped: None,
            pooled: None,
            path: vec![(String::new(), kind)],
        })
    }

    /// Makes a graph of this lowering, to which nothing has been added yet.
    pub(super) fn into_graph(self) -> Self {
        Self {
            graph: Some(Nodes::default()),
            ..self
        }
    }

    /// Adds the next layer of a network, under its name in the network.
    ///
    /// # Errors
    /// Those of the layer.
    pub fn layer<T: Real>(&mut self, name: &str, layer: &dyn Module<T>) -> Result<(), ExportError> {
        self.step(name, layer.kind(), |to| layer.lower(to))
    }

    /// Adds a layer that need not be a [`Module`]: `lower` says what it computes, and `name` and
    /// `kind` are what errors call it.
    pub(crate) fn step(
        &mut self,
        name: &str,
        kind: &'static str,
        lower: impl FnOnce(&mut Self) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.path.push((name.to_owned(), kind));
        let result = lower(self);
        self.path.pop();
        result
    }

    /// Replaces the text kept in the file.
    pub(crate) fn set_meta(&mut self, text: String) {
        self.meta = text;
    }

    /// Adds all modules that `network` is made of ([`Module::children`]), each applied to the
    /// output of the one before.
    ///
    /// # Errors
    /// Those of the layers.
    pub fn in_order<T: Real>(&mut self, network: &dyn Module<T>) -> Result<(), ExportError> {
        let mut result = Ok(());
        network.children(&mut |name, child| {
            if result.is_ok() {
                result = self.layer(name, child);
            }
        });
        result
    }

    /// Whether the first product takes signs: bits, or bytes that thresholds have turned into bits.
    pub(super) fn begins_with_signs(&self) -> bool {
        self.input == InputType::Bits || self.thresholds.is_some()
    }

    /// Says that the layer being lowered applies an operation of its own, a
    /// [`Function`](crate::Function) of this name, for which the other methods that it calls
    /// account. [`export`](super::export) refuses a model whose forward pass applies operations
    /// that no layer accounts for.
    ///
    /// ```
    /// use bnn_autograd::export::{ExportError, Lowering, export};
    /// use bnn_autograd::nn::{BinaryLinear, Module, Sequential};
    /// use bnn_autograd::{Context, Error, Function, Rng, Tensor, Var};
    /// use bnn_core::model::InputType;
    ///
    /// struct Sign;
    /// struct SignFunction;
    ///
    /// impl Function<f32> for SignFunction {
    ///     fn name(&self) -> &'static str {
    ///         "my_sign"
    ///     }
    ///     fn forward(&self, _: &mut Context<f32>, x: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
    ///         let signs = x[0].data().iter().map(|&x| if x >= 0.0 { 1.0 } else { -1.0 });
    ///         Ok(vec![Tensor::new(signs.collect(), x[0].shape())?])
    ///     }
    /// }
    ///
    /// impl Module for Sign {
    ///     fn forward(&mut self, x: &Var) -> Result<Var, Error> {
    ///         x.tape().apply(SignFunction, &[x])
    ///     }
    ///     fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
    ///         to.operation("my_sign");
    ///         to.sign()
    ///     }
    /// }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let layer = BinaryLinear::new(5, 3, &mut Rng::new(1))?;
    /// let file = export(&mut Sequential::new().then(layer).then(Sign), InputType::Bits)?;
    /// # assert!(!file.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn operation(&mut self, name: &str) {
        self.operations.name(name);
    }

    /// The error that the layer being lowered cannot be exported.
    pub(crate) fn refusal(&self, reason: impl Into<String>) -> ExportError {
        let (layer, kind) = self.place();
        ExportError::Layer {
            layer,
            kind,
            reason: reason.into(),
        }
    }

    /// The whole file, and what it may differ by.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where there is no product, or numbers were clipped or pooled of which
    /// no sign was taken; [`ExportError::Rounding`] where several affine steps do not become one
    /// exactly; [`ExportError::Model`] for a file of 4 GiB or more.
    pub(crate) fn lowered(&self) -> Result<Lowered, ExportError> {
        let Some(product) = &self.open else {
            return Err(self.refusal("it has no layer with binary weights"));
        };
        let negated = product.negated();
        let refusal = match product.then {
            Then::Clipped => &self.clipped,
            // No layer is left to make up for what is stored negated.
            Then::Sign
                if negated
                    .as_ref()
                    .is_none_or(|outputs| outputs.contains(&true)) =>
            {
                &self.pooled
            }
            Then::Nothing if !product.pools.is_empty() => &self.pooled,
            _ => &None,
        };
        if let Some((layer, kind, reason)) = refusal.clone() {
            return Err(ExportError::Layer {
                layer,
                kind,
                reason: reason.to_owned(),
            });
        }
        let mut writer = self.writer.clone().meta(&self.meta);
        let mut differences = vec![0.0; product.weights.rows()];
        if product.then == Then::Sign {
            product.write_signs(&mut writer, &negated.unwrap_or_default())?;
        } else if product.steps.is_empty() {
            product.write(&mut writer, None)?;
        } else {
            let scores = product.scores();
            let (output, found) = scores.worst;
            if found > self.tolerance {
                let (layer, kind) = self.last_affine.clone().unwrap_or_default();
                return Err(ExportError::Rounding {
                    layer,
                    kind,
                    steps: product.steps.len(),
                    output,
                    found,
                    tolerance: self.tolerance,
                });
            }
            product.write(&mut writer, Some(&scores))?;
            differences = scores.differences;
        }
        Ok(Lowered {
            file: writer.finish()?,
            differences,
        })
    }

    /// Name and kind of the layer being lowered.
    pub(super) fn place(&self) -> (String, &'static str) {
        (self.name(), self.path.last().map_or("", |(_, kind)| kind))
    }

    /// The dotted name of the layer being lowered.
    fn name(&self) -> String {
        let names: Vec<_> = self.path.iter().skip(1).map(|(name, _)| &**name).collect();
        names.join(".")
    }
}

impl std::fmt::Debug for Lowering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lowering at {:?}", self.name())
    }
}
