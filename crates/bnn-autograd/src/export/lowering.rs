//! A model file in the making: what layers are told to say about themselves.

use bnn_core::model::{InputType, ModelWriter};

use super::ExportError;
use super::product::{Product, Then};
use crate::error::Error;
use crate::nn::Module;
use crate::ops::Affine;
use crate::real::Real;
use crate::tensor::Tensor;

/// Collects what the layers of a network compute, from the input to the output, and writes it as the
/// layers of a model file. [`Module::lower`] gets it from [`export`](super::export).
///
/// A network hands on the layers it is made of, in the order in which they are applied:
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
/// let net = Net { hidden, norm: BatchNorm::new(3)? };
/// let file = export(&net, InputType::Bits, "")?;
/// # assert!(!file.is_empty());
/// # Ok(())
/// # }
/// ```
/// A layer that computes nothing in evaluation (dropout) returns `Ok(())`; any other one calls the method
/// that says what it computes.
pub struct Lowering {
    pub(super) writer: ModelWriter,
    pub(super) input: InputType,
    /// Of [`InputType::Thresholds`], once a layer has said them: one for each channel.
    pub(super) thresholds: Option<Vec<u8>>,
    /// The text kept in the file.
    meta: String,
    /// The product added last, until it is known what becomes of its sums.
    pub(super) open: Option<Product>,
    /// How the values at hand lie.
    pub(super) values: Values,
    /// What to say if clipped numbers are all that comes of the last clipping.
    clipped: Option<ExportError>,
    /// What to say if the runner, which pools bits, cannot do what the last pool does.
    pub(super) pooled: Option<ExportError>,
    /// Names and kinds of the modules that are being lowered, from the model inwards.
    path: Vec<(String, &'static str)>,
}

/// How the values of a sample lie: what the next layer goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// In a row.
    Row,
    /// In images `[height, width, channels]`.
    Image([usize; 3]),
    /// In a row that was such an image.
    Flat([usize; 3]),
}

impl Lowering {
    /// A model file without layers yet, for samples of the type `input`. `kind` is what errors call the
    /// network, `meta` text kept in the file. Most programs call [`export`](super::export) instead.
    ///
    /// ```
    /// use bnn_autograd::Tensor;
    /// use bnn_autograd::export::Lowering;
    /// use bnn_autograd::ops::Affine;
    /// use bnn_core::model::InputType;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut lowering = Lowering::new("scores", InputType::Unsigned { depth: 8 }, "")?;
    /// lowering.sign_weight_linear(&Tensor::new(vec![0.5_f32, -1.0, 2.0], &[1, 3])?)?;
    /// lowering.affine(&Affine { scale: vec![0.1_f32], bias: vec![-2.0] })?;
    /// let file = lowering.finish()?;
    /// # assert!(!file.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for bits per input outside 1 to 8.
    pub fn new(kind: &'static str, input: InputType, meta: &str) -> Result<Self, Error> {
        if let InputType::Unsigned { depth } = input {
            let inside = (1..=8).contains(&depth);
            Error::check_range("bits per input", "1 to 8", depth.into(), inside)?;
        }
        Ok(Self {
            writer: ModelWriter::new(input),
            input,
            thresholds: None,
            meta: meta.to_owned(),
            open: None,
            values: Values::Row,
            clipped: None,
            pooled: None,
            path: vec![(String::new(), kind)],
        })
    }

    /// The next layer of a network, with its name in the network.
    ///
    /// # Errors
    /// Those of the layer.
    pub fn layer<T: Real>(&mut self, name: &str, layer: &dyn Module<T>) -> Result<(), ExportError> {
        self.step(name, layer.kind(), |to| layer.lower(to))
    }

    /// A layer that is no [`Module`]: `lower` says what it computes, and `name` and `kind` are what errors
    /// call it.
    ///
    /// # Errors
    /// Those of `lower`.
    pub fn step(
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
    pub fn set_meta(&mut self, text: &str) {
        text.clone_into(&mut self.meta);
    }

    /// All modules that `network` is made of ([`Module::children`]), each applied to what the one
    /// before gives out.
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

    /// `sign(x) · sign(weight)^T` for latent weights `[n, k]`: [`ops::binary_linear`](crate::ops::binary_linear).
    ///
    /// # Errors
    /// [`ExportError::Layer`] where `x` is the unsigned input of the model, or has other than `k`
    /// columns.
    pub fn binary_linear<T: Real>(&mut self, weight: &Tensor<T>) -> Result<(), ExportError> {
        self.check_signs()?;
        self.linear(weight)
    }

    /// `x · sign(weight)^T` for latent weights `[n, k]`:
    /// [`ops::sign_weight_linear`](crate::ops::sign_weight_linear).
    ///
    /// # Errors
    /// [`ExportError::Layer`] where `x` is neither the numbers of the model's input nor signs, where it has other than
    /// `k` columns, or so many that sums could exceed 2^24, up to which `f32` is exact.
    pub fn sign_weight_linear<T: Real>(&mut self, weight: &Tensor<T>) -> Result<(), ExportError> {
        self.check_numbers()?;
        self.linear(weight)
    }

    /// `scale * x + bias` per column, rounded after the product and after the sum: a batch
    /// normalisation in evaluation. Model files compute in `f32`.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where `x` is not what a product gave out, or has another number of
    /// columns; [`ExportError::NotFinite`].
    pub fn affine<T: Real>(&mut self, affine: &Affine<T>) -> Result<(), ExportError> {
        let numbers = |x: &[T]| -> Vec<f32> { x.iter().map(|x| x.as_f64() as f32).collect() };
        let (scale, bias) = (numbers(&affine.scale), numbers(&affine.bias));
        let odd = |(s, b): (&f32, &f32)| !s.is_finite() || !b.is_finite();
        if let Some(output) = scale.iter().zip(&bias).position(odd) {
            return Err(ExportError::NotFinite {
                layer: self.name(),
                output,
                scale: scale[output],
                bias: bias[output],
            });
        }
        let columns = self.open.as_ref().map(|product| product.weights.rows());
        match &mut self.open {
            Some(product) if product.affine.is_none() && product.then == Then::Nothing => {
                if columns != Some(scale.len()) || columns != Some(bias.len()) {
                    return Err(self.refuse_width(scale.len()));
                }
                product.affine = Some((scale, bias));
                Ok(())
            }
            _ => Err(self.refusal("it does not directly follow a product of signs")),
        }
    }

    /// Clipping to [-1, 1], which changes no sign: nothing is left of it in front of a layer that takes
    /// signs.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where it clips the unsigned input of the model, and at the end of the
    /// export where no sign was taken of what it gave out.
    pub fn hard_tanh(&mut self) -> Result<(), ExportError> {
        let begins_with_signs = self.begins_with_signs();
        match &mut self.open {
            Some(product) if product.then == Then::Nothing => {
                product.then = Then::Clipped;
                let why = "no layer behind it takes the signs of its numbers, and the runner of model files does not clip";
                self.clipped = Some(self.refusal(why));
            }
            None if !begins_with_signs => {
                return Err(self.refusal("it clips the input of the model"));
            }
            _ => {}
        }
        Ok(())
    }

    /// `sign(x)`, elementwise, with `sign(-0.0) = +1`.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where `x` is the unsigned input of the model.
    pub fn sign(&mut self) -> Result<(), ExportError> {
        let begins_with_signs = self.begins_with_signs();
        match &mut self.open {
            Some(product) => product.then = Then::Sign,
            None if begins_with_signs => {}
            None => return Err(self.refusal("unsigned inputs all have the sign +1")),
        }
        Ok(())
    }

    /// Whether what the first product takes are signs: bits, or bytes of which a layer has made some.
    pub(super) fn begins_with_signs(&self) -> bool {
        self.input == InputType::Bits || self.thresholds.is_some()
    }

    /// The error that the layer being lowered cannot be exported.
    #[must_use]
    pub fn refusal(&self, reason: impl Into<String>) -> ExportError {
        ExportError::Layer {
            layer: self.name(),
            kind: self.path.last().map_or("", |(_, kind)| kind),
            reason: reason.into(),
        }
    }

    /// The whole file.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where there is no product, or numbers were clipped or pooled of which no sign
    /// was taken; [`ExportError::Model`] for a file of 4 GiB or more.
    pub fn finish(mut self) -> Result<Vec<u8>, ExportError> {
        let Some(product) = &self.open else {
            return Err(self.refusal("it has no layer with binary weights"));
        };
        let is_sign = product.then == Then::Sign;
        let refusal = match product.then {
            Then::Clipped => self.clipped,
            // No layer is left to turn what is stored with the other sign.
            Then::Sign if product.turned().contains(&true) => self.pooled,
            Then::Nothing if product.has_pools() => self.pooled,
            _ => None,
        };
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        match is_sign {
            true => product.write_signs(&mut self.writer)?,
            false => product.write(&mut self.writer)?,
        }
        Ok(self.writer.meta(&self.meta).finish()?)
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
