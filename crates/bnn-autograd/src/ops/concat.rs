//! Tensors side by side.

use rayon::prelude::*;

use crate::buffer::take_buffer;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function};
use crate::parallel::task_rows;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Tensors `[.., c1]`, `[.., c2]`, .. joined along the last dimension (features, channels): output
/// `[.., c1 + c2 + ..]`. Keeps nothing.
///
/// ```
/// use bnn_autograd::{Tape, Tensor, ops};
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// let tape = Tape::new();
/// let a = tape.constant(Tensor::new(vec![1.0_f32, 2.0], &[2, 1])?);
/// let b = tape.constant(Tensor::new(vec![3.0, 4.0, 5.0, 6.0], &[2, 2])?);
/// let y = ops::concat(&[&a, &b])?;
/// assert_eq!(y.shape(), [2, 3]);
/// assert_eq!(y.value().data(), [1.0, 3.0, 4.0, 2.0, 5.0, 6.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Count`] without inputs; [`Error::Shape`] if the leading dimensions differ or an input
/// is a scalar; [`Error::ForeignVar`].
pub fn concat<T: Real>(inputs: &[&Var<T>]) -> Result<Var<T>, Error> {
    let first = inputs.first().ok_or(Error::Count {
        what: "inputs of concat, at least",
        expected: 1,
        found: 0,
    })?;
    first.tape().apply(Concat, inputs)
}

struct Concat;

impl<T: Real> Function<T> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn compute(&self, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let leading = given.first().and_then(|x| x.shape().split_last());
        for x in given {
            if x.shape().is_empty() || x.shape().split_last().map(|s| s.1) != leading.map(|s| s.1) {
                return Err(Error::Shape {
                    what: "inputs of concat",
                    expected: match leading {
                        Some((_, leading)) => format!("{leading:?} before the last dimension"),
                        None => "at least one dimension".to_owned(),
                    },
                    found: x.shape().to_vec(),
                });
            }
        }
        let parts = given.iter().map(|x| (x.data(), x.rows_cols().1)).collect();
        let leading = leading.map_or(&[][..], |(_, leading)| leading);
        Ok(vec![joined(parts, leading)])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let (_, cols) = dy.rows_cols();
        let mut first = 0;
        let parts = (0..ctx.num_inputs()).map(|i| {
            let shape = ctx.input_shape(i)?;
            let width = shape.last().copied().unwrap_or(1);
            let columns = first..first + width;
            first += width;
            Ok(ctx.needs_input_grad(i).then(|| {
                let mut part = take_buffer(dy.numel() / cols * width);
                by_rows(&mut part, width, |row, part| {
                    part.copy_from_slice(&dy.data()[row * cols..][columns.clone()]);
                });
                Tensor::trusted(part, shape.to_vec())
            }))
        });
        parts.collect()
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let all = (0..ctx.num_inputs()).map(|i| tangents.take_dense(i));
        let all = all.collect::<Result<Vec<_>, _>>()?;
        let parts = all.iter().map(|x| (x.data(), x.rows_cols().1)).collect();
        let shape = ctx.input_shape(0)?;
        Ok(vec![Some(joined(parts, &shape[..shape.len() - 1]))])
    }
}

/// Row-major matrices with the same rows, given with their columns, side by side.
fn joined<T: Real>(parts: Vec<(&[T], usize)>, leading: &[usize]) -> Tensor<T> {
    let rows: usize = leading.iter().product();
    let cols: usize = parts.iter().map(|(_, cols)| cols).sum();
    let mut out = take_buffer(rows * cols);
    by_rows(&mut out, cols, |row, mut out| {
        for &(part, cols) in &parts {
            let (to, rest) = out.split_at_mut(cols);
            to.copy_from_slice(&part[row * cols..(row + 1) * cols]);
            out = rest;
        }
    });
    Tensor::trusted(out, leading.iter().copied().chain([cols]).collect())
}

/// Runs `body` on every row of `x` with its index.
fn by_rows<T: Send>(x: &mut [T], cols: usize, body: impl Fn(usize, &mut [T]) + Sync) {
    let task = task_rows(cols);
    x.par_chunks_mut(task * cols)
        .enumerate()
        .for_each(|(i, x)| {
            let rows = x.chunks_mut(cols).enumerate();
            rows.for_each(|(j, x)| body(i * task + j, x));
        });
}
