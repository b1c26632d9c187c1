//! The settings of an export.

use bnn_core::model::InputType;

use crate::tensor::Tensor;

/// The facts about a network and the file that [`export`](super::export) needs. An [`InputType`]
/// alone is a configuration too.
///
/// ```
/// use bnn_autograd::export::{ExportConfig, export};
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Sequential};
/// use bnn_autograd::{Rng, Tensor};
/// use bnn_core::model::InputType;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut net = Sequential::new()
///     .then(BinaryLinear::new(4, 2, &mut Rng::new(1))?)
///     .then(BatchNorm::new(2)?);
/// let samples = Tensor::new(vec![1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0, 1.0], &[2, 4])?;
/// let config = ExportConfig {
///     meta: "name=example\n",
///     samples: Some(&samples),
///     ..InputType::Bits.into()
/// };
/// let file = export(&mut net, config)?;
/// # assert!(!file.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ExportConfig<'a> {
    /// The elements of the samples: -1 and +1, integers from 0, or bytes that become bits by
    /// thresholds.
    pub input: InputType,
    /// Text that the file keeps, by convention lines of `key=value`.
    pub meta: &'a str,
    /// `[height, width, channels]` of the samples, if they are images and the network does not say
    /// so itself, as [`Cnn`](crate::models::Cnn) does.
    pub image: Option<[usize; 3]>,
    /// Samples to compare file and network on, instead of random ones: `[samples, ..]`, as the
    /// network takes them.
    pub samples: Option<&'a Tensor>,
    /// The allowed distance of the scores of several affine steps at the end from those of the
    /// network, as a share of the largest score that an output can have: 0 to 1. The difference is
    /// that of rounding, some 1e-7, and is checked for every sum that can occur. Bits and integer
    /// scores are exact in any case.
    pub tolerance: f64,
}

impl From<InputType> for ExportConfig<'_> {
    /// Samples of this type, which are not images unless the network says so; no text, random
    /// samples to compare on, no tolerance.
    fn from(input: InputType) -> Self {
        Self {
            input,
            meta: "",
            image: None,
            samples: None,
            tolerance: 0.0,
        }
    }
}
