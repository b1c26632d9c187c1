//! Numeric against analytic gradients, and forward against reverse mode, in f64.

use crate::error::Error;
use crate::rng::Rng;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;

/// The allowed distance of an analytic gradient `a` from the numeric one `n`:
/// `|a - n| <= absolute + relative * |n|`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The allowed absolute distance.
    pub absolute: f64,
    /// The allowed distance relative to the numeric gradient.
    pub relative: f64,
    /// The step of the central differences. The check fails where a kink is closer
    /// to an input than this.
    pub step: f64,
}

impl Default for Tolerance {
    /// `1e-6 + 1e-5 * |n|` with steps of `1e-5`: the error of a central difference in `f64` is of
    /// the order `step^2` by curvature and `1e-16 / step` by rounding.
    fn default() -> Self {
        Self {
            absolute: 1e-6,
            relative: 1e-5,
            step: 1e-5,
        }
    }
}

/// Checks the backward pass of a smooth function against central differences of its forward pass,
/// at `inputs`, for all of them, in a fixed pseudo-random direction of the output. Returns the
/// largest distance found.
///
/// ```
/// use bnn_autograd::{Tensor, Tolerance, gradcheck, ops};
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// let x = Tensor::new(vec![0.3, -0.7, 0.1, 0.9, 0.2, -0.4], &[2, 3])?;
/// let w = Tensor::new(vec![0.5, 0.25, -1.0], &[1, 3])?;
/// gradcheck(&[x, w], Tolerance::default(), |v| ops::linear(&v[0], &v[1], None))?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::GradientMismatch`] for the first element that differs by more; those of the function.
pub fn gradcheck(
    inputs: &[Tensor<f64>],
    tolerance: Tolerance,
    function: impl Fn(&[Var<f64>]) -> Result<Var<f64>, Error>,
) -> Result<f64, Error> {
    gradcheck_surrogate(inputs, tolerance, &function, |inputs| {
        let tape = Tape::new();
        let vars: Vec<_> = inputs.iter().map(|x| tape.constant(x.clone())).collect();
        function(&vars).map(Tensor::from)
    })
}

/// Checks the backward pass against differences of a `surrogate`: for a function such as `sign`,
/// whose backward pass is by design the gradient of another function. Only the shapes of the two
/// outputs must agree. Otherwise it is [`gradcheck`].
///
/// # Errors
/// Those of [`gradcheck`].
pub fn gradcheck_surrogate(
    inputs: &[Tensor<f64>],
    tolerance: Tolerance,
    function: impl Fn(&[Var<f64>]) -> Result<Var<f64>, Error>,
    surrogate: impl Fn(&[Tensor<f64>]) -> Result<Tensor<f64>, Error>,
) -> Result<f64, Error> {
    let tape = Tape::new();
    let leaves: Vec<_> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
    let output = function(&leaves)?;
    let direction = direction(output.shape())?;
    let gradients = output.vjp(direction.clone())?;

    let mut probe = inputs.to_vec();
    let mut worst = 0.0_f64;
    for (input, leaf) in leaves.iter().enumerate() {
        for element in 0..leaf.value().numel() {
            let center = inputs[input].data()[element];
            let mut along = |x: f64| {
                probe[input].data_mut()[element] = x;
                let y = surrogate(&probe)?;
                Error::check_shape("output of a surrogate", direction.shape(), y.shape())?;
                Ok::<f64, Error>(
                    y.data()
                        .iter()
                        .zip(direction.data())
                        .map(|(y, d)| y * d)
                        .sum(),
                )
            };
            let (above, below) = (center + tolerance.step, center - tolerance.step);
            let numeric = (along(above)? - along(below)?) / (above - below);
            probe[input].data_mut()[element] = center;
            let analytic = gradients.get(leaf).map_or(0.0, |grad| grad.data()[element]);
            let distance = (analytic - numeric).abs();
            let allowed = tolerance.absolute + tolerance.relative * numeric.abs();
            // A NaN distance fails too.
            if distance.is_nan() || distance > allowed {
                return Err(Error::GradientMismatch {
                    input,
                    element,
                    analytic,
                    numeric,
                });
            }
            worst = worst.max(distance);
        }
    }
    Ok(worst)
}

/// Checks that the two modes of a function agree at `inputs`: for a direction `t` of the inputs and
/// a direction `u` of the output, `u · (J t)` (forward mode, `jvp`) equals `(u J) · t` (reverse
/// mode, `backward`) up to rounding. Returns the distance, relative to the larger of the two and 1.
///
/// Unlike [`gradcheck`] it takes no differences of values, so it holds for pseudo-gradients too.
/// Together with a check of one mode it proves the other mode.
///
/// # Errors
/// [`Error::ModesDisagree`] if the distance is more than `tolerance`; those of the function.
pub fn modes_agree(
    inputs: &[Tensor<f64>],
    tolerance: f64,
    function: impl Fn(&[Var<f64>]) -> Result<Var<f64>, Error>,
) -> Result<f64, Error> {
    let tape = Tape::new();
    let mut rng = Rng::new(1);
    let mut tangents = Vec::new();
    let mut leaves = Vec::new();
    for x in inputs {
        let mut tangent = x.zeros_like();
        let draw = tangent.data_mut().iter_mut();
        draw.for_each(|t| *t = rng.uniform(-1.5, 1.5));
        leaves.push(tape.leaf(x.clone()).with_tangent(tangent.clone())?);
        tangents.push(tangent);
    }
    let output = function(&leaves)?;
    let direction = direction(output.shape())?;
    let forward = output.tangent().map_or(0.0, |t| dot(t, &direction));
    let gradients = output.vjp(direction)?;
    let parts = leaves.iter().zip(&tangents);
    let reverse: f64 = parts
        .filter_map(|(leaf, tangent)| Some(dot(gradients.get(leaf)?, tangent)))
        .sum();
    let distance = (forward - reverse).abs() / forward.abs().max(reverse.abs()).max(1.0);
    // A NaN distance fails too.
    if distance.is_nan() || distance > tolerance {
        return Err(Error::ModesDisagree { forward, reverse });
    }
    Ok(distance)
}

fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum()
}

/// A direction in which no output element cancels another by symmetry.
fn direction(shape: &[usize]) -> Result<Tensor<f64>, Error> {
    let mut direction = Tensor::full(0.0, shape)?;
    let mut rng = Rng::new(0);
    for d in direction.data_mut() {
        *d = rng.uniform(0.5, 1.5);
    }
    Ok(direction)
}
