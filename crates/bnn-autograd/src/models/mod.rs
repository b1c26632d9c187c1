//! Ready-made networks.

mod cnn;
mod mlp;
mod residual;
pub(crate) mod size;

pub use cnn::{Cnn, CnnConfig};
pub use mlp::{Mlp, MlpConfig};
pub use residual::{Family, ResidualConfig, ResidualNet, StemConfig, UnitConfig};
