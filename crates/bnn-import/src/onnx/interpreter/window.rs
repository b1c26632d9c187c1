//! Windows that slide over images, pools and padding.

use super::Call;
use crate::ImportError;
use crate::budget::Budget;
use crate::onnx::schema::Node;
use crate::onnx::value::Tensor;

/// The windows of a convolution or a pool; pairs are vertical and horizontal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    pub(crate) image: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Above and to the left.
    pub(crate) before: [usize; 2],
    /// Below and to the right.
    pub(crate) after: [usize; 2],
    pub(crate) output: [usize; 2],
}

/// Sizes beyond this are no image's, and could overflow.
const MOST: usize = 1 << 24;

impl Windows {
    /// Padding above, to the left, below and to the right.
    pub(crate) fn pads(&self) -> [usize; 4] {
        let ([top, left], [bottom, right]) = (self.before, self.after);
        [top, left, bottom, right]
    }

    pub(crate) fn new(
        node: &Node,
        image: [usize; 2],
        kernel: [usize; 2],
        dilation: [usize; 2],
    ) -> Result<Self, ImportError> {
        let stride = node.sizes("strides", [1, 1])?;
        let pads = node.sizes("pads", [0; 4])?;
        let sizes = [image, kernel, dilation, stride].concat();
        if sizes.iter().any(|size| !(1..=MOST).contains(size)) || pads.iter().any(|&p| p > MOST) {
            return Err(node.refused(format!(
                "windows of {kernel:?} taps, strides {stride:?} and dilations {dilation:?} on an image of {image:?}"
            )));
        }
        let reach = [0, 1].map(|i| {
            (kernel[i] - 1)
                .saturating_mul(dilation[i])
                .saturating_add(1)
        });
        let [mut before, mut after] = [[pads[0], pads[1]], [pads[2], pads[3]]];
        let mut output = [0; 2];
        for i in 0..2 {
            match node.text("auto_pad") {
                "" | "NOTSET" => {}
                "VALID" => (before[i], after[i]) = (0, 0),
                same @ ("SAME_UPPER" | "SAME_LOWER") => {
                    let span = (image[i].div_ceil(stride[i]) - 1) * stride[i];
                    let all = span.saturating_add(reach[i]).saturating_sub(image[i]);
                    let less = all / 2;
                    (before[i], after[i]) = match same {
                        "SAME_UPPER" => (less, all - less),
                        _ => (all - less, less),
                    };
                }
                other => return Err(node.refused(format!("the padding {other}"))),
            }
            let padded = image[i].saturating_add(before[i]).saturating_add(after[i]);
            let Some(room) = padded.checked_sub(reach[i]) else {
                return Err(node.refused(format!(
                    "a window of {} pixels on an image of {padded}",
                    reach[i]
                )));
            };
            output[i] = room / stride[i] + 1;
        }
        Ok(Self {
            image,
            kernel,
            stride,
            dilation,
            before,
            after,
            output,
        })
    }

    /// The taps of window `o` along an axis that lie in the image, and the pixels under them.
    pub(super) fn taps(&self, axis: usize, o: usize) -> impl Iterator<Item = (usize, usize)> {
        let (first, step, before) = (
            o * self.stride[axis],
            self.dilation[axis],
            self.before[axis],
        );
        let image = self.image[axis];
        (0..self.kernel[axis]).filter_map(move |tap| {
            let pixel = (first + tap * step).checked_sub(before)?;
            (pixel < image).then_some((tap, pixel))
        })
    }
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
        let windows = Windows::new(node, [height, width], kernel, dilation)?;
        Ok(Self { windows })
    }
}

pub(super) fn pool(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let x = call.input(0)?;
    let PoolNode { windows } = PoolNode::new(call.node, &x.shape)?;
    let pixels = call.floats(0)?;
    let [height, width] = windows.image;
    let [oh, ow] = windows.output;
    let is_max = call.node.op == "MaxPool";
    let is_padded = [windows.before, windows.after] != [[0; 2]; 2];
    if !is_max && is_padded && call.node.int("count_include_pad", 0) != 0 {
        return Err(call.refused("means that count padding"));
    }
    let images = pixels.len() / (height * width);
    let shape = [&x.shape[..2], &[oh, ow]].concat();
    budget.work(&[images, oh, ow, windows.kernel[0], windows.kernel[1]])?;
    let mut y = budget.list(&shape)?;
    for image in pixels.chunks_exact(height * width) {
        for oy in 0..oh {
            for ox in 0..ow {
                let rows = windows.taps(0, oy);
                let under = rows.flat_map(|(_, iy)| {
                    windows
                        .taps(1, ox)
                        .map(move |(_, ix)| image[iy * width + ix])
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
