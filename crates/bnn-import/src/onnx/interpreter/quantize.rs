//! The quantizers of QONNX.

use super::Call;
use crate::ImportError;
use crate::budget::Budget;
use crate::chain::{Quantizer, Rounding};
use crate::onnx::schema::Node;
use crate::onnx::value::{Tensor, offsets};

/// `BipolarQuant`: the scale where `x >= 0`, else its negative.
pub(super) fn bipolar(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let input = call.input(0)?;
    let scale = call.input(1)?;
    let scales = call.floats(1)?;
    if crate::onnx::value::broadcast(&[&input.shape, &scale.shape]).as_ref() != Some(&input.shape) {
        return Err(call.refused("its scale does not fit its input"));
    }
    budget.work(&input.shape)?;
    let mut x = input.to_floats(budget)?;
    for (x, i) in x.iter_mut().zip(offsets(&scale.shape, &input.shape)) {
        *x = if *x >= 0.0 { scales[i] } else { -scales[i] };
    }
    Ok(Tensor::floats(&input.shape, x))
}

/// Reads the parameters of a node; `scalar` gives its inputs by their index.
pub(crate) fn quantizer_of(
    node: &Node,
    scalar: impl Fn(usize) -> Option<f32>,
) -> Result<Quantizer, ImportError> {
    let number = |index: usize, what: &str| {
        scalar(index).ok_or_else(|| node.refused(format!("{what}: expected a single number")))
    };
    let bits = number(3, "bit width")?;
    if !(1.0..=32.0).contains(&bits) {
        return Err(node.refused(format!("bit width: expected 1 to 32, found {bits}")));
    }
    let is_signed = node.int("signed", 1) != 0;
    let narrow = f32::from(u8::from(node.int("narrow", 0) != 0));
    let (least, most) = match is_signed {
        true => (
            narrow - 2_f32.powf(bits - 1.0),
            2_f32.powf(bits - 1.0) - 1.0,
        ),
        false => (0.0, 2_f32.powf(bits) - 1.0 - narrow),
    };
    let rounding = match node.text("rounding_mode").to_ascii_uppercase().as_str() {
        "" | "ROUND" => Rounding::TiesToEven,
        "FLOOR" => Rounding::Floor,
        "CEIL" => Rounding::Ceiling,
        "TRUNC" | "ROUND_TO_ZERO" => Rounding::TowardsZero,
        mode => return Err(node.refused(format!("the rounding mode {mode}"))),
    };
    let scale = number(1, "scale")?;
    if scale.is_nan() || scale <= 0.0 {
        return Err(node.refused(format!("scale: expected more than 0, found {scale}")));
    }
    Ok(Quantizer {
        scale,
        zero: number(2, "zero point")?,
        least,
        most,
        rounding,
    })
}

pub(super) fn quant(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let input = call.input(0)?;
    let scalar = |index: usize| call.optional(index).and_then(Tensor::scalar);
    let quantizer = quantizer_of(call.node, scalar)?;
    budget.work(&input.shape)?;
    let mut x = input.to_floats(budget)?;
    for x in &mut x {
        *x = quantizer.apply(*x);
    }
    Ok(Tensor::floats(&input.shape, x))
}
