//! Layouts of convolution weights.

use crate::real::Real;
use crate::tensor::Tensor;

/// Changes the layout `[outputs, inputs, height, width]` of a tensor of four dimensions, which
/// PyTorch has, to `[outputs, height, width, inputs]`; leaves others as they are.
pub(super) fn oihw_to_ohwi<T: Real>(weight: &mut Tensor<T>) {
    if let &[o, i, h, w] = weight.shape() {
        *weight = transpose_each(weight, i, [o, h, w, i]);
    }
}

/// Changes the layout `[outputs, height, width, inputs]` of a tensor of four dimensions to
/// `[outputs, inputs, height, width]`, which PyTorch has; leaves others as they are.
pub(super) fn ohwi_to_oihw<T: Real>(weight: &mut Tensor<T>) {
    if let &[o, h, w, i] = weight.shape() {
        *weight = transpose_each(weight, h * w, [o, i, h, w]);
    }
}

/// Each of the outputs' matrices of `rows` rows, transposed.
fn transpose_each<T: Real>(weight: &Tensor<T>, rows: usize, shape: [usize; 4]) -> Tensor<T> {
    let each = weight.numel() / shape[0];
    let cols = each / rows;
    let mut transposed = Vec::with_capacity(weight.numel());
    for matrix in weight.data().chunks(each) {
        for col in 0..cols {
            transposed.extend(matrix.iter().skip(col).step_by(cols));
        }
    }
    Tensor::trusted(transposed, shape.to_vec())
}
