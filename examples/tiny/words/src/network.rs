//! The network: convolutions over time, none of them padded, so that it can run on a sound without
//! an end.

use bnn_autograd::nn::{
    BatchNorm, BinaryConv2d, BinaryLinear, Flatten, Sequential, SignWeightConv2d,
};
use bnn_autograd::ops::{ConvOptions, Estimator};
use bnn_autograd::{Error, Rng};
use tiny_audio::FEATURES;

use crate::features::FRAMES;

/// Channels of each convolution.
const CHANNELS: usize = 128;
/// Frames under the first convolution.
const FIRST: usize = 5;
/// Frames between the three taps of each further one.
const DILATIONS: [usize; 4] = [1, 2, 4, 8];
/// Frames that are left for the last layer.
const LEFT: usize = {
    let (mut left, mut i) = (FRAMES + 1 - FIRST, 0);
    while i < DILATIONS.len() {
        left -= 2 * DILATIONS[i];
        i += 1;
    }
    left
};

/// What divides the scores in the loss: sums of so many signs differ by some such number at first.
#[must_use]
pub(crate) fn temperature() -> f64 {
    ((LEFT * CHANNELS) as f64).sqrt()
}

/// A network with random weights, for frames of sound `[samples, 49, 1, 10]`.
///
/// # Errors
/// No classes.
pub(crate) fn network(classes: usize, rng: &mut Rng) -> Result<Sequential, Error> {
    let options = ConvOptions::default();
    let mut net = Sequential::new()
        .then(SignWeightConv2d::new(
            FEATURES,
            CHANNELS,
            [FIRST, 1],
            options,
            rng,
        )?)
        .then(BatchNorm::new(CHANNELS)?);
    for frames in DILATIONS {
        let options = ConvOptions {
            dilation: [frames, 1],
            ..options
        };
        let conv = BinaryConv2d {
            estimator: Estimator::Approx,
            ..BinaryConv2d::new(CHANNELS, CHANNELS, [3, 1], options, rng)?
        };
        net = net.then(conv).then(BatchNorm::new(CHANNELS)?);
    }
    let scores = BinaryLinear::new(LEFT * CHANNELS, classes, rng)?;
    Ok(net.then(Flatten).then(scores))
}
