//! Products: what follows them may become a part of them.

use bnn_core::BitMatrix;
use bnn_core::conv::Conv2d;
use bnn_core::model::InputType;
use bnn_core::model::graph::{NodeEpilogue, NodeWeights, Operation, Values};

use super::fixed::fixed_step;
use super::{NOTHING, TensorElements};
use crate::error::Error;
use crate::export::lowering::SampleShape;
use crate::export::operations::Role;
use crate::export::{ExportError, Lowering};
use crate::ops::{self, ConvOptions, Exponents, PadValue};
use crate::real::Real;
use crate::tensor::Tensor;

/// Integers up to this are exact in `f32`, in which the tape computes sums.
const EXACT_IN_F32: u64 = 1 << 24;

/// What a product goes over.
#[derive(Clone, Copy)]
pub(in crate::export) enum Over {
    /// Rows, pixels, or images that were flattened.
    Rows,
    Windows(ConvOptions),
}

impl Lowering {
    /// Signs with the signs of latent weights.
    pub(in crate::export) fn graph_binary<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        over: Over,
    ) -> Result<(), ExportError> {
        if self.settled()? == TensorElements::Bytes {
            let why = "unsigned inputs all have the sign +1; begin with a layer that takes numbers";
            return Err(self.refusal(why));
        }
        self.take_signs(weight, over)?;
        self.graph_signs(weight, over)
    }

    /// Signs, or the bytes of the model's input, with the signs of latent weights.
    pub(in crate::export) fn graph_signs<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        over: Over,
    ) -> Result<(), ExportError> {
        self.check_finite("weight", weight.data())?;
        let (n, k) = rows(weight);
        let conv = self.conv(weight, over)?;
        match self.settled()? {
            TensorElements::Reals | TensorElements::Fixed(_) => {
                let why = "it multiplies numbers after the first layer with signs, which the runner does with signs alone";
                return Err(self.refusal(why));
            }
            TensorElements::Bits => self.check_exact(k as u64)?,
            TensorElements::Bytes => self.check_exact((k as u64).saturating_mul(self.largest()))?,
        }
        let weights = BitMatrix::pack(weight.data(), n, k).map_err(Error::from)?;
        self.push_bare(conv, NodeWeights::Bits(weights), over);
        Ok(())
    }

    /// A product whose sums the next step may take.
    fn push_bare(&mut self, conv: Conv2d, weights: NodeWeights, over: Over) {
        let n = conv.outputs();
        let bare = NodeEpilogue::Real {
            scale: vec![1.0; n],
            bias: vec![NOTHING; n],
        };
        self.push_product(conv, weights, bare, over);
        self.nodes().bare = true;
    }

    /// Bytes of the model's input with filters of 8 bits: [`Int8Conv2d`](crate::nn::Int8Conv2d).
    pub(crate) fn int8_conv2d<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        options: ConvOptions,
        scaled: bool,
    ) -> Result<(), ExportError> {
        let over = Over::Windows(options);
        let (integers, scales) = self.int8(weight, over)?;
        let conv = self.conv(weight, over)?;
        let weights = NodeWeights::I8(integers);
        self.operations.account(Role::Product);
        if !scaled {
            self.push_bare(conv, weights, over);
            return Ok(());
        }
        let epilogue = NodeEpilogue::Real {
            scale: self.numbers("scale of output", scales.data())?,
            bias: vec![NOTHING; conv.outputs()],
        };
        self.push_product(conv, weights, epilogue, over);
        self.operations.account(Role::Affine);
        Ok(())
    }

    /// Fixed-point numbers with filters of 8 bits, whose sums the next step takes:
    /// [`FixedConv2d`](crate::nn::FixedConv2d).
    pub(crate) fn fixed_conv2d<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        options: ConvOptions,
        exponent: i8,
    ) -> Result<(), ExportError> {
        self.is_graph()?;
        self.pads_zeros(options)?;
        self.check_finite("weight", weight.data())?;
        let over = Over::Windows(options);
        let conv = self.conv(weight, over)?;
        self.takes_exponent(Some(exponent))?;
        let (integers, _) = ops::int8_values(weight)?;
        self.push_bare(conv, NodeWeights::I8(integers), over);
        self.operations.account(Role::Product);
        Ok(())
    }

    /// Bytes of the model's input, fixed-point or real numbers with weights of 8 bits:
    /// [`Int8Linear`](crate::nn::Int8Linear), of fixed-point numbers with their exponent.
    pub(crate) fn int8_linear<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        bias: &Tensor<T>,
        exponent: Option<i8>,
    ) -> Result<(), ExportError> {
        let (integers, scales) = self.int8(weight, Over::Rows)?;
        let conv = self.conv(weight, Over::Rows)?;
        self.takes_exponent(exponent)?;
        let mut scale = self.numbers("scale of output", scales.data())?;
        let bias = self.numbers("bias of output", bias.data())?;
        if bias.len() != scale.len() {
            return Err(self.refuse_width(bias.len()));
        }
        if let Some(exponent) = exponent {
            let unit = f32::from(-exponent).exp2();
            scale.iter_mut().for_each(|scale| *scale *= unit);
        }
        let epilogue = NodeEpilogue::Real { scale, bias };
        self.push_product(conv, NodeWeights::I8(integers), epilogue, Over::Rows);
        self.operations.account(Role::Product);
        self.operations.account(Role::Affine);
        self.operations.account(Role::Affine);
        Ok(())
    }

    /// Fixed-point numbers with weights of 8 bits, to integers of 32 bits:
    /// [`Int8Linear`](crate::nn::Int8Linear) with an exponent of its outputs.
    pub(crate) fn integer_scores<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        bias: &Tensor<T>,
        exponents: Exponents,
    ) -> Result<(), ExportError> {
        let (integers, scales) = self.int8(weight, Over::Rows)?;
        let conv = self.conv(weight, Over::Rows)?;
        self.takes_exponent(Some(exponents.from))?;
        self.check_finite("bias of output", bias.data())?;
        if bias.numel() != scales.numel() {
            return Err(self.refuse_width(bias.numel()));
        }
        let epilogue = fixed_step(exponents.step(scales.data(), bias.data()));
        self.push_product(conv, NodeWeights::I8(integers), epilogue, Over::Rows);
        if let Some(node) = self.nodes().nodes.last_mut() {
            node.values = Values::Integer {
                exponent: exponents.to,
            };
        }
        self.operations.account(Role::Product);
        self.operations.account(Role::Affine);
        Ok(())
    }

    /// Refuses a layer that takes fixed-point numbers of another exponent than those at hand, or
    /// takes them where there are none, or does not where there are.
    pub(super) fn takes_exponent(&self, exponent: Option<i8>) -> Result<(), ExportError> {
        let found = match self.settled()? {
            TensorElements::Fixed(exponent) => Some(exponent),
            _ => None,
        };
        if found == exponent {
            return Ok(());
        }
        let name = |exponent: Option<i8>| match exponent {
            Some(exponent) => format!("fixed-point numbers of the exponent {exponent}"),
            None => "no fixed-point numbers".to_owned(),
        };
        let (expected, found) = (name(exponent), name(found));
        Err(self.refusal(format!("it takes {expected}, and is given {found}")))
    }

    /// Weights of 8 bits and their scales, for what is at hand.
    fn int8<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        over: Over,
    ) -> Result<(Vec<i8>, Tensor<T>), ExportError> {
        self.is_graph()?;
        self.check_finite("weight", weight.data())?;
        let (_, k) = rows(weight);
        self.conv(weight, over)?;
        let (integers, scales) = ops::int8_values(weight)?;
        match (self.settled()?, over) {
            (TensorElements::Bits, _) => {
                let why = "it multiplies signs with numbers of 8 bits, which the runner does not";
                Err(self.refusal(why))
            }
            (TensorElements::Reals | TensorElements::Fixed(_), Over::Windows(_)) => {
                let why = "it is a convolution with weights of 8 bits and not the first layer";
                Err(self.refusal(why))
            }
            (TensorElements::Reals | TensorElements::Fixed(_), Over::Rows) => {
                Ok((integers, scales))
            }
            (TensorElements::Bytes, _) => {
                let magnitude = |row: &[i8]| row.iter().map(|q| u64::from(q.unsigned_abs())).sum();
                let most: u64 = integers.chunks(k).map(magnitude).max().unwrap_or(0);
                self.check_exact(most.saturating_mul(self.largest()))?;
                Ok((integers, scales))
            }
        }
    }

    /// Real numbers with float weights: [`Linear`](crate::nn::Linear).
    pub(crate) fn linear_of_reals<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        bias: &Tensor<T>,
    ) -> Result<(), ExportError> {
        self.product_of_reals(weight, bias, Over::Rows)
    }

    /// Images of real numbers with float filters: [`Conv2d`](crate::nn::Conv2d).
    pub(crate) fn conv2d_of_reals<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        bias: &Tensor<T>,
        options: ConvOptions,
    ) -> Result<(), ExportError> {
        self.pads_zeros(options)?;
        self.product_of_reals(weight, bias, Over::Windows(options))
    }

    /// Refuses images of numbers that are padded with anything but zeros.
    fn pads_zeros(&self, options: ConvOptions) -> Result<(), ExportError> {
        match options.pad_value {
            PadValue::Zero => Ok(()),
            _ => {
                let why = "it pads images of numbers with -1 or +1, which the runner does with zeros alone";
                Err(self.refusal(why))
            }
        }
    }

    fn product_of_reals<T: Real>(
        &mut self,
        weight: &Tensor<T>,
        bias: &Tensor<T>,
        over: Over,
    ) -> Result<(), ExportError> {
        self.is_graph()?;
        let conv = self.conv(weight, over)?;
        if let TensorElements::Bits | TensorElements::Fixed(_) = self.settled()? {
            let why = "its weights are floats, and the runner of model files multiplies signs with signs, and fixed-point numbers with 8 bits";
            return Err(self.refusal(why));
        }
        self.take_reals();
        let weights = self.numbers("weight", weight.data())?;
        let bias = self.numbers("bias of output", bias.data())?;
        if bias.len() != conv.outputs() {
            return Err(self.refuse_width(bias.len()));
        }
        let epilogue = NodeEpilogue::Bias(bias);
        self.push_product(conv, NodeWeights::F32(weights), epilogue, over);
        self.operations.account(Role::Product);
        Ok(())
    }

    fn push_product(
        &mut self,
        conv: Conv2d,
        weights: NodeWeights,
        epilogue: NodeEpilogue,
        over: Over,
    ) {
        let is_row = match (over, self.values) {
            (Over::Windows(_), _) | (_, SampleShape::Image(_)) => false,
            (Over::Rows, _) => true,
        };
        let shape = self.values_of(&conv, is_row);
        let operation = Operation::Product {
            conv,
            weights,
            epilogue,
        };
        self.step_node(operation, Values::Real, shape);
    }

    /// Signs of the tensor at hand, if it is not made of signs.
    fn take_signs<T: Real>(&mut self, weight: &Tensor<T>, over: Over) -> Result<(), ExportError> {
        // The input may have a shape that no layer has told.
        self.conv(weight, over)?;
        self.graph_sign()
    }

    /// The convolution that a product of these weights is over the tensor at hand.
    fn conv<T: Real>(&mut self, weight: &Tensor<T>, over: Over) -> Result<Conv2d, ExportError> {
        let made = match over {
            Over::Windows(options) => {
                let image = self.present_image()?;
                let &[n, height, width, depth] = weight.shape() else {
                    return Err(ExportError::Network(Error::Shape {
                        what: "filters of a convolution",
                        expected: "[outputs, kernel height, kernel width, channels / groups]"
                            .to_owned(),
                        found: weight.shape().to_vec(),
                    }));
                };
                let channels = depth.saturating_mul(options.groups);
                if channels != image[2] {
                    return Err(self.refuse_width(channels));
                }
                self.tensor(channels);
                Conv2d::new(image, n, [height, width], options)
            }
            Over::Rows => {
                let (n, k) = weight.matrix("weights of a linear operation")?;
                let tensor = self.tensor(k);
                let whole = match self.values {
                    SampleShape::Image(_) => [1, 1],
                    SampleShape::Row | SampleShape::Flat(_) => [tensor[0], tensor[1]],
                };
                let width = whole[0] * whole[1] * tensor[2];
                if width != k {
                    return Err(self.refuse_width(k));
                }
                Conv2d::new(tensor, n, whole, ConvOptions::default())
            }
        };
        made.map_err(|error| self.refusal(error.to_string()))
    }

    /// The largest byte of the input.
    fn largest(&self) -> u64 {
        match self.input {
            InputType::Unsigned { depth } => (1 << depth) - 1,
            _ => u8::MAX.into(),
        }
    }

    fn check_exact(&self, most: u64) -> Result<(), ExportError> {
        match most <= EXACT_IN_F32 {
            true => Ok(()),
            false => Err(self.refusal(format!(
                "its sums can be as large as {most}, more than 2^24, up to which f32 is exact"
            ))),
        }
    }
}

/// Weights as a matrix of one row per output.
fn rows<T: Real>(weight: &Tensor<T>) -> (usize, usize) {
    let n = weight.shape().first().copied().unwrap_or(1).max(1);
    (n, weight.numel() / n)
}
