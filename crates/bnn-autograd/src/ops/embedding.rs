//! Rows of a table, looked up by their numbers.

use crate::context::{Context, HeldByFunction};
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Row `i` of `table`, `[n, d]`, for every element `i` of `indices`, `[..]`: output `[.., d]`.
///
/// The indices are whole numbers from 0 to `n - 1`, given as a tensor like other data, and have no
/// gradient. The gradient of a row of the table is the sum of the gradients of all its uses, in
/// order. Kept for the reverse pass: four bytes per index.
///
/// To use the embedded vectors as signs, pass the output to a binary layer, which takes its signs.
///
/// # Errors
/// [`Error::Shape`] if `table` is not a matrix; [`Error::OutOfRange`] for an element that is not an
/// index.
pub fn embedding<T: Real>(indices: &Tensor<T>, table: &Var<T>) -> Result<Var<T>, Error> {
    let (n, _) = table.value().matrix("table of an embedding")?;
    let rows = indices.data().iter().map(|&index| row(index, n));
    let function = Embedding {
        rows: rows.collect::<Result<_, _>>()?,
        shape: indices.shape().to_vec(),
    };
    table.tape().apply(function, &[table])
}

/// The row with the index `index`.
fn row<T: Real>(index: T, n: usize) -> Result<u32, Error> {
    let whole = index.as_f64();
    let inside = whole >= 0.0 && whole < n as f64 && whole.fract() == 0.0;
    let expected = "a whole number, at least 0 and less than the rows of the table";
    Error::check_range("index of an embedding", expected, whole, inside)?;
    Ok(whole as u32)
}

struct Embedding {
    rows: Vec<u32>,
    /// The shape of the indices.
    shape: Vec<usize>,
}

impl Embedding {
    /// The rows of a table of `d` columns.
    fn look_up<T: Real>(&self, table: &Tensor<T>) -> Vec<Tensor<T>> {
        let (_, d) = table.rows_cols();
        let mut out = Vec::with_capacity(self.rows.len() * d);
        for &row in &self.rows {
            out.extend_from_slice(&table.data()[row as usize * d..][..d]);
        }
        let shape = self.shape.iter().copied().chain([d]).collect();
        vec![Tensor::trusted(out, shape)]
    }
}

impl<T: Real> Function<T> for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [table] = inputs("inputs of embedding", given)?;
        // The function itself holds the indices; they are counted here.
        ctx.save_for_backward(HeldByFunction {
            bytes: size_of_val(&self.rows[..]),
        });
        Ok(self.look_up(table))
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let (_, d) = dy.rows_cols();
        let mut grad = Tensor::full(T::zero(), ctx.input_shape(0)?)?;
        let table = grad.data_mut();
        for (&row, dy) in self.rows.iter().zip(dy.data().chunks(d)) {
            let row = table[row as usize * d..][..d].iter_mut();
            row.zip(dy).for_each(|(sum, &dy)| *sum += dy);
        }
        Ok(vec![Some(grad)])
    }

    fn jvp(
        &self,
        _: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = self.look_up(&tangents.single()?);
        Ok(dy.into_iter().map(Some).collect())
    }
}
