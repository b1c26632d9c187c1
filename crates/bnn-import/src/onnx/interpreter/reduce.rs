//! Sums, means and maxima along dimensions.

use super::Call;
use crate::ImportError;
use crate::budget::Budget;
use crate::onnx::value::{Tensor, offsets};

pub(super) fn reduce(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let x = call.input(0)?;
    let values = call.floats(0)?;
    let given = match call.optional(1) {
        Some(_) => call.ints(1)?,
        None => call.node.ints("axes"),
    };
    let mut kept = x.shape.clone();
    for (axis, size) in kept.iter_mut().enumerate() {
        let from_end = axis as i64 - x.shape.len() as i64;
        if given.is_empty() || given.contains(&(axis as i64)) || given.contains(&from_end) {
            *size = 1;
        }
    }
    budget.work(&x.shape)?;
    let is_max = call.node.op == "ReduceMax";
    let first = if is_max { f64::NEG_INFINITY } else { 0.0 };
    let mut sums = budget.fill(&kept, first)?;
    for (&value, i) in values.iter().zip(offsets(&kept, &x.shape)) {
        sums[i] = match is_max {
            true => sums[i].max(value.into()),
            false => sums[i] + f64::from(value),
        };
    }
    let count = match call.node.op.as_str() {
        "ReduceMean" => (values.len() / sums.len().max(1)) as f64,
        _ => 1.0,
    };
    let data = budget.collect(&kept, sums.iter().map(|sum| (sum / count) as f32))?;
    let shape: Vec<usize> = match call.node.int("keepdims", 1) {
        0 => {
            let sizes = kept.iter().zip(&x.shape);
            let sizes = sizes.filter(|&(&kept, &size)| kept == size && size != 1);
            sizes.map(|(&kept, _)| kept).collect()
        }
        _ => kept,
    };
    let tensor = Tensor::floats(&shape, data);
    match tensor.shape.iter().product::<usize>() == tensor.len() {
        true => Ok(tensor),
        false => Err(call.refused("dimensions of 1 that are not kept")),
    }
}

/// The mean of all pixels of each channel.
pub(super) fn global_average(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let x = call.input(0)?;
    let values = call.floats(0)?;
    let &[batch, channels, height, width] = x.shape.as_slice() else {
        return Err(call.refused("expected images"));
    };
    budget.work(&x.shape)?;
    let pixels = (height * width).max(1);
    let means = values.chunks_exact(pixels).map(|image| {
        let sum: f64 = image.iter().map(|&x| f64::from(x)).sum();
        (sum / pixels as f64) as f32
    });
    let shape = [batch, channels, 1, 1];
    let means = budget.collect(&shape, means)?;
    Ok(Tensor::floats(&shape, means))
}
