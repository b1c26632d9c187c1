//! A float network of the same sizes, to compare speeds with: `f32` weights and activations, a fast
//! GEMM (`matrixmultiply`, through `ndarray`), batch norm and hard tanh in one pass over each
//! layer's output.

use bnn_autograd::internal::mlp_layers;
use bnn_autograd::models::Mlp;
use bnn_benches::F32Gemm;

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
        let layers = mlp_layers(mlp)?.into_iter().map(|(weight, affine)| {
            let inputs = weight.value().shape().last().copied().unwrap_or(1);
            let outputs = weight.value().numel() / inputs;
            let (scale, bias) = match affine {
                Some(affine) => (affine.scale, affine.bias),
                None => (vec![1.0; outputs], vec![0.0; outputs]),
            };
            Layer {
                weights: weight.value().data().to_vec(),
                scale,
                bias,
                inputs,
            }
        });
        Ok(Self {
            layers: layers.collect(),
        })
    }

    /// Bytes of its weights and batch norms.
    pub(crate) fn bytes(&self) -> usize {
        let numbers = |l: &Layer| l.weights.len() + l.scale.len() + l.bias.len();
        self.layers.iter().map(numbers).sum::<usize>() * size_of::<f32>()
    }

    /// Replaces the inputs `[samples, inputs]` in `x` by their scores; `y` is a second buffer.
    ///
    /// # Errors
    /// If `x` is not `[samples, inputs]`.
    pub(crate) fn run(
        &self,
        samples: usize,
        x: &mut Vec<f32>,
        y: &mut Vec<f32>,
    ) -> Result<(), bnn_core::Error> {
        for (i, layer) in self.layers.iter().enumerate() {
            y.resize(samples * layer.scale.len(), 0.0);
            let shape = [samples, layer.scale.len(), layer.inputs];
            F32Gemm::MatrixMultiply.multiply(shape, x, &layer.weights, y)?;
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
