//! Nodes that move elements and change shapes.

use super::Call;
use crate::ImportError;
use crate::budget::{Budget, RANK};
use crate::onnx::value::{Data, Tensor, broadcast, offsets, walk};

pub(super) fn compute(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    match call.node.op.as_str() {
        "Constant" => constant(call, budget),
        "ConstantOfShape" => constant_of_shape(call, budget),
        "Shape" => {
            let shape = &call.input(0)?.shape;
            let sizes: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
            Ok(Tensor::ints(&[sizes.len()], sizes))
        }
        "Reshape" => reshape(call, budget),
        "Flatten" => {
            let x = call.input(0)?;
            let axis = axis(call, call.node.int("axis", 1), x.shape.len() + 1)?;
            let rows = x.shape[..axis].iter().product();
            let cols = x.shape[axis..].iter().product();
            shaped(call, x, vec![rows, cols], budget)
        }
        "Unsqueeze" | "Squeeze" => squeeze(call, budget),
        "Transpose" => transpose(call, budget),
        "Gather" => gather(call, budget),
        "Concat" => concat(call, budget),
        "Expand" => expand(call, budget),
        _ => slice(call, budget),
    }
}

/// A dimension of `rank`, counted from the end where it is negative.
fn axis(call: &Call<'_>, axis: i64, rank: usize) -> Result<usize, ImportError> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    let counted = usize::try_from(counted).ok().filter(|&axis| axis < rank);
    counted.ok_or_else(|| call.refused(format!("dimension {axis} of {rank}")))
}

/// Gives the elements of `x` another shape.
fn shaped(
    call: &Call<'_>,
    x: &Tensor,
    shape: Vec<usize>,
    budget: &mut Budget,
) -> Result<Tensor, ImportError> {
    // Empty dimensions count as 1, so that strides do not overflow.
    let mut sizes = shape.iter();
    let most = sizes.try_fold(1_usize, |all, &size| all.checked_mul(size.max(1)));
    let is_same = most.is_some() && shape.iter().product::<usize>() == x.len();
    if shape.len() > RANK || !is_same {
        return Err(call.refused(format!(
            "{} elements do not fit the shape {shape:?}",
            x.len()
        )));
    }
    x.shaped(shape, budget)
}

fn constant(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let attributes = &call.node.attributes;
    if let Some(tensor) = attributes.get("value").and_then(|a| a.tensor.as_ref()) {
        return tensor.shaped(tensor.shape.clone(), budget);
    }
    let get = |name: &str| attributes.get(name);
    if let Some(float) = get("value_float").and_then(|a| a.float) {
        return Ok(Tensor::floats(&[], vec![float]));
    }
    if let Some(int) = get("value_int").and_then(|a| a.int) {
        return Ok(Tensor::ints(&[], vec![int]));
    }
    if let Some(list) = get("value_floats") {
        let floats = budget.copy(&list.floats)?;
        return Ok(Tensor::floats(&[floats.len()], floats));
    }
    if let Some(list) = get("value_ints") {
        let ints = budget.copy(&list.ints)?;
        return Ok(Tensor::ints(&[ints.len()], ints));
    }
    Err(call.refused("a constant without a value of a known type"))
}

/// The sizes that a tensor of integers says.
fn sizes(call: &Call<'_>, ints: &[i64]) -> Result<Vec<usize>, ImportError> {
    let sizes: Result<Vec<usize>, _> = ints.iter().map(|&int| int.try_into()).collect();
    sizes.map_err(|_| call.refused(format!("expected sizes, found {ints:?}")))
}

fn constant_of_shape(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let shape = sizes(call, call.ints(0)?)?;
    let value = call.node.attributes.get("value");
    let data = match value.and_then(|a| a.tensor.as_ref()).map(|t| &t.data) {
        None => Data::F32(budget.fill(&shape, 0.0)?),
        Some(Data::F32(x)) if x.len() == 1 => Data::F32(budget.fill(&shape, x[0])?),
        Some(Data::I64(x)) if x.len() == 1 => Data::I64(budget.fill(&shape, x[0])?),
        Some(Data::Bool(x)) if x.len() == 1 => Data::Bool(budget.fill(&shape, x[0])?),
        Some(_) => return Err(call.refused("expected a single value")),
    };
    Ok(Tensor { shape, data })
}

fn reshape(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let (x, wanted) = (call.input(0)?, call.ints(1)?);
    let keeps_zeros = call.node.int("allowzero", 0) != 0;
    let mut shape = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (i, &size) in wanted.iter().enumerate() {
        shape.push(match size {
            -1 if open.is_none() => {
                open = Some(i);
                1
            }
            0 if !keeps_zeros => *x
                .shape
                .get(i)
                .ok_or_else(|| call.refused(format!("the shape {wanted:?}")))?,
            size => {
                usize::try_from(size).map_err(|_| call.refused(format!("the shape {wanted:?}")))?
            }
        });
    }
    if let Some(i) = open {
        let rest = shape
            .iter()
            .try_fold(1_usize, |all, &size| all.checked_mul(size));
        shape[i] = x.len().checked_div(rest.unwrap_or(0)).ok_or_else(|| {
            call.refused(format!("the shape {wanted:?} for {} elements", x.len()))
        })?;
    }
    shaped(call, x, shape, budget)
}

fn squeeze(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let x = call.input(0)?;
    let axes = match call.optional(1) {
        Some(_) => call.ints(1)?,
        None => call.node.ints("axes"),
    };
    let mut shape = Vec::new();
    if call.node.op == "Squeeze" {
        let of = |&given: &i64| axis(call, given, x.shape.len());
        let axes: Vec<usize> = axes.iter().map(of).collect::<Result<_, _>>()?;
        for (i, &size) in x.shape.iter().enumerate() {
            if size != 1 || !(axes.is_empty() || axes.contains(&i)) {
                shape.push(size);
            }
        }
    } else {
        let rank = x.shape.len() + axes.len();
        if rank > RANK {
            return Err(call.refused(format!("{rank} dimensions")));
        }
        let of = |&given: &i64| axis(call, given, rank);
        let axes: Vec<usize> = axes.iter().map(of).collect::<Result<_, _>>()?;
        let mut old = x.shape.iter();
        for i in 0..rank {
            match axes.contains(&i) {
                true => shape.push(1),
                false => shape.extend(old.next()),
            }
        }
    }
    shaped(call, x, shape, budget)
}

/// The tensor of a shape whose elements are those of `data` at these places.
fn pick(
    data: &Data,
    shape: Vec<usize>,
    places: impl Iterator<Item = usize>,
    budget: &mut Budget,
) -> Result<Tensor, ImportError> {
    budget.work(&shape)?;
    let data = match data {
        Data::F32(x) => Data::F32(budget.collect(&shape, places.map(|i| x[i]))?),
        Data::I64(x) => Data::I64(budget.collect(&shape, places.map(|i| x[i]))?),
        Data::Bool(x) => Data::Bool(budget.collect(&shape, places.map(|i| x[i]))?),
    };
    Ok(Tensor { shape, data })
}

fn transpose(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let x = call.input(0)?;
    let rank = x.shape.len();
    let order = match call.node.ints("perm") {
        [] => (0..rank).rev().collect(),
        order => sizes(call, order)?,
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return Err(call.refused(format!("the order {order:?} of {rank} dimensions")));
    }
    let mut strides = vec![1; rank];
    for i in (1..rank).rev() {
        strides[i - 1] = strides[i] * x.shape[i];
    }
    let shape: Vec<usize> = order.iter().map(|&d| x.shape[d]).collect();
    let strides = order.iter().map(|&d| strides[d]).collect();
    let places = walk(shape.clone(), strides);
    pick(&x.data, shape, places, budget)
}

fn gather(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let (x, which) = (call.input(0)?, call.input(1)?);
    let at = axis(call, call.node.int("axis", 0), x.shape.len())?;
    let size = x.shape[at];
    let index = |&i: &i64| {
        let i = if i < 0 { i + size as i64 } else { i };
        let i = usize::try_from(i).ok().filter(|&i| i < size);
        i.ok_or_else(|| call.refused(format!("an index outside of {size}")))
    };
    let indices = call.ints(1)?;
    let mut rows = budget.list(&[indices.len()])?;
    for i in indices {
        rows.push(index(i)?);
    }
    let (before, after) = (&x.shape[..at], &x.shape[at + 1..]);
    let shape = [before, &which.shape, after].concat();
    let inner: usize = after.iter().product();
    let outer: usize = before.iter().product();
    let places = (0..outer).flat_map(|o| {
        let rows = &rows;
        rows.iter()
            .flat_map(move |r| (0..inner).map(move |i| (o * size + r) * inner + i))
    });
    pick(&x.data, shape, places, budget)
}

fn concat(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let parts: Vec<&Tensor> = (0..call.inputs.len())
        .map(|i| call.input(i))
        .collect::<Result<_, _>>()?;
    let [first, ..] = parts.as_slice() else {
        return Err(call.refused("no inputs"));
    };
    let at = axis(call, call.node.int("axis", 0), first.shape.len())?;
    let mut shape = first.shape.clone();
    let mut total = 0_usize;
    for part in &parts {
        let mut other = part.shape.clone();
        if other.len() != shape.len() {
            return Err(call.refused("inputs of different numbers of dimensions"));
        }
        total = total.saturating_add(other[at]);
        other[at] = shape[at];
        if other != shape {
            return Err(call.refused("inputs whose other dimensions differ"));
        }
    }
    shape[at] = total;
    budget.work(&shape)?;
    let outer: usize = shape[..at].iter().product();
    macro_rules! joined {
        ($kind:ident) => {{
            let mut all = budget.list(&shape)?;
            for o in 0..outer {
                for part in &parts {
                    let Data::$kind(x) = &part.data else {
                        return Err(call.refused("inputs of different types"));
                    };
                    let inner = x.len() / outer.max(1);
                    all.extend_from_slice(&x[o * inner..(o + 1) * inner]);
                }
            }
            Data::$kind(all)
        }};
    }
    let data = match first.data {
        Data::F32(_) => joined!(F32),
        Data::I64(_) => joined!(I64),
        Data::Bool(_) => joined!(Bool),
    };
    Ok(Tensor { shape, data })
}

fn expand(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let x = call.input(0)?;
    let wanted = sizes(call, call.ints(1)?)?;
    let shape = broadcast(&[&x.shape, &wanted])
        .ok_or_else(|| call.refused(format!("{:?} does not expand to {wanted:?}", x.shape)))?;
    let places = offsets(&x.shape, &shape);
    pick(&x.data, shape, places, budget)
}

/// Parts of dimensions, forwards or backwards.
fn slice(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let x = call.input(0)?;
    let list = |index: usize, name: &str| match call.optional(index) {
        Some(_) => call.ints(index),
        None => Ok(call.node.ints(name)),
    };
    let (starts, ends, axes) = (list(1, "starts")?, list(2, "ends")?, list(3, "axes")?);
    let steps = list(4, "steps")?;
    if starts.len() != ends.len() || starts.len() > RANK {
        return Err(call.refused("as many starts as ends, of dimensions that there are"));
    }
    // Where each dimension begins, its step and how many elements it keeps.
    let whole = |&size: &usize| (0, 1, size);
    let mut kept: Vec<(i64, i64, usize)> = x.shape.iter().map(whole).collect();
    for (i, (&start, &end)) in starts.iter().zip(ends).enumerate() {
        let along = axes.get(i).copied().unwrap_or(i as i64);
        let at = axis(call, along, x.shape.len())?;
        let (size, step) = (x.shape[at] as i64, steps.get(i).copied().unwrap_or(1));
        let inside = |i: i64, least: i64, most: i64| {
            let counted = if i < 0 { i.saturating_add(size) } else { i };
            counted.clamp(least, most)
        };
        let (start, span) = match step {
            0 => return Err(call.refused("a step of 0")),
            1.. => {
                let start = inside(start, 0, size);
                (start, inside(end, 0, size) - start)
            }
            _ => {
                let start = inside(start, -1, size - 1);
                (start, start - inside(end, -1, size - 1))
            }
        };
        let count = span.max(0).cast_unsigned().div_ceil(step.unsigned_abs());
        kept[at] = (start, step, count as usize);
    }
    let shape: Vec<usize> = kept.iter().map(|&(_, _, count)| count).collect();
    // Steps back are offsets that wrap.
    let (mut first, mut along) = (0_usize, 1_usize);
    let mut strides = vec![0; shape.len()];
    for (d, &(start, step, _)) in kept.iter().enumerate().rev() {
        first = first.wrapping_add((start as usize).wrapping_mul(along));
        strides[d] = (step as usize).wrapping_mul(along);
        along *= x.shape[d];
    }
    let places = walk(shape.clone(), strides).map(|offset| first.wrapping_add(offset));
    pick(&x.data, shape, places, budget)
}
