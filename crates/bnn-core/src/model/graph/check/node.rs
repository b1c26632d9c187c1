//! What the record of a node, and those of its inputs, must be.

use crate::model::fault::{Fault, ok};
use crate::model::format::{Shape, pad};
use crate::model::graph::fixed::{MAX_DISTANCE, MAX_SHIFT};
use crate::model::graph::record::{FLOAT, NodeRecord, kind, values, weights};
use crate::model::spatial::{check_axis, fits_memory};

/// Checks the type of a node's tensor.
pub(super) const fn check_values(
    node: &NodeRecord,
    is_first: bool,
    is_last: bool,
) -> Result<(), Fault> {
    let has_exponent = matches!(node.values, values::FIXED | values::INTEGER);
    let exponent = match has_exponent {
        true => node.exponent >= -16 && node.exponent <= 31,
        false => node.exponent == 0,
    };
    let fits = match node.values {
        values::BITS => true,
        1..=values::MAX_DEPTH => is_first,
        values::REAL if !FLOAT => return Err(Fault::NeedsFloat),
        values::REAL => !is_first,
        values::FIXED => !is_first && !is_last,
        values::INTEGER => is_last,
        _ => false,
    };
    match fits && exponent {
        true => Ok(()),
        false => Err(Fault::Values),
    }
}

/// Checks that what a kind does not use is zero.
pub(super) const fn check_unused(node: &NodeRecord) -> Result<(), Fault> {
    let [a, b] = node.inputs;
    let is_product = node.kind == kind::PRODUCT;
    let inputs = match node.arity() {
        0 => a == 0 && b == 0,
        1 => b == 0,
        _ => true,
    };
    let product = is_product
        || node.groups == 0 && node.weights == 0 && node.pad == 0 && node.weights_at == 0;
    let window = match node.kind {
        kind::CROP => node.window.cut_off(),
        _ => node.window,
    };
    let window = node.is_windowed() || window.is_zero();
    let params = node.kind != kind::INPUT || node.params_at == 0;
    let shifts = match node.kind {
        kind::PRODUCT | kind::AFFINE => {
            matches!(node.values, values::FIXED | values::INTEGER)
        }
        kind::PRELU | kind::RPRELU => node.values == values::FIXED,
        _ => false,
    };
    let shift = match shifts {
        true => node.shift <= MAX_SHIFT,
        false => node.shift == 0,
    };
    match inputs && product && window && params && shift && node.reserved == 0 {
        true => Ok(()),
        false => Err(Fault::Reserved),
    }
}

/// Checks the types of a node and its inputs.
pub(super) const fn check_types(
    node: &NodeRecord,
    a: &NodeRecord,
    b: &NodeRecord,
) -> Result<(), Fault> {
    let is_byte = a.values >= 1 && a.values <= values::MAX_DEPTH;
    let is_number = matches!(a.values, values::FIXED | values::REAL);
    let same = node.values == a.values && node.exponent == a.exponent;
    let fits = match node.kind {
        kind::PRODUCT => match (a.values, node.weights) {
            (values::REAL, weights::F32 | weights::I8) => node.values == values::REAL,
            (values::BITS, weights::BITS) | (values::FIXED, weights::I8) => true,
            (_, weights::BITS | weights::I8) => is_byte,
            _ => false,
        },
        kind::ADD => {
            let exponents = node.values != values::FIXED || near(node, a, b);
            is_number && node.values == a.values && node.values == b.values && exponents
        }
        kind::CONCAT => same && b.values == a.values && b.exponent == a.exponent,
        kind::AFFINE => match node.values {
            values::REAL => is_number || is_byte,
            values::FIXED | values::INTEGER => is_byte || a.values == values::FIXED,
            _ => false,
        },
        kind::RELU | kind::PRELU | kind::RPRELU | kind::CLAMP | kind::AVERAGE_POOL => {
            is_number && same
        }
        kind::MAX_POOL | kind::CROP => (is_number || a.values == values::BITS) && same,
        kind::SIGN => (is_number || is_byte) && node.values == values::BITS,
        kind::FLATTEN => same && a.values != values::INTEGER,
        _ => return Err(Fault::NodeKind),
    };
    match fits {
        true => Ok(()),
        false => Err(Fault::NodeTypes),
    }
}

/// Whether the exponents of a sum are near each other.
const fn near(node: &NodeRecord, a: &NodeRecord, b: &NodeRecord) -> bool {
    let [ab, an, bn] = [
        a.exponent.abs_diff(b.exponent),
        a.exponent.abs_diff(node.exponent),
        b.exponent.abs_diff(node.exponent),
    ];
    ab <= MAX_DISTANCE && an <= MAX_DISTANCE && bn <= MAX_DISTANCE
}

/// Checks the shapes of a node and its inputs.
pub(super) const fn check_shapes(
    node: &NodeRecord,
    a: &NodeRecord,
    b: &NodeRecord,
) -> Result<(), Fault> {
    let (shape, first, second) = (node.shape(), a.shape(), b.shape());
    let fits = match node.kind {
        kind::PRODUCT | kind::AVERAGE_POOL | kind::MAX_POOL => return check_window(node, a),
        kind::ADD => shape.is(first) && shape.is(second),
        kind::CONCAT => {
            let sum = first.channels.checked_add(second.channels);
            let channels = match sum {
                Some(sum) => sum,
                None => return Err(Fault::NodeShape),
            };
            shape.is(Shape { channels, ..first }) && shape.is(Shape { channels, ..second })
        }
        kind::CROP => {
            let [top, bottom, left, right] = node.window.padding;
            shape.channels == first.channels
                && first.sides[0] as u32 == shape.sides[0] as u32 + top as u32 + bottom as u32
                && first.sides[1] as u32 == shape.sides[1] as u32 + left as u32 + right as u32
        }
        kind::FLATTEN => {
            let [height, width, channels] = first.sizes();
            // `fits_memory` has checked that this does not overflow.
            shape.is(Shape {
                sides: [1, 1],
                channels: shape.channels,
            }) && height * width * channels == shape.channels as usize
        }
        _ => shape.is(first),
    };
    match fits {
        true => Ok(()),
        false => Err(Fault::NodeShape),
    }
}

const fn check_window(node: &NodeRecord, input: &NodeRecord) -> Result<(), Fault> {
    let windows = node.window.over(input.sides);
    let [_, bottom, _, right] = node.window.padding;
    ok!(check_axis(&windows.y, bottom));
    ok!(check_axis(&windows.x, right));
    let [height, width] = windows.output_size();
    if node.sides[0] as usize != height || node.sides[1] as usize != width {
        return Err(Fault::NodeShape);
    }
    if node.kind != kind::PRODUCT {
        let plain = matches!(node.window.dilation, [1, 1]) && node.channels == input.channels;
        return match plain {
            true => Ok(()),
            false => Err(Fault::NodeShape),
        };
    }
    match node.pad {
        pad::ZERO => {}
        pad::MINUS_ONE | pad::PLUS_ONE if input.values == values::BITS => {}
        _ => return Err(Fault::PadValue),
    }
    let groups = node.groups as u32;
    let [kernel_height, kernel_width] = windows.kernel();
    let fits = groups > 0
        && input.channels.is_multiple_of(groups)
        && node.channels.is_multiple_of(groups)
        && fits_memory(&[kernel_height, kernel_width, input.channels as usize]);
    match fits {
        true => Ok(()),
        false => Err(Fault::Window),
    }
}
