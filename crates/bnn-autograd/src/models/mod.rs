//! Ready-made networks.

mod mlp;

pub use mlp::{Mlp, MlpConfig};
