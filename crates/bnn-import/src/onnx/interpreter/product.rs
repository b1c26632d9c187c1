//! Matrix products and convolutions.

use bnn_core::conv::Windows;
use bnn_core::internal::axes;

use super::Call;
use super::window::{taps, windows_of};
use crate::ImportError;
use crate::budget::Budget;
use crate::onnx::schema::Node;
use crate::onnx::value::{Tensor, broadcast, offsets};

/// `[m, k] x [k, n]`, the right one as rows of its columns.
fn multiply(
    a: &[f32],
    b_rows: &[f32],
    [m, n, k]: [usize; 3],
    budget: &mut Budget,
) -> Result<Vec<f32>, ImportError> {
    budget.work(&[m, n, k])?;
    let mut y = budget.list(&[m, n])?;
    for a in a.chunks_exact(k) {
        for b in b_rows.chunks_exact(k) {
            let products = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b));
            y.push(products.sum::<f64>() as f32);
        }
    }
    Ok(y)
}

fn transposed(
    x: &[f32],
    [rows, cols]: [usize; 2],
    budget: &mut Budget,
) -> Result<Vec<f32>, ImportError> {
    let at = |i: usize| x[i % rows * cols + i / rows];
    budget.collect(&[rows, cols], (0..rows * cols).map(at))
}

pub(super) fn matmul(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let (x, y) = (call.floats(0)?, call.floats(1)?);
    let (&[ref rows @ .., k], &[depth, n]) = (a.shape.as_slice(), b.shape.as_slice()) else {
        let why = format!(
            "expected [.., k] times [k, n], found {:?} times {:?}",
            a.shape, b.shape
        );
        return Err(call.refused(why));
    };
    let m: usize = rows.iter().product();
    if k != depth || k == 0 {
        return Err(call.refused(format!(
            "expected {k} rows on the right side, found {depth}"
        )));
    }
    let y = transposed(y, [k, n], budget)?;
    let data = multiply(x, &y, [m, n, k], budget)?;
    Ok(Tensor::floats(&[rows, &[n]].concat(), data))
}

pub(super) fn gemm(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let (x, y) = (call.floats(0)?, call.floats(1)?);
    let (&[m, k], &[r, c]) = (a.shape.as_slice(), b.shape.as_slice()) else {
        return Err(call.refused("expected two matrices"));
    };
    let is_rows = call.node.int("transB", 0) != 0;
    let (n, depth) = if is_rows { (r, c) } else { (c, r) };
    if call.node.int("transA", 0) != 0 || k != depth || k == 0 {
        return Err(call.refused(format!(
            "expected [m, k] times [k, n], found {:?} times {:?}",
            a.shape, b.shape
        )));
    }
    let columns;
    let rows = match is_rows {
        true => y,
        false => {
            columns = transposed(y, [k, n], budget)?;
            &columns
        }
    };
    let mut data = multiply(x, rows, [m, n, k], budget)?;
    let (alpha, beta) = (call.node.float("alpha", 1.0), call.node.float("beta", 1.0));
    for y in &mut data {
        *y *= alpha;
    }
    if let Some(c) = call.optional(2) {
        let bias = call.floats(2)?;
        if broadcast(&[&c.shape, &[m, n]]) != Some(vec![m, n]) {
            return Err(call.refused("its third input does not fit its output"));
        }
        for (y, i) in data.iter_mut().zip(offsets(&c.shape, &[m, n])) {
            *y += beta * bias[i];
        }
    }
    Ok(Tensor::floats(&[m, n], data))
}

/// The shape of a convolution, as its node has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConvNode {
    pub(crate) windows: Windows,
    pub(crate) groups: usize,
}

impl ConvNode {
    /// The convolution of images of shape `x`, `[batch, channels, height, width]`, with filters of
    /// shape `w`, `[n, channels / groups, kernel height, kernel width]`.
    pub(crate) fn new(node: &Node, x: &[usize], w: &[usize]) -> Result<Self, ImportError> {
        let (&[_, channels, height, width], &[n, depth, kh, kw]) = (x, w) else {
            let why = format!("expected images and filters of 4 dimensions, found {x:?} and {w:?}");
            return Err(node.refused(why));
        };
        let groups = node.int("group", 1);
        let groups = usize::try_from(groups).ok().filter(|&groups| {
            groups > 0
                && n % groups == 0
                && depth > 0
                && depth.checked_mul(groups) == Some(channels)
        });
        let groups = groups.ok_or_else(|| {
            node.refused(format!(
                "{channels} channels and {n} filters of {depth} channels do not fit {} groups",
                node.int("group", 1)
            ))
        })?;
        if node.sizes("kernel_shape", [kh, kw])? != [kh, kw] {
            return Err(node.refused("its kernel_shape is not that of its filters"));
        }
        let dilation = node.sizes("dilations", [1, 1])?;
        let windows = windows_of(node, [height, width], [kh, kw], dilation)?;
        Ok(Self { windows, groups })
    }
}

pub(super) fn conv(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let (x, w) = (call.input(0)?, call.input(1)?);
    let ConvNode { windows, groups } = ConvNode::new(call.node, &x.shape, &w.shape)?;
    let (pixels, filters) = (call.floats(0)?, call.floats(1)?);
    let bias = match call.optional(2) {
        Some(_) => call.floats(2)?,
        None => &[],
    };
    let (&[batch, channels, height, width], &[n, depth, kh, kw]) = (&*x.shape, &*w.shape) else {
        return Err(call.refused("expected images and filters of 4 dimensions"));
    };
    if !bias.is_empty() && bias.len() != n {
        return Err(call.refused(format!("expected {n} biases, found {}", bias.len())));
    }
    let ([oh, ow], [down, across]) = (windows.output_size(), axes(&windows));
    let shape = [batch, n, oh, ow];
    budget.work(&[batch, n, oh, ow, depth, kh, kw])?;
    let mut y = budget.list(&shape)?;
    for b in 0..batch {
        for o in 0..n {
            let first = o / (n / groups) * depth;
            for oy in 0..oh {
                for ox in 0..ow {
                    let mut sum = 0.0;
                    for (ky, iy) in taps(&down, oy) {
                        for (kx, ix) in taps(&across, ox) {
                            for c in 0..depth {
                                let image = b * channels + first + c;
                                let pixel = pixels[(image * height + iy) * width + ix];
                                let weight = filters[((o * depth + c) * kh + ky) * kw + kx];
                                sum += f64::from(pixel) * f64::from(weight);
                            }
                        }
                    }
                    y.push(sum as f32 + bias.get(o).copied().unwrap_or(0.0));
                }
            }
        }
    }
    Ok(Tensor::floats(&shape, y))
}
