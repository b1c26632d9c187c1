//! Batch norms in evaluation.

/// The parameters of a batch norm.
#[derive(Clone, Debug)]
pub(crate) struct BatchNorm {
    pub(crate) scale: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) mean: Vec<f32>,
    /// `1 / sqrt(variance + epsilon)`.
    pub(crate) factor: Vec<f32>,
}

impl BatchNorm {
    /// The norm of `x` in channel `c`, as ONNX Runtime computes it.
    pub(crate) fn apply(&self, c: usize, x: f32) -> f32 {
        let (scale, bias) = self.line(c);
        x * scale + bias
    }

    /// `(scale, bias)` of channel `c`.
    pub(crate) fn line(&self, c: usize) -> (f32, f32) {
        let scale = self.scale[c] * self.factor[c];
        (scale, self.bias[c] - self.mean[c] * scale)
    }
}
