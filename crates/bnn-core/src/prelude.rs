//! What most programs use: `use bnn_core::prelude::*;`.

pub use crate::model::{Input, Model, Output};
pub use crate::pack::{pack, unpack};
#[cfg(feature = "alloc")]
pub use crate::{BitMatrix, FloatRows, PackedWeights};
pub use crate::{
    BitMatrixView, BitMatrixViewMut, Error, Planes, gemm_bits, gemm_f32, gemm_i32, matrix_words,
    row_words,
};
