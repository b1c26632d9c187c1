//! Layouts of convolution weights.

use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// Changes the layout `[outputs, inputs, height, width]`, which PyTorch has, to
/// `[outputs, height, width, inputs]`.
///
/// # Errors
/// [`Error::Shape`] for another rank than 4.
pub fn oihw_to_ohwi<T: Real>(weight: &Tensor<T>) -> Result<Tensor<T>, Error> {
    let [o, i, h, w] = rank4(weight)?;
    Ok(transpose_each(weight, i, [o, h, w, i]))
}

/// Changes the layout `[outputs, height, width, inputs]` to `[outputs, inputs, height, width]`, which
/// PyTorch has.
///
/// # Errors
/// [`Error::Shape`] for another rank than 4.
pub fn ohwi_to_oihw<T: Real>(weight: &Tensor<T>) -> Result<Tensor<T>, Error> {
    let [o, h, w, i] = rank4(weight)?;
    Ok(transpose_each(weight, h * w, [o, i, h, w]))
}

fn rank4<T: Real>(weight: &Tensor<T>) -> Result<[usize; 4], Error> {
    weight.shape().try_into().map_err(|_| Error::Shape {
        what: "weights of a convolution",
        expected: "of 4 dimensions".into(),
        found: weight.shape().to_vec(),
    })
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
