//! The same network in `f32`, for comparison: float weights, float activations, a good float GEMM
//! (`matrixmultiply`, through `ndarray`), batch norm and hard-tanh in one pass over each layer's
//! output.

use bnn_autograd::models::Mlp;
use ndarray::linalg::{general_mat_mul, general_mat_vec_mul};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ShapeError};

struct Layer {
    /// `[outputs, inputs]`.
    weights: Vec<f32>,
    scale: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
}

/// A float network with the sizes and the latent weights of a binary one.
pub(crate) struct FloatNet {
    layers: Vec<Layer>,
}

impl FloatNet {
    pub(crate) fn new(mlp: &Mlp) -> Result<Self, bnn_autograd::Error> {
        let layers = mlp.layers().map(|(weight, norm)| {
            let affine = norm.affine()?;
            Ok(Layer {
                weights: weight.value().data().to_vec(),
                scale: affine.scale,
                bias: affine.bias,
                inputs: weight.value().shape().last().copied().unwrap_or(1),
            })
        });
        Ok(Self {
            layers: layers.collect::<Result<_, bnn_autograd::Error>>()?,
        })
    }

    /// Bytes of its weights and batch norms.
    pub(crate) fn bytes(&self) -> usize {
        let numbers = |l: &Layer| l.weights.len() + l.scale.len() + l.bias.len();
        self.layers.iter().map(numbers).sum::<usize>() * size_of::<f32>()
    }

    /// Computes the scores of `[samples, inputs]` into `x`, using `y` as a second buffer.
    ///
    /// # Errors
    /// Where `x` is not `[samples, inputs]`.
    pub(crate) fn run(
        &self,
        samples: usize,
        x: &mut Vec<f32>,
        y: &mut Vec<f32>,
    ) -> Result<(), ShapeError> {
        for (i, layer) in self.layers.iter().enumerate() {
            y.resize(samples * layer.scale.len(), 0.0);
            multiply(
                samples,
                layer.scale.len(),
                layer.inputs,
                x,
                &layer.weights,
                y,
            )?;
            let last = i + 1 == self.layers.len();
            for row in y.chunks_mut(layer.scale.len()) {
                for ((y, scale), bias) in row.iter_mut().zip(&layer.scale).zip(&layer.bias) {
                    *y = scale * *y + bias;
                    if !last {
                        *y = y.clamp(-1.0, 1.0);
                    }
                }
            }
            std::mem::swap(x, y);
        }
        Ok(())
    }
}

/// `c = a · b^T` for row-major `a` `[m, k]`, `b` `[n, k]`, `c` `[m, n]`, on one thread.
///
/// # Errors
/// Where a slice has another length.
pub(crate) fn multiply(
    m: usize,
    n: usize,
    k: usize,
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
) -> Result<(), ShapeError> {
    let b = ArrayView2::from_shape((n, k), b)?;
    if m == 1 {
        // A GEMM would first copy the weights into panels.
        let mut c = ArrayViewMut1::from_shape(n, c)?;
        general_mat_vec_mul(1.0, &b, &ArrayView1::from_shape(k, a)?, 0.0, &mut c);
    } else {
        let mut c = ArrayViewMut2::from_shape((m, n), c)?;
        general_mat_mul(
            1.0,
            &ArrayView2::from_shape((m, k), a)?,
            &b.t(),
            0.0,
            &mut c,
        );
    }
    Ok(())
}
