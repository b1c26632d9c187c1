//! The ordinary linear layer on floats.

use rayon::prelude::*;

use super::channels::add_to_rows;
use super::linear_shape::{LinearShape, product_macs, with_last};
use super::reduce::column_sums;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs, Pass, inputs};
use crate::linalg::{mat, matmul};
use crate::parallel::task_rows;
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `x · w^T + b`: input `[.., k]`, weights `[n, k]`, bias `[n]`, output `[.., n]`.
///
/// Kept for the reverse pass: `x` if `w` needs a gradient and `w` if `x` does, both shared.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit each other; [`Error::ForeignVar`].
pub fn linear<T: Real>(x: &Var<T>, w: &Var<T>, b: Option<&Var<T>>) -> Result<Var<T>, Error> {
    match b {
        Some(b) => x.tape().apply(Linear { order: Order::Any }, &[x, w, b]),
        None => x.tape().apply(Linear { order: Order::Any }, &[x, w]),
    }
}

/// [`linear`] with the sums of a model file, equal on every target: each begins with `+0` and takes
/// the products `x * w` one by one, in the order of a row of weights, each product and each sum
/// rounded.
pub(crate) fn ordered_linear<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    b: Option<&Var<T>>,
) -> Result<Var<T>, Error> {
    let function = Linear {
        order: Order::OfWeights,
    };
    match b {
        Some(b) => x.tape().apply(function, &[x, w, b]),
        None => x.tape().apply(function, &[x, w]),
    }
}

/// [`linear`] with sums of integers, exact: `x` are multiples of `2^-exponent` whose integers have
/// 16 bits, `w` integers. A sum is rounded once, to a number of type `T`.
pub(crate) fn integer_linear<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    exponent: i8,
) -> Result<Var<T>, Error> {
    let order = Order::Exact { exponent };
    x.tape().apply(Linear { order }, &[x, w])
}

struct Linear {
    order: Order,
}

/// In which order the forward pass adds up products.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Any order, whichever is fast.
    Any,
    /// The order of a row of weights.
    OfWeights,
    /// Integers, to which the order makes no difference.
    Exact { exponent: i8 },
}

pub(super) const X: usize = 0;
pub(super) const W: usize = 1;
pub(super) const B: usize = 2;

/// What the derivatives of a product `x · w^T` are computed from.
pub(super) struct Factors<T: Real> {
    /// Kept for the derivative of the weights.
    x: Option<Tensor<T>>,
    /// Kept for the derivative of the input.
    w: Option<Tensor<T>>,
}

saved_state!(Factors<T> { x, w });

impl<T: Real> Factors<T> {
    /// What a pass needs of input and weights, the first two inputs of a function.
    pub(super) fn kept(pass: &Pass<'_, T>, x: &Tensor<T>, w: &Tensor<T>) -> Self {
        Self {
            x: pass.needs(W).then(|| x.clone()),
            w: pass.needs(X).then(|| w.clone()),
        }
    }

    /// The gradients of input and weights for that of the product.
    pub(super) fn gradients(&self, dy: &Tensor<T>) -> [Option<Tensor<T>>; 2] {
        let (m, n) = dy.rows_cols();
        let dy_matrix = mat(dy.data(), m, n);
        let dx = self.w.as_ref().map(|w| {
            let (_, k) = w.rows_cols();
            let dx = matmul(dy_matrix, mat(w.data(), n, k));
            Tensor::trusted(dx, with_last(dy.shape(), k))
        });
        let dw = self.x.as_ref().map(|x| {
            let (_, k) = x.rows_cols();
            let dw = matmul(dy_matrix.t(), mat(x.data(), m, k));
            Tensor::trusted(dw, vec![n, k])
        });
        [dx, dw]
    }

    /// The tangent of the product, `dx · w^T + x · dw^T`.
    pub(super) fn tangent(
        &self,
        ctx: &Context<T>,
        tangents: &Derivatives<T>,
    ) -> Result<Tensor<T>, Error> {
        let LinearShape { m, n, k } = LinearShape::of(ctx)?;
        let shape = with_last(ctx.input_shape(X)?, n);
        let mut dy = Tensor::full(T::zero(), &shape)?;
        if let (Some(w), Some(dx)) = (&self.w, tangents.get(X)) {
            let part = matmul(mat(dx.data(), m, k), mat(w.data(), n, k).t());
            dy.add_assign(&Tensor::trusted(part, shape.clone()));
        }
        if let (Some(x), Some(dw)) = (&self.x, tangents.get(W)) {
            let part = matmul(mat(x.data(), m, k), mat(dw.data(), n, k).t());
            dy.add_assign(&Tensor::trusted(part, shape));
        }
        Ok(dy)
    }
}

impl<T: Real> Function<T> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn macs(&self, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Macs {
        Macs {
            binary: 0,
            float: product_macs(inputs, outputs),
        }
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let (bias, given) = match given {
            [x, w, b] => (Some(b), &[*x, *w][..]),
            _ => (None, given),
        };
        let [x, w] = inputs("inputs of linear", given)?;
        let LinearShape { m, n, k } = LinearShape::new(x, w)?;
        let mut y = match self.order {
            Order::Any => matmul(mat(x.data(), m, k), mat(w.data(), n, k).t()),
            Order::OfWeights => ordered_product(x.data(), w.data(), [m, n, k]),
            Order::Exact { exponent } => exact_product(x.data(), w.data(), [m, n, k], exponent),
        };
        if let Some(bias) = bias {
            Error::check_shape("bias of a linear operation", &[n], bias.shape())?;
            add_to_rows(&mut y, bias.data());
        }
        ctx.save_each(|pass| Ok(Factors::kept(&pass, x, w)))?;
        Ok(vec![Tensor::trusted(y, with_last(x.shape(), n))])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let (_, n) = dy.rows_cols();
        let factors: &Factors<T> = ctx.saved_state()?;
        let mut grads = vec![None; ctx.num_inputs()];
        [grads[X], grads[W]] = factors.gradients(&dy);
        if ctx.needs_input_grad(B) {
            grads[B] = Some(Tensor::from_f64s(column_sums(dy.data(), n)));
        }
        Ok(grads)
    }

    /// `dy = dx · w^T + x · dw^T + db`.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let factors: &Factors<T> = ctx.saved_state()?;
        let mut dy = factors.tangent(ctx, &tangents)?;
        if let Some(db) = tangents.get(B) {
            add_to_rows(dy.data_mut(), db.data());
        }
        Ok(vec![Some(dy)])
    }
}

/// `x · w^T`, `[m, n]`, for `x` `[m, k]` and weights `[n, k]`, in the order of [`ordered_linear`].
fn ordered_product<T: Real>(x: &[T], w: &[T], [m, n, k]: [usize; 3]) -> Vec<T> {
    // A row for each input, so that the sums of all outputs go on side by side.
    let by_input: Vec<T> = (0..k)
        .flat_map(|input| (0..n).map(move |output| w[output * k + input]))
        .collect();
    let mut y = vec![T::zero(); m * n];
    for_row_pairs(&mut y, x, [n, k], |y, x| {
        for (&x, w) in x.iter().zip(by_input.chunks(n)) {
            y.iter_mut().zip(w).for_each(|(y, &w)| *y += x * w);
        }
    });
    y
}

/// `x · w^T`, `[m, n]`, for `x` `[m, k]` and weights `[n, k]`, as [`integer_linear`] says.
fn exact_product<T: Real>(x: &[T], w: &[T], [m, n, k]: [usize; 3], exponent: i8) -> Vec<T> {
    let (up, down) = (f64::from(exponent).exp2(), f64::from(-exponent).exp2());
    let mut y = vec![T::zero(); m * n];
    for_row_pairs(&mut y, x, [n, k], |y, x| {
        for (y, w) in y.iter_mut().zip(w.chunks(k)) {
            // Exact in `f64`: 16 bits times 8, and fewer than 2^29 of them.
            let terms = x.iter().zip(w).map(|(x, w)| x.as_f64() * up * w.as_f64());
            // Rounded to `T` before the power of two, which changes no digit.
            *y = T::from_f64(T::from_f64(terms.sum()).as_f64() * down);
        }
    });
    y
}

/// Runs `body` on every row of `y` with the row of `x` at the same index, of these lengths.
pub(super) fn for_row_pairs<T: Real>(
    y: &mut [T],
    x: &[T],
    [n, k]: [usize; 2],
    body: impl Fn(&mut [T], &[T]) + Sync,
) {
    let rows = task_rows(n.saturating_mul(k));
    y.par_chunks_mut(rows * n)
        .zip(x.par_chunks(rows * k))
        .for_each(|(y, x)| {
            let pairs = y.chunks_mut(n).zip(x.chunks(k));
            pairs.for_each(|(y, x)| body(y, x));
        });
}
