//! Windows that slide over images, pools and padding.

use bnn_core::conv::{Padding, Windows};
use bnn_core::internal::{Axis, axes, padded_sides, padding as explicit, windows};

use super::Call;
use crate::ImportError;
use crate::budget::Budget;
use crate::onnx::schema::Node;
use crate::onnx::value::Tensor;

/// Padding beyond this is no image's, and could overflow.
const MOST: usize = 1 << 24;

/// The windows of a convolution or a pool over images of `[height, width]`, as its node says.
pub(crate) fn windows_of(
    node: &Node,
    image: [usize; 2],
    kernel: [usize; 2],
    dilation: [usize; 2],
) -> Result<Windows, ImportError> {
    let stride = node.sizes("strides", [1, 1])?;
    let over = |padding| {
        let windows = windows(image, kernel, stride, dilation, padding);
        windows.map_err(|error| node.refused(error.to_string()))
    };
    match node.text("auto_pad") {
        "" | "NOTSET" => over(explicit(node.sizes("pads", [0; 4])?)),
        "VALID" => over(Padding::Valid),
        "SAME_UPPER" => over(Padding::Same),
        // As much, but the larger half before the image.
        "SAME_LOWER" => {
            let [top, left, bottom, right] = padded_sides(&over(Padding::Same)?);
            over(explicit([bottom, right, top, left]))
        }
        other => Err(node.refused(format!("the padding {other}"))),
    }
}

/// The taps of window `o` along an axis that lie in the image, and the pixels under them.
pub(super) fn taps(axis: &Axis, o: usize) -> impl Iterator<Item = (usize, usize)> {
    axis.inside(o).map(move |tap| (tap, axis.pixel(o, tap)))
}

/// The windows of a pool, as its node has them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolNode {
    pub(crate) windows: Windows,
}

impl PoolNode {
    /// The pool of images of shape `x`, `[batch, channels, height, width]`.
    pub(crate) fn new(node: &Node, x: &[usize]) -> Result<Self, ImportError> {
        let &[_, _, height, width] = x else {
            return Err(node.refused(format!("expected images, found the shape {x:?}")));
        };
        if node.int("ceil_mode", 0) != 0 {
            return Err(node.refused("windows that reach beyond the image (ceil_mode)"));
        }
        let kernel = node.sizes("kernel_shape", [0, 0])?;
        let dilation = node.sizes("dilations", [1, 1])?;
        let windows = windows_of(node, [height, width], kernel, dilation)?;
        Ok(Self { windows })
    }
}

pub(super) fn pool(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let x = call.input(0)?;
    let PoolNode { windows } = PoolNode::new(call.node, &x.shape)?;
    let pixels = call.floats(0)?;
    let ([height, width], [oh, ow]) = (windows.input_size(), windows.output_size());
    let ([down, across], [kh, kw]) = (axes(&windows), windows.kernel());
    let is_max = call.node.op == "MaxPool";
    let is_padded = padded_sides(&windows) != [0; 4];
    if !is_max && is_padded && call.node.int("count_include_pad", 0) != 0 {
        return Err(call.refused("means that count padding"));
    }
    let images = pixels.len() / (height * width);
    let shape = [&x.shape[..2], &[oh, ow]].concat();
    budget.work(&[images, oh, ow, kh, kw])?;
    let mut y = budget.list(&shape)?;
    for image in pixels.chunks_exact(height * width) {
        for oy in 0..oh {
            for ox in 0..ow {
                let under = taps(&down, oy).flat_map(|(_, iy)| {
                    taps(&across, ox).map(move |(_, ix)| image[iy * width + ix])
                });
                y.push(match is_max {
                    true => under.fold(f32::NEG_INFINITY, f32::max),
                    false => {
                        let (mut sum, mut count) = (0.0, 0.0);
                        for x in under {
                            sum += f64::from(x);
                            count += 1.0;
                        }
                        (sum / count) as f32
                    }
                });
            }
        }
    }
    Ok(Tensor::floats(&shape, y))
}

/// How many pixels are added around images, above, to the left, below and to the right, and the
/// value that they have. `ints` and `scalar` give the inputs of the node.
pub(crate) fn padding(
    node: &Node,
    ints: Option<&[i64]>,
    scalar: Option<f32>,
) -> Result<([usize; 4], f32), ImportError> {
    if !matches!(node.text("mode"), "" | "constant") {
        return Err(node.refused(format!("the mode {}", node.text("mode"))));
    }
    let given = ints.unwrap_or_else(|| node.ints("pads"));
    let sides = match given {
        &[0, 0, top, left, 0, 0, bottom, right] => {
            [top, left, bottom, right].map(usize::try_from).into()
        }
        _ => None,
    };
    let sides = sides.and_then(|[top, left, bottom, right]| {
        let sides = [top.ok()?, left.ok()?, bottom.ok()?, right.ok()?];
        sides.iter().all(|&side| side <= MOST).then_some(sides)
    });
    let sides = sides.ok_or_else(|| {
        node.refused(format!(
            "expected padding of rows and columns of images, found {given:?}"
        ))
    })?;
    let value = scalar.unwrap_or_else(|| node.float("value", 0.0));
    Ok((sides, value))
}

pub(super) fn pad(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let x = call.input(0)?;
    let pixels = call.floats(0)?;
    let &[batch, channels, height, width] = x.shape.as_slice() else {
        return Err(call.refused("expected images"));
    };
    let ints = call.optional(1).and_then(Tensor::as_ints);
    let value = call.optional(2).and_then(Tensor::scalar);
    let ([top, left, bottom, right], value) = padding(call.node, ints, value)?;
    let (oh, ow) = (
        height.saturating_add(top + bottom),
        width.saturating_add(left + right),
    );
    let shape = [batch, channels, oh, ow];
    budget.work(&shape)?;
    let mut y = budget.fill(&shape, value)?;
    for (i, row) in pixels.chunks_exact(width.max(1)).enumerate() {
        let (image, line) = (i / height, i % height);
        y[(image * oh + line + top) * ow + left..][..width].copy_from_slice(row);
    }
    Ok(Tensor::floats(&shape, y))
}
