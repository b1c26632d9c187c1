//! A network whose scores are divided by the temperature of its training.

use bnn_autograd::nn::Module;
use bnn_autograd::{Error, Tensor, Var, ops};

use super::network::Network;

/// A network with its scores as its own loss took them.
#[derive(Clone, Debug)]
pub(super) struct Cooled {
    pub(super) network: Network,
    /// Divides the scores; positive and finite.
    pub(super) temperature: f64,
}

impl Module for Cooled {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        let scores = self.network.forward(x)?;
        if self.temperature == 1.0 {
            return Ok(scores);
        }
        let classes = scores.shape().last().copied().unwrap_or(1);
        let factor = Tensor::full((1.0 / self.temperature) as f32, &[classes])?;
        ops::mul(&scores, &scores.tape().constant(factor))
    }

    bnn_autograd::children!(network);
}
