//! Elementwise nodes.

use super::Call;
use crate::budget::Budget;
use crate::chain::BatchNorm;
use crate::onnx::value::{Data, Tensor, broadcast, offsets};
use crate::{ImportError, SignOfZero};

/// The shape of the result of tensors that broadcast.
fn common(call: &Call<'_>, of: &[&Tensor], budget: &mut Budget) -> Result<Vec<usize>, ImportError> {
    let shapes: Vec<&[usize]> = of.iter().map(|tensor| tensor.shape.as_slice()).collect();
    let shape = broadcast(&shapes).ok_or_else(|| {
        call.refused(format!(
            "shapes {shapes:?} do not fit each other, element by element"
        ))
    })?;
    budget.work(&shape)?;
    Ok(shape)
}

fn zip<T: Copy, R>(
    (a, a_shape): (&[T], &[usize]),
    (b, b_shape): (&[T], &[usize]),
    shape: &[usize],
    f: impl Fn(T, T) -> R,
    budget: &mut Budget,
) -> Result<Vec<R>, ImportError> {
    let pairs = offsets(a_shape, shape).zip(offsets(b_shape, shape));
    budget.collect(shape, pairs.map(|(i, j)| f(a[i], b[j])))
}

pub(super) fn binary(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let shape = common(call, &[a, b], budget)?;
    let op = call.node.op.as_str();
    if let (Data::I64(x), Data::I64(y)) = (&a.data, &b.data) {
        let f = match op {
            "Add" => i64::wrapping_add,
            "Sub" => i64::wrapping_sub,
            "Mul" => i64::wrapping_mul,
            "Div" => |a: i64, b: i64| a.checked_div(b).unwrap_or(0),
            _ => return Err(call.refused("expected floats, found integers")),
        };
        let data = zip((x, &a.shape), (y, &b.shape), &shape, f, budget)?;
        return Ok(Tensor::ints(&shape, data));
    }
    // Powers take exponents of another type.
    let (x, y) = (a.to_floats(budget)?, b.to_floats(budget)?);
    let (x, y) = ((x.as_slice(), &*a.shape), (y.as_slice(), &*b.shape));
    let number: fn(f32, f32) -> f32 = match op {
        "Add" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" => |a, b| a * b,
        "Div" => |a, b| a / b,
        "Pow" => f32::powf,
        _ => {
            let truth: fn(&f32, &f32) -> bool = match op {
                "Greater" => f32::gt,
                "GreaterOrEqual" => f32::ge,
                "Less" => f32::lt,
                _ => f32::le,
            };
            let data = zip(x, y, &shape, |a, b| truth(&a, &b), budget)?;
            let data = Data::Bool(data);
            return Ok(Tensor { shape, data });
        }
    };
    let data = zip(x, y, &shape, number, budget)?;
    Ok(Tensor::floats(&shape, data))
}

pub(super) fn prelu(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let (x, slope) = (call.input(0)?, call.input(1)?);
    let shape = common(call, &[x, slope], budget)?;
    if shape != x.shape {
        return Err(call.refused("its slopes do not fit its input"));
    }
    let x = (call.floats(0)?, x.shape.as_slice());
    let slope = (call.floats(1)?, slope.shape.as_slice());
    let f = |x: f32, slope: f32| if x >= 0.0 { x } else { slope * x };
    let data = zip(x, slope, &shape, f, budget)?;
    Ok(Tensor::floats(&shape, data))
}

pub(super) fn unary(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let input = call.input(0)?;
    budget.work(&input.shape)?;
    let mut x = input.to_floats(budget)?;
    if call.node.op == "LeakyRelu" {
        let slope = call.node.float("alpha", 0.01);
        for x in x.iter_mut().filter(|x| **x < 0.0) {
            *x *= slope;
        }
        return Ok(Tensor::floats(&input.shape, x));
    }
    let plus_at_zero = call.sign_of_zero == SignOfZero::PlusOne;
    let f: fn(f32) -> f32 = match call.node.op.as_str() {
        "Neg" => |x| -x,
        "Abs" => f32::abs,
        "Sqrt" => f32::sqrt,
        "Exp" => f32::exp,
        "Reciprocal" => f32::recip,
        "Relu" => |x| x.max(0.0),
        "Sign" if plus_at_zero => |x| if x >= 0.0 { 1.0 } else { -1.0 },
        "Sign" => |x| match x {
            x if x > 0.0 => 1.0,
            x if x < 0.0 => -1.0,
            _ => 0.0,
        },
        _ => return cast(call, input, x, budget),
    };
    for x in &mut x {
        *x = f(*x);
    }
    Ok(Tensor::floats(&input.shape, x))
}

fn cast(
    call: &Call<'_>,
    input: &Tensor,
    x: Vec<f32>,
    budget: &mut Budget,
) -> Result<Tensor, ImportError> {
    let len = [x.len()];
    let data = match (call.node.int("to", 0), &input.data) {
        (1 | 10 | 11 | 16, _) => Data::F32(x),
        // Integers stay as they are, so that large ones are exact.
        (6 | 7, Data::I64(ints)) => Data::I64(budget.copy(ints)?),
        (6 | 7, _) => Data::I64(budget.collect(&len, x.iter().map(|&x| x as i64))?),
        (9, _) => Data::Bool(budget.collect(&len, x.iter().map(|&x| x != 0.0))?),
        (to, _) => return Err(call.refused(format!("casts to the type {to}"))),
    };
    let shape = input.shape.clone();
    Ok(Tensor { shape, data })
}

pub(super) fn clip(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let input = call.input(0)?;
    budget.work(&input.shape)?;
    let bound = |index: usize, name: &str, default: f32| {
        let given = call.optional(index).and_then(Tensor::scalar);
        given.unwrap_or_else(|| call.node.float(name, default))
    };
    let (least, most) = (
        bound(1, "min", f32::NEG_INFINITY),
        bound(2, "max", f32::INFINITY),
    );
    let mut x = input.to_floats(budget)?;
    for x in &mut x {
        *x = x.max(least).min(most);
    }
    Ok(Tensor::floats(&input.shape, x))
}

pub(super) fn select(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let (condition, yes, no) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let shape = common(call, &[condition, yes, no], budget)?;
    let Data::Bool(truths) = &condition.data else {
        return Err(call.refused("expected a condition of truths"));
    };
    let truths = offsets(&condition.shape, &shape).map(|i| truths[i]);
    let places = offsets(&yes.shape, &shape).zip(offsets(&no.shape, &shape));
    if let (Data::I64(yes), Data::I64(no)) = (&yes.data, &no.data) {
        let chosen = truths
            .zip(places)
            .map(|(is, (i, j))| if is { yes[i] } else { no[j] });
        return Ok(Tensor::ints(&shape, budget.collect(&shape, chosen)?));
    }
    let (yes, no) = (yes.to_floats(budget)?, no.to_floats(budget)?);
    let chosen = truths
        .zip(places)
        .map(|(is, (i, j))| if is { yes[i] } else { no[j] });
    Ok(Tensor::floats(&shape, budget.collect(&shape, chosen)?))
}

/// Reads the parameters of a batch norm over `channels`, which `floats` gives by their index.
pub(crate) fn batch_norm_of<'t>(
    node: &crate::onnx::schema::Node,
    channels: usize,
    floats: impl Fn(usize) -> Result<&'t [f32], ImportError>,
) -> Result<BatchNorm, ImportError> {
    if node.int("training_mode", 0) != 0 {
        return Err(node.refused("a batch norm in training mode"));
    }
    let parameter = |index: usize| {
        let values = floats(index)?;
        if values.len() != channels {
            let found = values.len();
            let why = format!("input {index}: expected {channels} numbers, found {found}");
            return Err(node.refused(why));
        }
        Ok(values.to_vec())
    };
    let epsilon = node.float("epsilon", 1e-5);
    let variance = parameter(4)?;
    let norm = BatchNorm {
        scale: parameter(1)?,
        bias: parameter(2)?,
        mean: parameter(3)?,
        factor: variance
            .iter()
            .map(|v| (v + epsilon).sqrt().recip())
            .collect(),
    };
    // A variance that is negative, or so small that the scale overflows.
    let is_odd = |&c: &usize| {
        let (scale, bias) = norm.line(c);
        !scale.is_finite() || !bias.is_finite()
    };
    match (0..channels).find(is_odd) {
        None => Ok(norm),
        Some(c) => Err(node.refused(format!(
            "channel {c}: expected a finite scale and shift, found the variance {} and the \
             epsilon {epsilon}",
            variance[c]
        ))),
    }
}

pub(super) fn batch_norm(call: &Call<'_>, budget: &mut Budget) -> Result<Tensor, ImportError> {
    let input = call.input(0)?;
    let &[_, channels, ref inner @ ..] = input.shape.as_slice() else {
        return Err(call.refused("expected an input [batch, channels, ...]"));
    };
    budget.work(&input.shape)?;
    let norm = batch_norm_of(call.node, channels, |index| call.floats(index))?;
    let inner: usize = inner.iter().product();
    let mut x = input.to_floats(budget)?;
    for (i, x) in x.iter_mut().enumerate() {
        *x = norm.apply(i / inner % channels, *x);
    }
    Ok(Tensor::floats(&input.shape, x))
}
