//! Products in graphs: of bits with binary weights, and of reals with any.

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, ConvOptions, PadValue};
use bnn_core::internal::{padded_sides, padding};
use bnn_core::model::graph::{NodeEpilogue, NodeWeights, Operation};

use super::Branches;
use super::held::{Held, What};
use crate::chain::Failed;
use crate::onnx::scalars::Operand;
use crate::onnx::schema::Node;
use crate::onnx::weights::{Dense, Filters};

impl Branches<'_, '_> {
    pub(super) fn dense(
        &mut self,
        node: &Node,
        operand: &Operand<'_>,
        held: &Held,
    ) -> Result<Held, Failed> {
        let mut dense = Dense::new(node, operand, held.image)?;
        for weight in &mut dense.weights {
            *weight *= dense.alpha;
        }
        let [height, width, _] = held.image;
        let options = ConvOptions::default();
        let conv = Conv2d::new(held.image, dense.outputs, [height, width], options);
        let conv = conv.map_err(|error| error.to_string())?;
        let made = self.product(held, conv, dense.weights, dense.bias)?;
        Ok(Held {
            is_flat: false,
            ..made
        })
    }

    pub(super) fn conv(
        &mut self,
        node: &Node,
        operand: &Operand<'_>,
        held: &Held,
    ) -> Result<Held, Failed> {
        let filters = Filters::new(node, operand)?;
        let windows = filters.windows;
        let sides = padded_sides(&windows);
        let (pads, pad_value) = match held.pads {
            None => (sides, PadValue::Zero),
            Some(_) if sides != [0; 4] => {
                return Err("an image that is padded twice, by different values".into());
            }
            Some((pads, value)) => (pads, pad_value(held.what, value)?),
        };
        let options = ConvOptions {
            stride: windows.stride(),
            dilation: windows.dilation(),
            groups: filters.groups,
            padding: padding(pads),
            pad_value,
        };
        let outputs = filters.bias.as_ref().map_or(0, Vec::len);
        let [height, width] = windows.kernel();
        let per_filter = height * width * held.image[2] / filters.groups;
        let outputs = outputs.max(filters.weights.len() / per_filter.max(1));
        let conv = Conv2d::new(held.image, outputs, [height, width], options);
        let conv = conv.map_err(|error| error.to_string())?;
        let held = Held {
            pads: None,
            ..held.clone()
        };
        self.product(&held, conv, filters.weights, filters.bias)
    }

    /// Weights are `[outputs, patch]`; padding of reals is of zeros.
    fn product(
        &mut self,
        held: &Held,
        conv: Conv2d,
        weights: Vec<f32>,
        bias: Option<Vec<f32>>,
    ) -> Result<Held, Failed> {
        let (n, k) = (conv.outputs(), conv.patch_len());
        let [height, width] = conv.windows().output_size();
        let image = [height, width, n];
        let magnitudes = magnitudes(&weights, k);
        // Its scales and biases. Nodes that share weights of the network have each their own here.
        self.budget.floats(2, n)?;
        let (tensor, what) = (held.tensor, What::Real);
        if let (What::Bits { low, high }, Some(magnitudes)) = (held.what, magnitudes)
            && (low == -high
                || padded_sides(conv.windows()) == [0; 4]
                || conv.pad_value() != PadValue::Zero)
        {
            // An element is worth `middle + half * bit`; zeros around the image are its middle.
            let (low, high) = (f64::from(low), f64::from(high));
            let (middle, half) = ((low + high) / 2.0, (high - low) / 2.0);
            let bias = bias.unwrap_or_else(|| vec![0.0; n]);
            self.budget
                .bytes(n * bnn_core::row_words(k) * size_of::<u64>())?;
            let rows = weights.chunks_exact(k).zip(&magnitudes).zip(bias);
            let numbers = rows.map(|((row, &magnitude), bias)| {
                let signs: f64 = row.iter().map(|w| f64::from(w.signum())).sum();
                let magnitude = f64::from(magnitude);
                let offset = magnitude * middle * signs + f64::from(bias);
                ((magnitude * half) as f32, offset as f32)
            });
            let (scale, bias) = numbers.unzip();
            let signs = BitMatrix::pack(&weights, n, k).map_err(|error| error.to_string())?;
            let operation = Operation::Product {
                conv,
                weights: NodeWeights::Bits(signs),
                epilogue: NodeEpilogue::Real { scale, bias },
            };
            let tensor = self.real(operation, &[tensor])?;
            return Ok(Held {
                tensor,
                image,
                what,
                ..held.clone()
            });
        }
        if conv.pad_value() != PadValue::Zero {
            return Err("padding by a number around weights that are not binary".into());
        }
        let held = self.as_real(held)?;
        let bias = bias.unwrap_or_else(|| vec![0.0; n]);
        // Of weights that are bytes the file has a quarter; the sums are the same.
        let (weights, epilogue) = if weights.iter().all(|&w| byte(w).is_some()) {
            let bytes = weights.iter().filter_map(|&w| byte(w));
            let bytes = self.budget.collect(&[weights.len()], bytes)?;
            let scale = vec![1.0; n];
            (NodeWeights::I8(bytes), NodeEpilogue::Real { scale, bias })
        } else {
            self.budget.bytes(size_of_val(&*weights))?;
            (NodeWeights::F32(weights), NodeEpilogue::Bias(bias))
        };
        let operation = Operation::Product {
            conv,
            weights,
            epilogue,
        };
        let tensor = self.real(operation, &[held.tensor])?;
        Ok(Held {
            tensor,
            image,
            what,
            ..held
        })
    }
}

/// What surrounds an image of which a number is said.
fn pad_value(what: What, value: f32) -> Result<PadValue, String> {
    match what {
        _ if value == 0.0 => Ok(PadValue::Zero),
        What::Bits { low, .. } if value == low => Ok(PadValue::MinusOne),
        What::Bits { high, .. } if value == high => Ok(PadValue::PlusOne),
        _ => Err(format!(
            "padding by {value}, expected 0 or a value of the image's bits"
        )),
    }
}

/// A weight as an integer of 8 bits, if it is one.
fn byte(weight: f32) -> Option<i8> {
    let byte = weight as i8;
    (f32::from(byte) == weight).then_some(byte)
}

/// The magnitude of each row's weights, if they are binary.
fn magnitudes(weights: &[f32], k: usize) -> Option<Vec<f32>> {
    let rows = weights.chunks_exact(k).map(|row| {
        let magnitude = row.first()?.abs();
        let is_binary = magnitude > 0.0 && row.iter().all(|w| w.abs() == magnitude);
        is_binary.then_some(magnitude)
    });
    rows.collect()
}
