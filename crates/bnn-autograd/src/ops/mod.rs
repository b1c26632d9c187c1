//! Differentiable operations on variables, one file each.

mod add;
mod attention;
mod batch_norm;
mod bce;
mod binary_linear;
mod channel_scale;
mod channels;
mod compact;
mod concat;
pub(crate) mod conv2d;
mod crop;
mod cross_entropy;
mod distillation;
mod dropout;
mod embedding;
mod fixed_point;
mod fixed_rprelu;
mod hard_tanh;
mod huber;
mod integer_scores;
mod l1;
mod linear;
mod linear_shape;
mod loss;
mod masked;
mod mse;
mod mul;
mod pool2d;
mod prelu;
mod quantize;
mod reduce;
mod relu;
mod reshape;
mod scaled_binary_linear;
mod shift;
mod sign_weight_linear;
mod softmax;
mod squared_hinge;
mod sub;

pub use add::add;
pub use attention::binary_attention;
#[doc(hidden)] // for the C interface
pub use batch_norm::fold_batch_norm;
pub use batch_norm::{Affine, ColumnStats, batch_norm, batch_norm_eval};
pub use bce::bce_with_logits;
pub use binary_linear::{
    BinaryLinearForward, BinaryWeights, LinearWeights, binary_linear, binary_linear_packed,
};
pub(crate) use channel_scale::channel_scale;
pub(crate) use channels::{column_sums_of, scale_rows};
pub use concat::concat;
pub use conv2d::{
    BinaryConv2dForward, ConvOptions, PadValue, Padding, binary_conv2d, conv2d, sign_weight_conv2d,
};
pub(crate) use conv2d::{
    MaxPool, ResidualUnit, UnitVars, binary_conv2d_max_pool2d, fixed_conv2d, ordered_conv2d,
    residual_unit, sign_weight_conv2d_max_pool2d,
};
pub use crop::crop;
pub use cross_entropy::cross_entropy;
pub use distillation::distillation;
pub(crate) use dropout::check_probability;
pub use dropout::dropout;
pub use embedding::embedding;
pub use fixed_point::fixed_point;
pub(crate) use fixed_point::{FixedAffine, check_exponent, fixed_affine};
pub(crate) use fixed_rprelu::{FixedRprelu, fixed_rprelu};
pub use hard_tanh::hard_tanh;
pub use huber::huber;
pub(crate) use integer_scores::{Exponents, integer_scores};
pub use l1::l1;
pub use linear::linear;
pub(crate) use linear::{integer_linear, ordered_linear};
pub use mse::mse;
pub use mul::mul;
pub use pool2d::{avg_pool2d, global_avg_pool, max_pool2d};
pub use prelu::prelu;
pub use quantize::{
    Estimator, Lsq, ScaledSign, WeightQuantizer, dorefa_activations, lsq, quantize_weights, sign,
};
pub(crate) use quantize::{int8_values, int8_weights, row_scales};
pub(crate) use reduce::column_sums;
pub use reduce::{mean, sum};
pub use relu::relu;
pub use reshape::{flatten, reshape};
pub use scaled_binary_linear::scaled_binary_linear;
pub(crate) use shift::shift;
pub use sign_weight_linear::sign_weight_linear;
pub use softmax::{log_softmax, softmax};
pub use squared_hinge::squared_hinge;
pub use sub::sub;
