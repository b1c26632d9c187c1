//! Layers over images: convolutions, pools, and flattening.

use bnn_core::conv::{Conv2d, Pool2d};
use bnn_core::model::InputType;

use super::graph::Over;
use super::lowering::SampleShape;
use super::nodes::Nodes;
use super::operations::Role;
use super::product::Shape;
use super::{ExportError, Lowering};
use crate::error::Error;
use crate::ops::{ConvOptions, Padding};
use crate::real::Real;
use crate::tensor::Tensor;

impl Lowering {
    /// Says that the samples of the model are images `[height, width, channels]`. A network that
    /// reshapes its input calls it before anything else;
    /// [`ExportConfig::image`](super::ExportConfig::image) does it for others.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where something else was called before, or images of another size
    /// were said.
    pub fn image(&mut self, shape: [usize; 3]) -> Result<(), ExportError> {
        let begun = self.graph.as_ref().is_some_and(Nodes::has_begun);
        match (&self.open, self.values) {
            (None, SampleShape::Row) if !begun => {
                self.values = SampleShape::Image(shape);
                self.image = Some(shape);
            }
            (None, SampleShape::Image(known)) if known == shape => {}
            _ => {
                let why = format!("it takes images {shape:?}, which is not what it is given");
                return Err(self.refusal(why));
            }
        }
        Ok(())
    }

    /// `[height, width, channels]` of the images at hand; `None` where values lie in rows.
    pub(crate) fn images(&self) -> Option<[usize; 3]> {
        match self.values {
            SampleShape::Image(image) => Some(image),
            _ => None,
        }
    }

    /// Turns images into rows of their elements, in order: [`ops::flatten`](crate::ops::flatten).
    /// Rows stay as they are.
    pub fn flatten(&mut self) {
        if let SampleShape::Image(image) = self.values {
            self.values = SampleShape::Flat(image);
        }
    }

    /// The convolution of `sign(x)` with the signs of latent filters
    /// `[outputs, kernel height, kernel width, channels / groups]`:
    /// [`ops::binary_conv2d`](crate::ops::binary_conv2d).
    ///
    /// # Errors
    /// [`ExportError::Layer`] where `x` is the unsigned input of the model, is not an image, or
    /// does not fit, and where zeros of a model file could not stand for its padding;
    /// [`ExportError::NotFinite`]; [`ExportError::Model`] for sizes that the format cannot hold.
    pub fn binary_conv2d<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        options: ConvOptions,
    ) -> Result<(), ExportError> {
        match self.graph {
            Some(_) => self.graph_binary(weight, Over::Windows(options))?,
            None => {
                self.check_signs()?;
                self.convolution(weight, options)?;
            }
        }
        self.operations.account(Role::Product);
        Ok(())
    }

    /// The convolution of `x` with the signs of latent filters:
    /// [`ops::sign_weight_conv2d`](crate::ops::sign_weight_conv2d).
    ///
    /// # Errors
    /// Those of [`Lowering::binary_conv2d`] and [`Lowering::sign_weight_linear`].
    pub fn sign_weight_conv2d<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        options: ConvOptions,
    ) -> Result<(), ExportError> {
        match self.graph {
            Some(_) => self.graph_signs(weight, Over::Windows(options))?,
            None => {
                self.check_numbers()?;
                self.convolution(weight, options)?;
            }
        }
        self.operations.account(Role::Product);
        Ok(())
    }

    /// The largest element under each window: [`ops::max_pool2d`](crate::ops::max_pool2d).
    ///
    /// The runner pools bits. For sums that become signs later this is the same, because affine
    /// steps keep their order. Steps with a negative factor reverse it; then the negated bits are
    /// stored and pooled, and the weights of the next layer are negated to match.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where `x` is the unsigned input of the model, is not an image, or has
    /// no room for a window; in a later layer, or at the end of the export, where no product takes
    /// the signs of the pooled values.
    pub fn max_pool2d(
        &mut self,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: Padding,
    ) -> Result<(), ExportError> {
        let image = self.present_image()?;
        let pool = Pool2d::new(image, kernel, stride, padding);
        let pool = pool.map_err(|error| self.refusal(error.to_string()))?;
        if self.graph.is_some() {
            return self.graph_max_pool(pool);
        }
        let (layer, kind) = self.place();
        let why = "the runner of model files pools bits: expected a product of signs after this pool, without another pool in between";
        match &mut self.open {
            Some(product) => product.pools.push((pool, product.steps.len())),
            None if self.input == InputType::Bits => self.writer.max_pool2d(&pool)?,
            None => return Err(self.refusal("it pools the bytes of the model's input")),
        }
        self.pooled = Some((layer, kind, why));
        self.operations.account(Role::Pool);
        let [height, width] = pool.windows().output_size();
        self.values = SampleShape::Image([height, width, pool.channels()]);
        Ok(())
    }

    /// The shape of a convolution over the present images.
    pub(super) fn shape(
        &self,
        image: [usize; 3],
        outputs: usize,
        kernel: [usize; 2],
        options: ConvOptions,
    ) -> Result<Shape, ExportError> {
        let conv = Conv2d::new(image, outputs, kernel, options);
        conv.map(Shape::Conv2d)
            .map_err(|error| self.refusal(error.to_string()))
    }

    fn convolution<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        options: ConvOptions,
    ) -> Result<(), ExportError> {
        let image = self.present_image()?;
        let &[n, height, width, depth] = weight.shape() else {
            return Err(ExportError::Network(Error::Shape {
                what: "filters of a convolution",
                expected: "[outputs, kernel height, kernel width, channels / groups]".to_owned(),
                found: weight.shape().to_vec(),
            }));
        };
        let channels = depth.saturating_mul(options.groups);
        if channels != image[2] {
            return Err(self.refuse_width(channels));
        }
        let shape = self.shape(image, n, [height, width], options)?;
        let out = shape.output(n);
        self.product(weight, [n, height * width * depth], shape)?;
        self.values = SampleShape::Image(out);
        Ok(())
    }

    pub(super) fn present_image(&self) -> Result<[usize; 3], ExportError> {
        let why =
            "it takes images; say of what size those of the model are (`ExportConfig::image`)";
        self.images().ok_or_else(|| self.refusal(why))
    }
}
