//! Layers: functions together with the parameters and buffers they own.

mod attention;
mod batch_norm;
mod binary_conv2d;
mod binary_linear;
mod channel_scale;
mod conv2d;
mod dropout;
mod embedding;
mod flatten;
mod gradients;
mod hard_tanh;
pub mod init;
mod input_thresholds;
mod linear;
mod module;
mod outline;
mod pool2d;
mod prelu;
mod react;
mod residual;
mod sequential;
mod sign_weight_conv2d;
mod sign_weight_linear;
pub(crate) mod walk;

pub use attention::BinaryAttention;
pub use batch_norm::BatchNorm;
pub use binary_conv2d::BinaryConv2d;
pub use binary_linear::BinaryLinear;
pub use channel_scale::ChannelScale;
pub use conv2d::Conv2d;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use hard_tanh::HardTanh;
pub use input_thresholds::InputThresholds;
pub use linear::Linear;
pub use module::Module;
pub use pool2d::{AvgPool2d, GlobalAvgPool, MaxPool2d};
pub use prelu::PReLU;
pub use react::{RPReLU, RSign};
pub use residual::Residual;
pub use sequential::Sequential;
pub use sign_weight_conv2d::SignWeightConv2d;
pub use sign_weight_linear::SignWeightLinear;

pub use crate::param::{Param, ParamKind};
