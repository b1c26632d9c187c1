//! Products, and how each follows what comes before it.

use bnn_core::BitMatrix;
use bnn_core::model::InputType;

use super::lowering::SampleShape;
use super::nodes::Nodes;
use super::product::{Product, Shape, Then};
use super::{ExportError, Lowering};
use crate::error::Error;
use crate::ops::ConvOptions;
use crate::real::Real;
use crate::tensor::Tensor;

/// Integers up to this are exact in `f32`, in which the tape computes sums.
const EXACT_IN_F32: usize = 1 << 24;

impl Lowering {
    /// Checks that there are signs for a layer that takes signs.
    pub(super) fn check_signs(&self) -> Result<(), ExportError> {
        self.check_thresholds()?;
        if self.open.is_none() && !self.begins_with_signs() {
            let why = "unsigned inputs all have the sign +1; begin with a layer that takes numbers";
            return Err(self.refusal(why));
        }
        Ok(())
    }

    /// Checks that a layer that multiplies numbers is the first, or follows signs.
    pub(super) fn check_numbers(&self) -> Result<(), ExportError> {
        self.check_thresholds()?;
        if self.open.as_ref().is_some_and(|p| p.then != Then::Sign) {
            return Err(self.refusal(
                "it multiplies numbers after the first layer, where the runner has signs alone",
            ));
        }
        Ok(())
    }

    /// Checks that thresholds of the model's bytes come before all products.
    fn check_thresholds(&self) -> Result<(), ExportError> {
        if self.input == InputType::Thresholds && self.thresholds.is_none() {
            let why = "the input is `InputType::Thresholds`: expected thresholds before it (`InputThresholds` or `RSign`)";
            return Err(self.refusal(why));
        }
        Ok(())
    }

    /// A linear layer over the present rows, pixels or flattened images.
    pub(super) fn linear<T: Real>(&mut self, weight: &Tensor<T>) -> Result<(), ExportError> {
        let (n, k) = weight.matrix("weights of a linear operation")?;
        let width = match self.values {
            SampleShape::Row => self.open.as_ref().map(|before| before.weights.rows()),
            SampleShape::Image([.., channels]) => Some(channels),
            SampleShape::Flat(image) => Some(image.iter().product()),
        };
        if width.is_some_and(|width| width != k) {
            return Err(self.refuse_width(k));
        }
        let whole = |[height, width, _]: [usize; 3]| [height, width];
        let shape = match self.values {
            SampleShape::Row => Shape::Dense,
            SampleShape::Image(image) => self.shape(image, n, [1, 1], ConvOptions::default())?,
            // The input of the model lies in a row, unless it is pooled, and so does an image of one
            // pixel.
            SampleShape::Flat(image)
                if self.open.is_none() && self.pooled.is_none() || whole(image) == [1, 1] =>
            {
                Shape::Dense
            }
            SampleShape::Flat(image) => {
                self.shape(image, n, whole(image), ConvOptions::default())?
            }
        };
        let values = match self.values {
            SampleShape::Image([height, width, _]) => SampleShape::Image([height, width, n]),
            _ => SampleShape::Row,
        };
        self.product(weight, [n, k], shape)?;
        self.values = values;
        Ok(())
    }

    /// A product `[n, k]` over the present values. The product before it, if there is one, ends in
    /// signs.
    pub(super) fn product<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        [n, k]: [usize; 2],
        shape: Shape,
    ) -> Result<(), ExportError> {
        self.check_finite("weight", weight.data())?;
        let (largest, of_signs) = match (&self.open, self.input) {
            (None, InputType::Unsigned { depth }) => ((1 << depth) - 1, false),
            _ => (1, true),
        };
        let most = k.checked_mul(largest).filter(|&most| most <= EXACT_IN_F32);
        let Some(most) = most.and_then(|most| i32::try_from(most).ok()) else {
            let why = format!("the sums of {k} inputs can exceed 2^24, up to which f32 is exact");
            return Err(self.refusal(why));
        };
        let weights = BitMatrix::pack(weight.data(), n, k).map_err(Error::from)?;
        let mut product = Product::new(weights, shape, most, of_signs);
        if self.open.is_none() {
            self.begin(&shape, k)?;
        }
        if let Some(before) = &self.open {
            let Some(negated) = before.negated() else {
                let why = "the runner pools bits, which cannot be negated between two pools, as an affine step with a negative factor does before it";
                return Err(self.refusal(why));
            };
            if negated.contains(&true) {
                if product.is_padded_with_ones() {
                    let why = "it pads with -1 or +1 after a pool whose values an affine step with a negative factor turns around";
                    return Err(self.refusal(why));
                }
                product.negate_inputs(&negated);
            }
            before.write_signs(&mut self.writer, &negated)?;
        }
        self.open = Some(product);
        Ok(())
    }

    /// The error that a layer takes `columns` columns, of which there are others.
    pub(super) fn refuse_width(&self, columns: usize) -> ExportError {
        let before = match self.values {
            SampleShape::Row => match self.graph.as_ref().and_then(Nodes::shape) {
                Some([.., columns]) => columns,
                None => self.open.as_ref().map_or(0, |before| before.weights.rows()),
            },
            SampleShape::Image([.., channels]) => channels,
            SampleShape::Flat(image) => image.iter().product(),
        };
        self.refusal(format!(
            "it takes {columns} columns, the layer before gives {before}"
        ))
    }
}
