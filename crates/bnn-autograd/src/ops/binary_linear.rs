//! The binary layer: signs times signs, on bits.

use std::sync::Arc;

use bnn_core::{BitMatrix, BitMatrixView, PackedWeights};

use super::Estimator;
use super::linear_shape::{LinearShape, mend, with_last};
use crate::buffer::take_buffer;
use crate::context::{Context, Part, SavedState};
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs, inputs};
use crate::linalg::{mat, matmul_signs, matmul_signs_transposed, sign_product};
use crate::real::Real;
use crate::saved_state;
use crate::tape::Var;
use crate::tensor::Tensor;

/// `sign(x) · sign(w)^T`: input `[.., k]`, latent weights `[n, k]`, output `[.., n]`.
///
/// `sign(v)` is `+1` where `v >= 0`, else `-1`. The products are computed on bits and are exact
/// integers (in `f32` for `k <= 2^24`).
///
/// Gradients are those of the straight-through estimator (Hubara et al. 2016, arXiv 1602.02830):
/// `dx = (dy · sign(w)) * [|x| <= 1]` and `dw = dy^T · sign(x)`. With another [`Estimator`] for
/// `x`: [`BinaryLinearForward::estimator`].
///
/// Kept for the reverse pass: two bits per element of `x` (its sign, and the mask if `x` needs a
/// gradient; another estimator keeps something else) and one bit per weight. The output can be
/// computed again from them, so that later functions need not keep it.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit each other; [`Error::ForeignVar`].
pub fn binary_linear<T: Real>(x: &Var<T>, w: &Var<T>) -> Result<Var<T>, Error> {
    let product = BinaryLinearForward::for_operands(x, w)?;
    x.tape().apply(product, &[x, w])
}

/// [`binary_linear`] with packed weights, which are constants.
///
/// # Errors
/// Those of [`binary_linear`].
pub fn binary_linear_packed<T: Real>(
    x: &Var<T>,
    weights: &Arc<BinaryWeights>,
) -> Result<Var<T>, Error> {
    let leading = x
        .shape()
        .split_last()
        .map_or(&[][..], |(_, leading)| leading);
    let rows = leading.iter().product();
    x.tape()
        .apply(BinaryLinearForward::packed(rows, weights), &[x])
}

/// Signs of weights, `[n, k]`, packed once for many products: as rows of bits, and in the layout of
/// the kernel in use. Made of latent weights or of bits by `try_from`.
#[derive(Clone, Debug)]
pub struct BinaryWeights {
    bits: BitMatrix,
    packed: PackedWeights,
}

impl BinaryWeights {
    /// The rows of bits.
    #[must_use]
    pub fn bits(&self) -> &BitMatrix {
        &self.bits
    }
}

impl<T: Real> TryFrom<&Tensor<T>> for BinaryWeights {
    type Error = Error;

    /// The signs of latent weights `[n, k]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for another rank than 2; [`Error::NotFinite`] for a weight that is infinite
    /// or NaN; [`Error::Core`] if `BNN_ISA` asks for an instruction set that this CPU does not
    /// have.
    fn try_from(latent: &Tensor<T>) -> Result<Self, Error> {
        let (n, k) = latent.matrix("weights of a linear operation")?;
        latent.check_finite("weights of a linear operation")?;
        Self::try_from(latent.signs(n, k)?)
    }
}

impl TryFrom<BitMatrix> for BinaryWeights {
    type Error = Error;

    /// Rows of bits, bit 1 for +1.
    ///
    /// # Errors
    /// [`Error::Core`] if `BNN_ISA` asks for an instruction set that this CPU does not have.
    fn try_from(bits: BitMatrix) -> Result<Self, Error> {
        let packed = PackedWeights::new(bits.view())?;
        Ok(Self { bits, packed })
    }
}

/// Weights of a [`BinaryLinearForward`].
#[derive(Clone, Copy, Debug)]
pub enum LinearWeights<'a, T: Real> {
    /// Numbers `[n, k]`, of which the signs are used.
    Latent(&'a Tensor<T>),
    /// Signs.
    Packed(&'a Arc<BinaryWeights>),
}

/// The binary linear layer as a [`Function`]: `sign(input) · sign(weights)^T` of an input `[.., k]`
/// with `m` rows once its leading dimensions are flattened, and weights `[n, k]`.
///
/// With latent weights its inputs on the tape are input and weights, with packed ones the input
/// alone. [`binary_linear`] says what it computes, what its passes return and what it keeps.
///
/// ```
/// use bnn_autograd::ops::BinaryLinearForward;
/// use bnn_autograd::{Tape, Tensor};
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::new(vec![0.5, -0.2, 1.5, -0.0_f32], &[2, 1, 2])?);
/// let w = tape.leaf(Tensor::new(vec![0.1, -0.3], &[1, 2])?);
/// let y = tape.apply(BinaryLinearForward::new(2, 1, 2), &[&x, &w])?;
/// assert_eq!((y.shape(), y.value().data()), (&[2, 1, 1][..], &[2.0, 0.0][..]));
/// let gradients = y.vjp(Tensor::full(1.0, &[2, 1, 1])?)?;
/// // The gradient stops where |x| > 1.
/// assert_eq!(gradients.get(&x).map(Tensor::data), Some(&[1.0, -1.0, 0.0, -1.0][..]));
/// assert_eq!(gradients.get(&w).map(Tensor::data), Some(&[2.0, 0.0][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BinaryLinearForward {
    /// Rows of the input.
    pub m: usize,
    /// Outputs of a row.
    pub n: usize,
    /// Elements of a row of the input.
    pub k: usize,
    /// Weights that are constants; `None` if they are an input.
    pub packed: Option<Arc<BinaryWeights>>,
    /// The pseudo-gradient of the input's signs: `dx = (dy · sign(w)) * estimator.slope(x)`.
    pub estimator: Estimator,
}

const X: usize = 0;
const W: usize = 1;

/// What is kept besides what the estimator keeps.
struct Kept {
    x_signs: BitMatrix,
    weights: KeptWeights,
}

enum KeptWeights {
    /// The signs of latent weights.
    Signs(BitMatrix),
    /// Packed weights of the caller.
    Packed(Arc<BinaryWeights>),
}

saved_state!(Kept { x_signs, weights });

impl KeptWeights {
    fn bits(&self) -> BitMatrixView<'_> {
        match self {
            Self::Signs(bits) => bits.view(),
            Self::Packed(weights) => weights.bits.view(),
        }
    }
}

impl<T: Real> SavedState<T> for KeptWeights {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        match self {
            Self::Signs(bits) => bits.parts(visit),
            // The weights belong to the caller: keeping a handle costs nothing.
            Self::Packed(_) => {}
        }
    }
}

impl BinaryLinearForward {
    /// The function of an input of `m` rows and latent weights `[n, k]`.
    #[must_use]
    pub fn new(m: usize, n: usize, k: usize) -> Self {
        Self {
            m,
            n,
            k,
            packed: None,
            estimator: Estimator::default(),
        }
    }

    /// The function of these operands.
    pub(crate) fn for_operands<T: Real>(x: &Var<T>, w: &Var<T>) -> Result<Self, Error> {
        let LinearShape { m, n, k } = LinearShape::of_shapes(x.shape(), w.shape())?;
        Ok(Self::new(m, n, k))
    }

    /// The function of an input of `m` rows and packed weights.
    fn packed(m: usize, weights: &Arc<BinaryWeights>) -> Self {
        Self {
            m,
            n: weights.bits.rows(),
            k: weights.bits.cols(),
            packed: Some(Arc::clone(weights)),
            estimator: Estimator::default(),
        }
    }

    /// The forward pass, for a [`Function`] of your own that builds on this one: the leading
    /// dimensions of `input` are flattened to `m` rows and restored in the output, and `ctx` keeps
    /// what [`Function::backward`] and [`Function::jvp`] of this type need.
    ///
    /// # Errors
    /// [`Error::Shape`] if a shape is not as `m`, `n` and `k` say.
    pub fn forward<T: Real>(
        ctx: &mut Context<T>,
        input: &Tensor<T>,
        weights: LinearWeights<'_, T>,
        m: usize,
        n: usize,
        k: usize,
    ) -> Result<Tensor<T>, Error> {
        Self::new(m, n, k).run(ctx, input, weights)
    }

    /// The forward pass; saves in the context what the other methods need.
    pub(super) fn run<T: Real>(
        &self,
        ctx: &mut Context<T>,
        input: &Tensor<T>,
        weights: LinearWeights<'_, T>,
    ) -> Result<Tensor<T>, Error> {
        let &Self { m, n, k, .. } = self;
        check_input(input, m, k)?;
        let x_signs = self.estimator.signs(ctx, X, input)?;
        let (sums, weights) = match weights {
            LinearWeights::Latent(latent) => {
                Error::check_shape("weights of a linear operation", &[n, k], latent.shape())?;
                let bits = latent.signs(n, k)?;
                let sums = product(&x_signs, &PackedWeights::new(bits.view())?)?;
                (sums, KeptWeights::Signs(bits))
            }
            LinearWeights::Packed(packed) => {
                let found = [packed.bits.rows(), packed.bits.cols()];
                Error::check_shape("weights of a linear operation", &[n, k], &found)?;
                let sums = product(&x_signs, &packed.packed)?;
                (sums, KeptWeights::Packed(Arc::clone(packed)))
            }
        };
        ctx.save(Kept { x_signs, weights });
        ctx.offer_recompute();
        Ok(Tensor::trusted(sums, with_last(input.shape(), n)))
    }

    /// `dx = (dy · sign(w)) * slope(x)`.
    pub(super) fn input_gradient<T: Real>(
        &self,
        ctx: &Context<T>,
        dy: &Tensor<T>,
    ) -> Result<Tensor<T>, Error> {
        let dy_matrix = mat(dy.data(), self.m, self.n);
        let mut dx = matmul_signs(dy_matrix, ctx.saved_state::<Kept>()?.weights.bits());
        self.estimator.apply(ctx, &mut dx)?;
        Ok(Tensor::trusted(dx, with_last(dy.shape(), self.k)))
    }

    /// `dw = dy^T · sign(x)`.
    pub(super) fn weight_gradient<T: Real>(
        &self,
        ctx: &Context<T>,
        dy: &Tensor<T>,
    ) -> Result<Tensor<T>, Error> {
        let dy_matrix = mat(dy.data(), self.m, self.n);
        let dw = matmul_signs(dy_matrix.t(), ctx.saved_state::<Kept>()?.x_signs.view());
        Ok(Tensor::trusted(dw, vec![self.n, self.k]))
    }

    /// `dy = (dx * slope(x)) · sign(w)^T + sign(x) · dw^T`, of the tangents that there are.
    pub(super) fn tangent<T: Real>(
        &self,
        ctx: &Context<T>,
        dx: Option<Tensor<T>>,
        dw: Option<&Tensor<T>>,
    ) -> Result<Tensor<T>, Error> {
        let &Self { m, n, k, .. } = self;
        let shape = with_last(ctx.input_shape(X)?, n);
        let Kept { x_signs, weights } = ctx.saved_state()?;
        let mut dy = Tensor::full(T::zero(), &shape)?;
        if let Some(mut dx) = dx {
            self.estimator.apply(ctx, dx.data_mut())?;
            let part = matmul_signs_transposed(mat(dx.data(), m, k), weights.bits());
            dy.add_assign(&Tensor::trusted(part, shape));
        }
        if let Some(dw) = dw {
            let part = matmul_signs_transposed(mat(dw.data(), n, k), x_signs.view());
            let part = mat(&part, n, m);
            let cells = dy.data_mut().iter_mut().zip(part.t().view());
            cells.for_each(|(y, &part)| *y += part);
        }
        Ok(dy)
    }
}

impl<T: Real> Function<T> for BinaryLinearForward {
    fn name(&self) -> &'static str {
        "binary_linear"
    }

    fn takes_affine(&self, i: usize) -> bool {
        i == X && self.estimator.takes_affine()
    }

    fn macs(&self, _: &[Vec<usize>], _: &[Vec<usize>]) -> Macs {
        let sizes = [self.m, self.n, self.k];
        Macs {
            binary: sizes.iter().map(|&size| size as u64).product(),
            float: 0,
        }
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        const WHAT: &str = "inputs of binary_linear";
        let (x, weights) = match &self.packed {
            Some(packed) => {
                let [x] = inputs(WHAT, given)?;
                (x, LinearWeights::Packed(packed))
            }
            None => {
                let [x, w] = inputs(WHAT, given)?;
                (x, LinearWeights::Latent(w))
            }
        };
        Ok(vec![self.run(ctx, x, weights)?])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let mut grads = vec![None; ctx.num_inputs()];
        if ctx.needs_input_grad(X) {
            grads[X] = Some(self.input_gradient(ctx, &dy)?);
        }
        if ctx.needs_input_grad(W) {
            grads[W] = Some(self.weight_gradient(ctx, &dy)?);
        }
        Ok(grads)
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dx = tangents.take(X);
        Ok(vec![Some(self.tangent(ctx, dx, tangents.get(W))?)])
    }

    fn recompute(&self, ctx: &Context<T>) -> Result<Tensor<T>, Error> {
        let Kept { x_signs, weights } = ctx.saved_state()?;
        let sums = match weights {
            KeptWeights::Packed(weights) => product(x_signs, &weights.packed),
            KeptWeights::Signs(bits) => product(x_signs, &PackedWeights::new(bits.view())?),
        };
        Ok(Tensor::trusted(
            sums?,
            with_last(ctx.input_shape(X)?, self.n),
        ))
    }
}

fn check_input<T: Real>(x: &Tensor<T>, m: usize, k: usize) -> Result<(), Error> {
    if x.rows_cols() == (m, k) && !x.shape().is_empty() {
        return Ok(());
    }
    Err(Error::Shape {
        what: "input of a linear operation",
        expected: format!("[.., {k}] of {m} rows{}", mend(x.shape(), k)),
        found: x.shape().to_vec(),
    })
}

/// The exact integer products of signs, as numbers.
fn product<T: Real>(x_signs: &BitMatrix, weights: &PackedWeights) -> Result<Vec<T>, Error> {
    let (m, n) = (x_signs.rows(), weights.rows());
    let mut y = take_buffer(m * n);
    sign_product(x_signs.view(), weights, &mut y)?;
    Ok(y)
}
